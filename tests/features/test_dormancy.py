"""How long a pause is, measured by the usual pauses of whoever makes it."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.apis import ApiMemory, Apis, ApiSettings
from detector.features.dormancy import DormancySettings, Pause, pause_before
from detector.features.timeline import DAY, HOUR, Horizon
from tests.features import naive

START = naive.START // HOUR
APIS = Apis(ApiSettings(), Horizon.of(HOUR, 1200.0))


def memory_of(hours: list[int]) -> ApiMemory:
    memory = ApiMemory()
    for hour in hours:
        APIS.observe(memory, "graph", START + hour)
    return memory


def pause_of(hours: list[int], limit: int = 1 << 30) -> Pause | None:
    return pause_before(memory_of(hours), START + limit, START + hours[0])


@pytest.mark.parametrize("every", [1, 2, 7, 24, 168, 720])
@pytest.mark.parametrize("number", [2, 3, 10, 60])
def test_the_usual_pause_of_a_regular_job_is_exact(every: int, number: int) -> None:
    pause = pause_of([every * n for n in range(number)])
    assert pause is not None
    assert pause.since == START + every * (number - 1)
    assert pause.usual == pytest.approx(every, rel=1e-6)
    assert pause.longest == every


def test_a_single_hour_says_nothing_of_pauses() -> None:
    pause = pause_of([0])
    assert pause is not None
    assert (pause.usual, pause.seen, pause.longest) == (inf, 1.0, 0)
    assert pause.dormant_at(DormancySettings(seen=1.0)) == inf


def test_who_was_never_seen_makes_no_pause() -> None:
    assert pause_before(ApiMemory(), START, START) is None
    assert pause_of([5], limit=4) is None


@given(st.sets(st.integers(0, 400), min_size=1, max_size=60), st.integers(0, 2))
def test_it_is_the_pause_before_the_limit_whatever_was_folded(active: set[int], back: int) -> None:
    """The limit is the newest hour, or up to the two before it, as a judgement may ask."""
    hours = sorted(active)
    limit = hours[-1] - back
    before = [hour for hour in hours if hour <= limit]
    pause = pause_of(hours, limit)
    if not before:
        assert pause is None
        return
    assert pause is not None
    assert pause.since == START + before[-1]
    assert pause.seen == pytest.approx(sum(2 ** ((hour - before[-1]) / 336) for hour in before))
    assert pause.longest == max((b - a for a, b in pairwise(before)), default=0)
    assert pause.usual >= 1


@pytest.mark.parametrize(
    ("pause", "moment"),
    [
        (Pause(0, 100.0, 1.0, 10), HOUR + 30 * DAY),
        (Pause(0, 100.0, 72.0, 72), HOUR + 60 * DAY),
        (Pause(0, 100.0, 1.0, 40 * 24), HOUR + 60 * DAY),
        (Pause(0, 4.0, 1.0, 1), HOUR + 30 * DAY),
        (Pause(0, 3.9, 1.0, 1), inf),
    ],
)
def test_days_usual_pauses_the_longest_one_and_experience_all_count(pause: Pause, moment: float) -> None:
    assert pause.dormant_at(DormancySettings()) == moment


def test_the_first_day_is_the_one_that_begins_dormant() -> None:
    assert Pause(23, 9.0, 1.0, 1).first_day(DormancySettings()) == 31
    assert Pause(24, 9.0, 1.0, 1).first_day(DormancySettings()) == 32
    assert Pause(24, 1.0, 1.0, 1).first_day(DormancySettings()) == inf


def test_the_longest_pause_is_remembered_when_its_hours_are_folded() -> None:
    memory = memory_of([0, 1, 2, 500, *range(501, 560)])
    assert memory.closed[0] > START + 500
    assert memory.rest == 498
