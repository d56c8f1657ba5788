"""D09: tokens for unusually many resources within an hour."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from detector.detectors.api_spread import ApiSpread
from detector.domain.events import Event
from tests.detectors.stage import AGENT, CREW, NOW, TENANT, said, same_however_told, signal
from tests.stories import BLOCKED, HOUR, in_order

NAME = "api_spread"


def sweep(resources: Iterable[object], *, at: float = NOW, every: float = 60.0, error: int = 0) -> list[Event]:
    return [
        TENANT.sign_in(AGENT, at + place * every, resource=f"api {name}", error=error)
        for place, name in enumerate(resources)
    ]


def test_a_sweep_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, sweep(range(8)))
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D09",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "4 different resources within an hour"
    assert alert.explanation == (
        "invoices got tokens for 4 different resources in 1 hour, 4 of them new to it; usually 1 in an active hour, "
        "learned from 188 of them (p = 6e-10)."
    )


@pytest.mark.parametrize(("resources", "alerts"), [(3, 0), (4, 1)])
def test_below_the_floor_no_spread_is_judged(resources: int, alerts: int) -> None:
    assert len(said(NAME, sweep(range(resources)))) == alerts


def test_asking_often_for_the_same_few_is_no_spread() -> None:
    assert said(NAME, sweep([n % 3 for n in range(60)], every=30.0)) == []


def test_refused_requests_reach_nothing_and_spread_nothing() -> None:
    assert said(NAME, sweep(range(50), every=10.0, error=BLOCKED)) == []


def test_a_sweep_across_the_hour_is_counted_by_clock_hours() -> None:
    """Three in one hour and three in the next stay below the floor of each: the price of order independence."""
    assert said(NAME, sweep(range(6), at=NOW + HOUR - 150, every=60.0)) == []


def test_an_agent_whose_work_is_to_call_everything_is_left_alone_once_that_is_learned() -> None:
    broad = [f"api {n}" for n in range(6)]
    history = TENANT.calm(AGENT, hours=120, at=NOW, per_hour=6, resources=broad)
    again = TENANT.calm(AGENT, hours=6, at=NOW + 120 * HOUR, per_hour=6, resources=broad)
    assert len(said(NAME, history)) == len(said(NAME, history, again)) == 1


def test_a_newborn_is_not_judged() -> None:
    newborn = TENANT.agent("newborn")
    young = TENANT.calm(newborn, hours=10, at=NOW, per_hour=4)
    burst = [TENANT.sign_in(newborn, NOW + 11 * HOUR + n, resource=f"api {n}") for n in range(20)]
    assert said(NAME, young, burst) == []


def test_a_day_later_it_is() -> None:
    newborn = TENANT.agent("newborn")
    young = TENANT.calm(newborn, hours=24, at=NOW, per_hour=4)
    burst = [TENANT.sign_in(newborn, NOW + 25 * HOUR + n, resource=f"api {n}") for n in range(20)]
    assert len(said(NAME, young, burst)) == 1


def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told(sweep(range(8)), NAME)) == 1
    assert same_however_told(sweep(range(3)), NAME) == []


def test_resources_that_come_late_belong_to_their_own_hour() -> None:
    story = in_order(sweep(range(4), at=NOW + HOUR - 300, every=60.0), TENANT.sign_ins(CREW[1], NOW + HOUR + 60, 2))
    assert len(same_however_told(story, NAME)) == 1


@pytest.mark.parametrize(("unknown", "severity"), [(2, "medium"), (3, "high")])
def test_three_new_ones_are_high(unknown: int, severity: str) -> None:
    finding = ApiSpread().judge(signal("api_spread", value=9.0, usual=2.0, facts={"unknown": unknown}))
    assert finding is not None
    assert finding.severity == severity


def test_known_resources_all_at_once_are_said_to_be_known() -> None:
    told = signal("api_spread", value=9.0, usual=1.4, facts={"unknown": 0, "agent_name": "invoices"})
    finding = ApiSpread().judge(told)
    assert finding is not None
    assert finding.explanation == (
        "invoices got tokens for 9 different resources in 1 hour, all of them known to it; usually 1.4 in an active "
        "hour, learned from 100 of them (p = 1e-09)."
    )


@pytest.mark.parametrize(("p_value", "seen", "found"), [(1e-4, 12, False), (9.9e-5, 12, True), (9.9e-5, 11.9, False)])
def test_surprise_and_experience_have_their_thresholds(p_value: float, seen: float, found: bool) -> None:
    told = signal("api_spread", p_value=p_value, seen=seen, value=9.0, usual=2.0, facts={"unknown": 3})
    assert (ApiSpread().judge(told) is not None) == found
