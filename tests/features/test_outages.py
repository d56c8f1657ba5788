"""Whom an edit blocks."""

from __future__ import annotations

import pytest

from detector.features.outages import CAPACITY, LASTS, Outage


def outage(**fields: object) -> Outage:
    told = {"time": 100.0, "record_id": "r", "policy_id": "p", "policy_name": "P", "location": False}
    told |= {"who": "", "name": "", "address": "", "activity": "", "pipeline": ""}
    return Outage(**(told | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("time", "holds"), [(100.0, False), (100.1, True), (100.0 + LASTS, True), (100.1 + LASTS, False)]
)
def test_it_lasts_two_hours(time: float, holds: bool) -> None:
    assert outage().holds(time) is holds


@pytest.mark.parametrize(
    ("fields", "policy", "explains"),
    [
        ({}, "p", True),
        ({}, "q", False),
        ({}, "", True),
        ({"policy_id": ""}, "q", True),
        ({"location": True}, "q", True),
    ],
)
def test_it_explains_what_its_policy_or_a_nameless_one_refused(
    fields: dict[str, object], policy: str, explains: bool
) -> None:
    assert outage(**fields).explains(policy) is explains


def test_each_agent_counts_once_with_its_earliest_refusal() -> None:
    one = outage()
    assert [one.count("a", 300.0), one.count("a", 200.0), one.count("a", 250.0)] == [True, False, False]
    assert one.agents == {"a": 200.0}


def test_beyond_a_thousand_it_is_as_bad() -> None:
    one = outage()
    assert all(one.count(str(number), 200.0) for number in range(CAPACITY))
    assert not one.count("more", 200.0)
    assert not one.count("0", 150.0)
    assert one.agents["0"] == 150.0
