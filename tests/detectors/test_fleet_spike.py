"""D02: a token-request spike of all agents of a blueprint together."""

from __future__ import annotations

import pytest

from detector.detectors.fleet_spike import FleetSpike
from detector.domain.events import Event
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, NOW, TENANT, everything, said, same_however_told, signal

NAME = "fleet_spike"


def together(each: int, every: float = 30.0) -> list[Event]:
    """So many requests of each agent, all at the same time."""
    return [event for agent in CREW for event in TENANT.sign_ins(agent, NOW, each, every=every)]


def test_many_agents_each_a_little_busier_are_a_spike_of_the_blueprint_alone() -> None:
    (alert,) = everything(together(14))
    assert alert.detector == NAME
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D02",)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", AGENT.blueprint)
    assert alert.title == "Token-request spike of a whole blueprint: 40 in 10 minutes"
    assert alert.explanation == (
        "The agents of this blueprint made 40 token requests in 10 minutes, besides 14 of the busiest one; expected of "
        "all about 4 at this hour, learned from 756 active periods of 10 minutes."
    )


@pytest.mark.parametrize(("extra", "alerts"), [(1, 0), (2, 1)])
def test_below_the_floor_nobody_is_woken(extra: int, alerts: int) -> None:
    """Thirty-nine of thirteen each of all but the busiest, and none or one more."""
    story = [*together(13), *(TENANT.sign_in(agent, NOW + 500 + n) for n, agent in enumerate(CREW[:extra]))]
    assert len(said(NAME, story)) == alerts


@pytest.mark.parametrize("requests", [38, 60, 400])
def test_what_one_agent_does_alone_is_never_a_spike_of_its_blueprint(requests: int) -> None:
    """However much it is, and though it pushes the others over the floor by a request of each."""
    others = [TENANT.sign_in(agent, NOW + 500) for agent in CREW[1:]]
    assert said(NAME, TENANT.sign_ins(AGENT, NOW, requests, every=1), others) == []


def test_of_two_busy_agents_the_less_busy_one_counts() -> None:
    first, second = (TENANT.sign_ins(agent, NOW, 60, every=2) for agent in CREW[:2])
    alert, *_ = said(NAME, first, second)
    assert alert.evidence.observed == 40


def test_calm_days_are_silent() -> None:
    assert everything(*(TENANT.calm(agent, hours=48, at=NOW, per_hour=4) for agent in CREW)) == []


def test_the_principal_of_the_blueprint_is_no_agent_of_it() -> None:

    assert said(NAME, TENANT.sign_ins(BLUEPRINT, NOW, 500, every=1)) == []


def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told(together(14), NAME)) == 1
    assert same_however_told(together(13), NAME) == []


@pytest.mark.parametrize(
    ("value", "days", "severity"), [(299.0, 3.0, "medium"), (300.0, 3.0, "high"), (300.0, 2.9, "medium")]
)
def test_thirty_times_the_usual_is_high_once_three_days_are_known(value: float, days: float, severity: str) -> None:
    facts: dict[str, int | float | bool] = {"span": 3600, "fleet": True, "known_days": days}
    told = signal("token_rate", value=value, usual=10.0, facts=facts)
    finding = FleetSpike().judge(told)
    assert finding is not None
    assert finding.severity == severity


def test_six_hours_are_not_compared_with_this_hour() -> None:
    finding = FleetSpike().judge(signal("token_rate", value=900.0, usual=90.0, facts={"span": 21600, "fleet": True}))
    assert finding is not None
    assert (
        "in 6 hours, besides 0 of the busiest one; expected of all about 90, learned from 100 active periods of 6 hours"
        in finding.explanation
    )


@pytest.mark.parametrize(("p_value", "found"), [(1e-7, False), (9.9e-8, True)])
def test_the_tail_must_fall_below_the_threshold(p_value: float, found: bool) -> None:
    told = signal("token_rate", p_value=p_value, value=50.0, usual=5.0, facts={"span": 600, "fleet": True})
    assert (FleetSpike().judge(told) is not None) == found


def test_what_one_agent_does_is_another_matter() -> None:
    assert FleetSpike().judge(signal("token_rate", value=50.0, usual=5.0, facts={"span": 600, "fleet": False})) is None
