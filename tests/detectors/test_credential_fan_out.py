"""D26: the credentials of one blueprint get tokens for unusually many of its agents within an hour."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from detector.detectors.credential_fan_out import CredentialFanOut
from detector.domain.alerts import Alert
from detector.domain.events import Event
from detector.engine.state import State
from tests.detectors.stage import CREW, NOW, TENANT, said, same_however_told, signal
from tests.stories import HOUR, MINUTE, START, Agent, defaults, engine_of, in_order, tell

NAME = "credential_fan_out"
SWARM = tuple(TENANT.agent(f"swarm-{number}", blueprint="swarm") for number in range(40))
"""Two of them work in an hour, in turns."""


def calm(hours: int = 96) -> list[Event]:
    return in_order(
        *(
            TENANT.sign_ins(SWARM[(2 * hour + part) % len(SWARM)], START + hour * HOUR + part * MINUTE, 2)
            for hour in range(hours)
            for part in range(2)
        )
    )


@cache
def _memory() -> bytes:
    engine = engine_of(defaults())
    tell(engine, calm())
    return engine.snapshot()


THEN = START + 96 * HOUR


def alerts(*stories: Any) -> list[Alert]:
    engine = engine_of(defaults(), State.load(_memory()))
    return [each for each in tell(engine, in_order(*stories)) + engine.finish() if each.detector == NAME]


def sweep(agents: int, at: float = THEN, every: float = 60.0, **words: Any) -> list[Event]:
    return [TENANT.sign_in(agent, at + place * every, **words) for place, agent in enumerate(SWARM[:agents])]


def test_tokens_for_many_agents_within_an_hour_are_said_once_with_the_usual_number() -> None:
    (alert,) = alerts(sweep(30))
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D26",)
    assert (alert.subject.kind, alert.subject.name) == ("blueprint", None)
    assert alert.subject.id == SWARM[0].blueprint
    assert alert.explanation == (
        "Within one hour the credentials of 6ba43969-099c-5c20-b554-b1b553565555 were used to ask for tokens for 15 "
        "different agents of 40; 2 are usual at this hour, learned from 86 active hours (p = 9e-07)."
    )


def test_a_fleet_that_always_works_together_is_none() -> None:
    assert said(NAME, *(TENANT.sign_ins(agent, NOW, 3) for agent in CREW)) == []
    everyone = [each for hour in range(48) for each in sweep(40, START + hour * HOUR, every=10.0)]
    assert [each for each in tell(engine_of(defaults()), everyone) if each.detector == NAME] == []


def test_many_requests_of_few_agents_are_none() -> None:
    assert alerts(TENANT.sign_ins(SWARM[0], THEN, 500, every=1.0)) == []


def test_below_the_floor_and_without_experience_nothing_is_said() -> None:
    assert alerts(sweep(9)) == []
    engine = engine_of(defaults())
    assert [each for each in tell(engine, [*calm(20), *sweep(30, START + 20 * HOUR)]) if each.detector == NAME] == []


def test_agents_that_come_over_hours_are_none() -> None:
    assert alerts(sweep(40, every=600.0)) == []


def test_two_tenants_with_the_same_blueprint_do_not_meet() -> None:
    other = [replace(agent, tenant="t2") for agent in SWARM]
    twins: list[Agent] = list(other)
    story = [TENANT.sign_in(agent, THEN, tenant_id="fabrikam") for agent in twins[:30]]
    assert alerts(story) == []


def test_it_is_the_same_alert_however_it_is_told() -> None:
    engine = engine_of(defaults())
    story = sweep(40, NOW)
    for agent in SWARM[:1]:
        story += TENANT.sign_ins(agent, NOW + 2 * HOUR, 3)
    assert engine.accounting.balanced()
    assert same_however_told([*TENANT.sign_ins(CREW[0], NOW, 2), *story], NAME) == [], "a fleet that nobody knows"
    late = engine_of(defaults(), State.load(_memory()))
    events = sweep(30)
    shuffled = [*events[1::2], *events[0::2]]
    assert {each.id for each in tell(late, shuffled) if each.detector == NAME} == {each.id for each in alerts(events)}
    again = engine_of(defaults(), State.load(_memory()))
    first = tell(again, events[:12])
    second = engine_of(defaults(), State.load(again.snapshot()))
    told = first + tell(second, [*events[12:], *events])
    assert {each.id for each in told if each.detector == NAME} == {each.id for each in alerts(events)}


@pytest.mark.parametrize(
    ("value", "usual", "p_value", "seen", "says"),
    [
        (10, 2.0, 9e-7, 24.0, True),
        (9, 2.0, 9e-7, 24.0, False),
        (12, 4.0, 9e-7, 24.0, True),
        (11, 4.0, 9e-7, 24.0, False),
        (10, 2.0, 1e-6, 24.0, False),
        (10, 2.0, 9e-7, 23.9, False),
    ],
)
def test_exactly_at_each_threshold(value: float, usual: float, p_value: float, seen: float, says: bool) -> None:
    facts: dict[str, Any] = {"issue": "fan_out"}
    told = signal("credential_use", p_value=p_value, seen=seen, facts=facts, value=value, usual=usual)
    assert (CredentialFanOut().judge(told) is not None) is says


def test_other_uses_are_left_alone() -> None:
    assert CredentialFanOut().judge(signal("credential_use", facts={"issue": "secret"}, value=100.0)) is None
