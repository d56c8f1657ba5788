"""D84: an agent worked in production before it had passed the handshake."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.handshake_missing import HandshakeMissing
from detector.domain.alerts import Alert
from detector.domain.events import Deployment
from detector.features.declarations import Declared
from tests.detectors.stage import (
    AGENT,
    BLUEPRINT,
    CREW,
    LATENESS,
    NOW,
    TENANT,
    engine,
    said,
    same_however_told,
    signal,
    with_manifest,
)
from tests.stories import HOUR, INVALID, MINUTE, Agent, defaults, detectors, in_order, tell

NAME = "handshake_missing"
OWN = Declared(id=AGENT.id, environment="production", handshake_required=True)


def shaken(at: float, *agents: Agent, **fields: Any) -> Deployment:
    return TENANT.deployment(at, kind="handshake", run="h", agents=agents, **fields)


def found(*story: Any, declared: Declared = OWN) -> list[Alert]:
    return said(NAME, *story, chosen=with_manifest(declared))


def test_work_in_production_before_the_handshake_is_said() -> None:
    (alert,) = found(TENANT.sign_in(AGENT, NOW + HOUR + 5))
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D84",)
    assert (alert.subject.kind, alert.subject.id, alert.subject.name) == ("agent", AGENT.id, "invoices")
    assert alert.explanation == (
        "invoices got tokens in production in the hour to 2026-03-12 02:00 UTC, and no passed handshake of it had been "
        "recorded by then (0 handshakes of agents on record)."
    )


@pytest.mark.parametrize(("at", "alerts"), [(-MINUTE, 0), (0, 0), (HOUR - 1, 0), (HOUR, 1), (3 * HOUR, 1)])
def test_the_handshake_must_be_recorded_by_the_end_of_the_hour(at: float, alerts: int) -> None:
    assert len(found(in_order(TENANT.sign_in(AGENT, NOW + 5), shaken(NOW + at, AGENT)))) == alerts


@pytest.mark.parametrize(
    "declared",
    [
        replace(OWN, environment="non_production"),
        replace(OWN, environment=None),
        replace(OWN, handshake_required=False),
        replace(OWN, handshake_required=None),
        replace(OWN, id=CREW[1].id),
    ],
)
def test_who_needs_none_is_left_alone(declared: Declared) -> None:
    assert found(TENANT.sign_in(AGENT, NOW), declared=declared) == []


def test_refused_requests_are_no_work_and_without_a_manifest_nothing_is_demanded() -> None:
    assert found(TENANT.sign_in(AGENT, NOW, error=INVALID)) == []
    assert said(NAME, TENANT.sign_in(AGENT, NOW), chosen=defaults()) == []


@pytest.mark.parametrize("fields", [{"passed": False}, {"status": "failed"}, {"agents": ()}, {"agents": CREW[1:]}])
def test_a_handshake_that_failed_or_is_of_others_does_not_count(fields: dict[str, Any]) -> None:
    told = {"agents": (AGENT,), **fields}
    record = TENANT.deployment(NOW, kind="handshake", **told)
    assert len(found(record, TENANT.sign_in(AGENT, NOW + 5))) == 1


def test_a_handshake_that_names_nobody_counts_for_nobody() -> None:
    assert len(found(TENANT.deployment(NOW, kind="handshake"), TENANT.sign_in(AGENT, NOW + 5))) == 1


def test_the_handshake_of_a_blueprint_counts_for_its_agents_but_it_needs_none_itself() -> None:
    crew = replace(OWN, id=BLUEPRINT.id)
    story = [TENANT.sign_in(each, NOW + 5) for each in (*CREW, BLUEPRINT)]
    assert {alert.subject.id for alert in found(story, declared=crew)} == {each.id for each in CREW}
    assert found([shaken(NOW, BLUEPRINT), *story], declared=crew) == []


def test_it_is_told_as_soon_as_no_handshake_can_arrive_any_more() -> None:
    playing = engine(with_manifest(OWN))
    first = tell(playing, [TENANT.sign_in(AGENT, NOW + 5), TENANT.sign_in(AGENT, NOW + HOUR + LATENESS)])
    later = tell(playing, [TENANT.sign_in(CREW[1], NOW + HOUR + LATENESS + 10 * MINUTE)])
    assert NAME not in detectors(first)
    assert NAME in detectors(later)


def test_one_alert_for_an_agent_however_long_it_works() -> None:
    story = TENANT.sign_ins(AGENT, NOW, 40, every=HOUR)
    assert len(found(story)) == 1
    assert found(shaken(NOW, AGENT), story) == []


def test_other_issues_are_left_alone() -> None:
    assert HandshakeMissing().judge(signal("declaration", facts={"issue": "drift"})) is None


def test_it_is_the_same_alert_however_it_is_told() -> None:
    late = [
        *TENANT.sign_ins(AGENT, NOW + 5, 5, every=700),
        shaken(NOW + 2 * HOUR, AGENT),
        *TENANT.sign_ins(AGENT, NOW + 2 * HOUR, 9, every=900),
    ]
    assert len(same_however_told(in_order(late), NAME, with_manifest(OWN))) == 1
    in_time = [*TENANT.sign_ins(AGENT, NOW + 5, 20, every=700), shaken(NOW + 50 * MINUTE, AGENT)]
    assert same_however_told(in_order(in_time), NAME, with_manifest(OWN)) == []
