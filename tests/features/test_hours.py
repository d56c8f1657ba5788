"""Rows of finished hours: 0 for an ordinary one, and each part speaks of what it is about."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.engine.state import decoder, encoder
from detector.features import hours
from detector.features.hours import PARTS, BlueprintDay, Hour, HourMemory, Row
from tests.stories import HOUR, START

FIRST = int(START // HOUR)


def facts(hour: int, **fields: Any) -> Hour:
    told: dict[str, Any] = {
        "hour": hour,
        "requests": 4,
        "failures": 0,
        "expected": 4.0,
        "dispersion": 0.3,
        "seen": 100.0,
        "siblings": 3,
        "usual_siblings": 3.0,
        "siblings_requests": 12,
        "siblings_expected": 12.0,
        "resources": ["graph"],
        "new_resources": 0.0,
        "kinds": 0,
        "unknown_resources": 0.0,
        "new_networks": 0.0,
        "networks": 0,
        "unknown_networks": 0.0,
        "new_means": 0.0,
        "means": 0,
        "presence": 1.0,
    }
    return Hour(**(told | fields))


def lived(days: int = 20, every: int = 1, **fields: Any) -> tuple[HourMemory, BlueprintDay, int]:
    """Memory of some steady days, and the hour behind them."""
    memory, day = HourMemory(), BlueprintDay()
    for hour in range(FIRST, FIRST + 24 * days, every):
        hours.learn(memory, facts(hour, **fields))
        hours.learn_blueprint(day, hour, 16)
    return memory, day, FIRST + 24 * days


def parts(memory: HourMemory, day: BlueprintDay, hour: Hour) -> dict[str, float]:
    return dict(zip(PARTS, hours.row(memory, day, hour), strict=True))


def test_an_ordinary_hour_is_near_zero_in_every_part() -> None:
    memory, day, now = lived()
    told = parts(memory, day, facts(now))
    assert set(told) == set(PARTS)
    assert {name for name, value in told.items() if abs(value) > 0.6} == set()


@pytest.mark.parametrize(
    ("part", "strange"),
    [
        ("volume", {"requests": 40}),
        ("surprise", {"requests": 40}),
        ("apart", {"requests": 40}),
        ("alone", {"siblings": 0, "siblings_requests": 0, "siblings_expected": 0.0}),
        ("spread", {"resources": list("abcdefg")}),
        ("new_resources", {"new_resources": 1.0, "kinds": 1}),
        ("new_resources", {"new_resources": 1.0, "unknown_resources": 1.0}),
        ("mix", {"resources": ["mail"]}),
        ("failing", {"failures": 4}),
        ("new_networks", {"new_networks": 1.0, "networks": 2}),
        ("new_networks", {"new_networks": 1.0, "unknown_networks": 1.0}),
        ("new_means", {"new_means": 1.0}),
        ("day_volume", {"requests": 900}),
        ("day_apart", {"requests": 900}),
    ],
)
def test_a_part_speaks_of_its_own_matter(part: str, strange: dict[str, Any]) -> None:
    memory, day, now = lived()
    ordinary, odd = parts(memory, day, facts(now)), parts(memory, day, facts(now, **strange))
    assert odd[part] > ordinary[part] + 0.5


def test_growth_that_siblings_share_is_divided_out() -> None:
    memory, day, now = lived()
    shared = parts(memory, day, facts(now, requests=40, siblings_requests=120))
    own = parts(memory, day, facts(now, requests=40))
    assert shared["volume"] == own["volume"]
    assert abs(shared["apart"]) < 0.3 < own["apart"]


def test_an_agent_without_expectation_has_no_volume() -> None:
    memory, day, now = lived()
    told = parts(memory, day, facts(now, expected=0.0))
    assert told["volume"] == told["surprise"] == 0.0


def test_an_hour_outside_its_day_is_off_hours() -> None:
    memory, day, now = lived(every=24)
    assert parts(memory, day, facts(now + 12))["off_hours"] > parts(memory, day, facts(now))["off_hours"] + 0.5


def test_a_blueprint_that_is_never_at_work_makes_it_stranger() -> None:
    memory, day, now = lived(days=2, every=24)
    asleep, awake = facts(now + 12, presence=0.0), facts(now + 12, presence=1.0)
    assert parts(memory, day, asleep)["off_hours"] > parts(memory, day, awake)["off_hours"]


def test_a_pause_is_held_against_the_usual_ones() -> None:
    memory, day, now = lived(every=6)
    assert parts(memory, day, facts(now + 60))["gap"] > 3.0
    assert parts(memory, day, facts(now - 5))["gap"] < -3.0


def test_a_beacon_after_irregular_work_is_regular() -> None:
    memory, day = HourMemory(), BlueprintDay()
    now = FIRST
    for step in range(120):
        now += (1, 9, 2, 5)[step % 4]
        hours.learn(memory, facts(now))
    assert abs(parts(memory, day, facts(now + 4))["regular"]) < 0.5
    for _ in range(12):
        now += 2
        hours.learn(memory, facts(now))
    assert parts(memory, day, facts(now + 2))["regular"] > 0.5


def test_another_mix_of_resources_is_noticed_over_hours() -> None:
    memory, day, now = lived(resources=["graph", "mail"])
    assert parts(memory, day, facts(now, resources=["graph", "mail"]))["mix_of_late"] < 0.3
    for hour in range(now, now + 24):
        hours.learn(memory, facts(hour, resources=["mail"]))
    assert parts(memory, day, facts(now + 24, resources=["mail"]))["mix_of_late"] > 0.8


@pytest.mark.untraced
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True), min_size=1, max_size=30))
def test_the_order_of_an_hours_resources_changes_no_digit(used: list[list[str]]) -> None:
    def told(order: Callable[[list[str]], list[str]]) -> list[Row]:
        memory, day, rows = HourMemory(), BlueprintDay(), []
        for hour, resources in enumerate(used, FIRST):
            each = facts(hour, resources=order(resources))
            if hour > FIRST:
                rows.append(hours.row(memory, day, each))
            hours.learn(memory, each)
        return rows

    assert told(sorted) == told(lambda resources: sorted(resources, reverse=True))


def test_hours_without_any_granted_token_have_no_mix() -> None:
    memory, day, now = lived(resources=[])
    told = parts(memory, day, facts(now, resources=[], failures=4))
    assert told["mix"] == told["mix_of_late"] == 0.0


def test_a_day_says_more_than_an_hour() -> None:
    memory, day, now = lived(every=6)
    for hour in range(now, now + 20):
        hours.learn(memory, facts(hour))
    told = parts(memory, day, facts(now + 20))
    assert told["day_hours"] > 1.0
    assert told["day_volume"] > 1.0


def test_a_burst_teaches_a_bounded_amount() -> None:
    memory, _, now = lived()
    before = memory.numbers[1]
    hours.learn(memory, facts(now, requests=100_000))
    assert memory.numbers[1] - before < 13 * hours.weight(now * HOUR)


def test_the_first_hour_of_a_blueprint_has_no_common_day() -> None:
    memory, _, now = lived()
    fresh = BlueprintDay()
    hours.learn_blueprint(fresh, now, 500)
    told = parts(memory, fresh, facts(now))
    assert told["day_apart"] == told["day_volume"]
    assert parts(memory, BlueprintDay(), facts(now))["day_apart"] == told["day_volume"]


def test_the_resources_that_are_followed_are_bounded_and_the_used_ones_stay() -> None:
    memory, _, now = lived(days=30)
    for step in range(200):
        hours.learn(memory, facts(now + step, resources=["graph", f"invented-{step}", f"other-{step}"]))
    assert "graph" in memory.uses
    assert len(memory.uses) <= 16
    assert len(memory.uses_of_late) <= 16
    for step in range(24 * 90):
        hours.learn(memory, facts(now + 200 + step, resources=["vault"]))
    assert "vault" in memory.uses, "what is used for weeks takes the place of what is not"


def test_experience_is_counted_in_hours_of_today() -> None:
    memory, _, now = lived(days=1)
    assert hours.experience(memory, now) == pytest.approx(24.0, rel=0.05)
    assert hours.experience(memory, now + 24 * 14) == pytest.approx(12.0, rel=0.05)


def test_memory_survives_writing_down() -> None:
    memory, day, now = lived()
    other = decoder(HourMemory).decode(encoder().encode(memory))
    assert parts(other, msgspec.structs.replace(day), facts(now)) == parts(memory, day, facts(now))


@pytest.mark.untraced
@given(
    st.lists(
        st.tuples(
            st.integers(1, 2_000),
            st.integers(0, 10**6),
            st.integers(0, 10**6),
            st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), unique=True),
        ),
        min_size=3,
        max_size=40,
    ),
    st.floats(0.0, 10.0),
)
def test_whatever_is_told_rows_are_bounded_numbers(
    story: list[tuple[int, int, int, list[str]]], presence: float
) -> None:
    memory, day, hour = HourMemory(), BlueprintDay(), FIRST
    for number, (gap, requests, failures, resources) in enumerate(story):
        hour += gap
        told = facts(hour, requests=requests, failures=failures, resources=resources, presence=presence)
        if number > 1:
            row = hours.row(memory, day, told)
            assert len(row) == len(PARTS)
            assert all(isfinite(value) and abs(value) <= 20.0 for value in row)
        hours.learn(memory, told)
        hours.learn_blueprint(day, hour, requests)


def test_memory_is_small() -> None:
    memory, day, _ = lived(resources=[f"00000003-0000-0000-c000-{n:012d}" for n in range(40)])
    assert len(encoder().encode(memory)) < 2_048
    assert len(encoder().encode(day)) < 64
