"""Environments that attributes show: what was known before a moment, in any order of arrival."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features import environments
from detector.features.environments import Seen, known_before, note

HOUR = 3_600.0


@pytest.mark.parametrize(
    ("time", "known"), [(10.0, None), (10.5, "production"), (20.0, "production"), (21.0, "non_production")]
)
def test_the_last_observation_before_a_moment_counts(time: float, known: str | None) -> None:
    seen: Seen = []
    note(seen, 20.0, "non_production")
    note(seen, 10.0, "production")
    note(seen, 10.0, "production")
    assert len(seen) == 2
    assert known_before(seen, time) == known


@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=40, unique_by=lambda each: each[0]), st.integers()
)
def test_disorder_within_an_hour_changes_nothing(told: list[tuple[int, bool]], seed: int) -> None:
    dice = Random(seed)
    ordered = sorted(told)
    arrival = {at: at * HOUR / 2 + dice.choice((0.0, HOUR)) for at, _ in ordered}
    first: Seen = []
    second: Seen = []
    for at, production in ordered:
        note(first, at * HOUR / 2, "production" if production else "non_production")
    for at, production in sorted(ordered, key=lambda each: arrival[each[0]]):
        note(second, at * HOUR / 2, "production" if production else "non_production")
    newest = ordered[-1][0] * HOUR / 2 if ordered else 0.0
    for back in range(8):
        assert known_before(first, newest - back * HOUR / 2 + 1) == known_before(second, newest - back * HOUR / 2 + 1)


def test_what_repeats_itself_is_forgotten_and_the_rest_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Seen = []
    for hour in range(100):
        note(seen, hour * HOUR, "production")
    assert len(seen) == 6
    monkeypatch.setattr(environments, "CAPACITY", 4)
    for hour in range(100, 120):
        note(seen, hour * HOUR, "production" if hour % 2 else "non_production")
    assert len(seen) == 4
