"""A value is fresh until its first hour is final, then known for good; who came first does not matter."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.known import DAILY, chance_of_new, is_known, kinds_known, meet, observe, settled_until
from detector.features.timeline import HOUR, Horizon

START = 490_000
MONTH = 30 * 24
LATE = Horizon.of(HOUR, 1200.0)
PUNCTUAL = Horizon.of(HOUR, 0.0)


def test_a_value_is_fresh_in_its_first_hours_and_known_once_they_are_final() -> None:
    values: dict[str, int] = {}
    assert [observe(values, "graph", START + hour, LATE, 10) for hour in range(6)] == [False, False, *[True] * 4]


def test_without_lateness_a_value_is_known_in_the_next_hour() -> None:
    values: dict[str, int] = {}
    assert [observe(values, "graph", START + hour, PUNCTUAL, 10) for hour in (0, 0, 1)] == [False, False, True]


def test_the_first_hour_is_the_earliest_whatever_arrived_first() -> None:
    values: dict[str, int] = {}
    assert not observe(values, "graph", START + 1, LATE, 10)
    assert not observe(values, "graph", START, LATE, 10)
    assert observe(values, "graph", START + 2, LATE, 10)


def test_a_late_record_of_a_known_value_leaves_its_last_hour_alone() -> None:
    values: dict[str, int] = {}
    for hour in (0, 10):
        observe(values, "graph", START + hour, LATE, 10)
    assert values == {"graph": START + 10}
    assert observe(values, "graph", START + 9, LATE, 10)
    assert observe(values, "graph", START + 10, LATE, 10)
    assert values == {"graph": START + 10}


def test_asking_remembers_nothing() -> None:
    values: dict[str, int] = {}
    assert not is_known(values, "graph", START, LATE)
    assert values == {}


def test_values_are_counted_once_they_are_known() -> None:
    values: dict[str, int] = {}
    observe(values, "graph", START, LATE, 10)
    observe(values, "vault", START + 3, LATE, 10)
    assert [kinds_known(values, START + hour, LATE) for hour in (0, 1, 2, 4, 5)] == [0, 0, 1, 1, 2]
    observe(values, "graph", START + 20, LATE, 10)
    assert kinds_known(values, START + 20, LATE) == 2
    assert is_known(values, "graph", START + 20, LATE)


def test_a_flood_of_invented_values_neither_grows_the_memory_nor_pushes_out_what_is_known() -> None:
    values: dict[str, int] = {}
    observe(values, "graph", START, LATE, 4)
    for n in range(1000):
        assert not observe(values, f"invented {n}", START + 5, LATE, 4)
    assert len(values) == 4
    assert observe(values, "graph", START + 6, LATE, 4)


def test_values_not_seen_for_a_month_make_room() -> None:
    values: dict[str, int] = {}
    observe(values, "fresh once", START, LATE, 2)
    for hour in (0, 10):
        observe(values, "used", START + hour, LATE, 2)
    assert not observe(values, "new", START + MONTH + DAILY + 5, LATE, 2)
    assert set(values) == {"used", "new"}


def test_nothing_makes_room_within_the_month() -> None:
    values: dict[str, int] = {}
    observe(values, "a", START, LATE, 1)
    assert not observe(values, "b", START + MONTH + DAILY, LATE, 1)
    assert set(values) == {"a"}


@given(
    st.integers(0, 3600),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12 * HOUR)), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_the_verdict_of_an_hour_depends_on_the_final_hours_alone(
    lateness: int, seen: list[tuple[str, int]], chance: random.Random
) -> None:
    """Told in any order within the lateness, every verdict is what the sorted history says."""
    horizon = Horizon.of(HOUR, lateness)
    arrivals = sorted(seen, key=lambda pair: pair[1] + chance.uniform(0.0, lateness))
    values: dict[str, int] = {}
    for value, time in arrivals:
        hour = START + time // HOUR
        first = min(START + t // HOUR for v, t in seen if v == value)
        expected = first <= hour - horizon.lag
        assert is_known(values, value, hour, horizon) == expected
        assert observe(values, value, hour, horizon, 10) == expected


@pytest.mark.parametrize(
    ("kinds", "experience", "expected"), [(0, 0.0, 1.0), (1, 24.0, 0.06), (9, 1.0, 1.0), (4, 299.0, 0.01)]
)
def test_the_chance_of_something_new(kinds: int, experience: float, expected: float) -> None:
    assert chance_of_new(kinds, experience) == pytest.approx(expected)


@given(st.integers(0, 500), st.floats(0.0, 500.0))
def test_the_chance_of_something_new_falls_with_experience_and_rises_with_variety(kinds: int, seen: float) -> None:
    chance = chance_of_new(kinds, seen)
    assert 0.0 < chance <= 1.0
    assert chance_of_new(kinds, seen + 1.0) <= chance <= chance_of_new(kinds + 1, seen)


def test_experience_that_halves_in_a_fortnight_never_makes_one_key_alone_very_surprised() -> None:
    """With every hour of the past active, the chance of a new kind stays above three in a thousand."""
    most = sum(2.0 ** (-hour / (14 * 24)) for hour in range(50_000))
    assert most == pytest.approx(485, abs=1)
    assert chance_of_new(1, most) > 3e-3


@given(st.integers(0, 3600), st.lists(st.integers(0, 80), min_size=1, max_size=12), st.integers(0, 40))
def test_what_is_settled_may_be_met_again_without_a_change(lateness: int, hours: list[int], later: int) -> None:
    """Which is what lets the engine pass by a value that it has met."""
    horizon, values = Horizon.of(HOUR, lateness), dict[str, int]()
    for hour in hours:
        state = meet(values, "graph", START + hour, horizon, 10)
    assert state == values["graph"]
    until = settled_until(state, START + hours[-1], horizon)
    again = START + hours[-1] + later
    meet(values, "graph", again, horizon, 10)
    assert (values == {"graph": state}) == (again < until)


def test_what_found_no_room_is_never_settled() -> None:
    values: dict[str, int] = {}
    assert [meet(values, name, START, LATE, 1) for name in "ab"] == [-START, 0]
    assert settled_until(0, START, LATE) == START
