"""Who was at work in an hour: the compiled walk takes in and tells what the plain one does."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.engine import attendance, compiled
from detector.features.apis import ApiMemory
from detector.features.memory import IdentityMemory
from detector.features.timeline import STEPS_PER_HOUR, horizons
from detector.features.token_rate import RateMemory, roll

FIRST = 490_000
"""Some hour."""

pytestmark = pytest.mark.skipif(not compiled.COMPILED, reason="nothing was compiled")


def identity(number: int) -> IdentityMemory:
    kind = "blueprint" if number == 0 else "agent"
    return IdentityMemory(kind, f"id-{number}", None, None, 0.0, rates=RateMemory(), apis=ApiMemory(), networks={})


def told(people: dict[str, IdentityMemory], hour: int) -> tuple[list[str], list[str]]:
    present, quiet = compiled.attending()(people, hour)
    assert [memory for _, memory in present] == [each.periods for each, _ in present]
    return [each.id for each, _ in present], [each.id for each in quiet]


@pytest.mark.untraced
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.sets(st.integers(0, 5))), max_size=80))
def test_both_ways_agree_over_weeks_with_pauses(stints: list[tuple[int, int, set[int]]]) -> None:
    people = {f"id-{number}": identity(number) for number in range(3)}
    spans, hour = horizons(3600.0), FIRST
    for number, pause, steps in stints:
        for step in sorted(steps):
            rates = people[f"id-{number}"].rates
            if hour * STEPS_PER_HOUR + step > rates.bucket:
                roll(rates, hour * STEPS_PER_HOUR + step, spans, (20, 40, 90))
        plain = deepcopy(people)
        present, quiet = attendance.at_work(plain, hour)
        assert told(people, hour) == ([each.id for each, _ in present], [each.id for each in quiet])
        assert people == plain
        hour += 1 + pause


def test_who_has_stayed_away_for_longer_than_usual_is_quiet() -> None:
    people = {"id-1": identity(1)}
    spans, memory = horizons(3600.0), people["id-1"].rates
    for hour in range(FIRST, FIRST + 20):
        roll(memory, hour * STEPS_PER_HOUR, spans, (20, 40, 90))
        assert [each.id for each, _ in attendance.at_work(people, hour)[0]] == ["id-1"]
    assert people["id-1"].periods is not None
    patience = people["id-1"].periods.patience
    assert attendance.at_work(people, FIRST + 19 + patience - 1) == ([], [])
    assert attendance.at_work(people, FIRST + 19 + patience) == ([], [people["id-1"]])


def test_what_is_no_memory_of_an_identity_is_refused() -> None:
    strangers: Any = {"id": object()}
    with pytest.raises(TypeError):
        compiled.attending()(strangers, FIRST)
