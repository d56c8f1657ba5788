"""Schedules: which ten minutes of an hour a key keeps to, and what it does beside them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features import periods, schedule
from detector.features.periods import STRETCH, PeriodMemory
from detector.features.schedule import LEAST_SEEN
from tests.features import naive

START = naive.START // 3600

Masks = st.lists(st.integers(1, 63), min_size=1, max_size=80)


def told(masks: list[int]) -> PeriodMemory:
    """A key that was at work in one hour after the other, in these of its ten minutes."""
    memory = PeriodMemory()
    for hour, mask in enumerate(masks):
        periods.take_in(memory, START + hour, mask)
    return memory


@given(Masks)
def test_ten_minutes_are_counted_once_they_are_a_day_old(masks: list[int]) -> None:
    memory, old = told(masks), masks[: max(0, len(masks) - periods.HOURS)]
    assert list(periods.at_work(memory)) == [*(sum(mask >> place & 1 for mask in old) for place in range(6)), len(old)]


@given(Masks)
def test_what_lies_off_the_schedule_is_counted_in_two_hours(masks: list[int]) -> None:
    memory, hour = told(masks), START + len(masks) - 1
    kept = schedule.schedule_of(memory)
    if kept is not None:
        newest = masks[-STRETCH:]
        assert schedule.off_schedule(memory, kept, hour) == sum(
            mask >> place & 1 for mask in newest for place in kept.off
        )
        assert kept.usual > 0.0
        assert kept.seen >= LEAST_SEEN
    for place in range(6):
        assert periods.busy_at(memory, hour + STRETCH, STRETCH, place) == 0, "it has been idle since"


@pytest.mark.parametrize(
    ("mask", "off"), [(0b000001, (1, 2, 3, 4, 5)), (0b001001, (1, 2, 4, 5)), (0b111111, None), (0b011111, (5,))]
)
def test_a_key_keeps_to_the_ten_minutes_of_its_runs(mask: int, off: tuple[int, ...] | None) -> None:
    kept = schedule.schedule_of(told([mask] * 60))
    assert (kept.off if kept is not None else None) == off


def test_a_key_needs_hours_at_work() -> None:
    assert schedule.schedule_of(told([1] * (24 + LEAST_SEEN - 1))) is None
    assert schedule.schedule_of(told([1] * (24 + LEAST_SEEN))) is not None


def test_whose_minutes_wander_has_no_schedule() -> None:
    """Each of the six ten minutes is seldom busy, or none is."""
    assert schedule.schedule_of(told([1 << hour % 6 for hour in range(60)])) is None


def test_a_stray_run_now_and_then_is_expected_from_then_on() -> None:
    strict, lax = (schedule.schedule_of(told([*[1] * 40, *first, *[1] * 44])) for first in ([1] * 2, [0b111] * 2))
    assert strict is not None
    assert lax is not None
    assert strict.usual == pytest.approx(STRETCH * 5 * 0.5 / 63)
    assert lax.usual == pytest.approx(STRETCH * (4 + 5 * 0.5) / 63)


def test_too_many_stray_runs_are_no_schedule() -> None:
    masks = [0b000001 | (1 << 1 + hour % 5 if hour % 3 == 0 else 0) for hour in range(84)]
    assert schedule.schedule_of(told(masks)) is None


def test_the_past_is_forgotten_by_halves() -> None:
    *places, hours = periods.at_work(told([1] * (24 + 250)))
    assert (places, hours) == ([130, 0, 0, 0, 0, 0], 130)


def test_what_hardly_ever_happens_comes_in_clusters() -> None:
    """A geometric distribution."""
    assert schedule.chance(3, 0.25) == pytest.approx(0.2**3)
    assert schedule.chance(0, 0.25) == 1.0
