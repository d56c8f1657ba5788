"""D38: Identity Protection holds an agent to be at risk."""

from __future__ import annotations

from typing import Any

import pytest

from detector.domain.events import Event
from detector.features.timeline import DAY
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, said, same_however_told
from tests.stories import HOUR, in_order

NAME = "risk_raised"
CATEGORIES = ("AgentRiskEvents", "RiskyAgents", "ServicePrincipalRiskEvents", "RiskyServicePrincipals")


def risk(at: float = NOW, agent: Any = AGENT, **fields: Any) -> Event:
    return TENANT.risk(agent, at, **fields)


def test_a_risk_is_said_in_plain_words_with_its_delay() -> None:
    (alert,) = said(NAME, risk(activity_time=NOW - 20 * HOUR))
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D38",)
    assert (alert.subject.kind, alert.subject.id, alert.subject.name) == ("agent", AGENT.id, "invoices")
    assert alert.title == "At high risk: invoices"
    assert alert.explanation == (
        "Identity Protection says that invoices is at high risk: it saw far more sign-ins than usual, 20 hours before "
        "it said so."
    )
    assert alert.evidence.first_seen == "2026-03-11T04:00:00.000Z"
    assert alert.evidence.details["state"] == "atRisk"


@pytest.mark.parametrize(
    ("level", "state", "severity"),
    [
        ("low", "atRisk", "low"),
        ("none", "atRisk", "low"),
        ("hidden", "atRisk", "low"),
        (None, "atRisk", "low"),
        ("medium", "atRisk", "medium"),
        ("medium", "none", "medium"),
        ("Medium", None, "medium"),
        ("high", "AtRisk", "high"),
        ("high", "somethingNew", "high"),
        ("low", "confirmedCompromised", "critical"),
    ],
)
def test_severity_follows_the_level_and_the_state(level: str | None, state: str | None, severity: str) -> None:
    (alert,) = said(NAME, risk(level=level, state=state))
    assert alert.severity == severity


@pytest.mark.parametrize(
    ("level", "state"),
    [
        ("low", "none"),
        ("none", "none"),
        ("low", None),
        (None, None),
        ("low", "somethingNew"),
        ("high", "remediated"),
        ("high", "dismissed"),
        ("none", "confirmedSafe"),
    ],
)
def test_a_low_level_alone_and_a_risk_that_is_over_are_no_news(level: str | None, state: str | None) -> None:
    """43 of 44 recorded workload sign-ins say level low with state none."""
    assert said(NAME, risk(level=level, state=state)) == []


def test_a_confirmation_by_an_administrator_is_one_whatever_the_state_says() -> None:
    (alert,) = said(NAME, risk(event="adminConfirmedAgentCompromised"))
    assert alert.severity == "critical"
    assert alert.explanation == (
        "Identity Protection says that invoices is confirmed to be compromised: it saw an administrator "
        "confirm that it "
        "is compromised."
    )


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_is_read(category: str) -> None:
    assert len(said(NAME, risk(category=category))) == 1


def test_a_detection_that_the_table_does_not_know_is_shown_as_it_is_logged() -> None:
    (alert,) = said(NAME, risk(event="brandNewDetection"))
    assert alert.explanation.endswith("at high risk: it saw brandNewDetection.")
    (alert,) = said(NAME, risk(event=None))
    assert alert.explanation == "Identity Protection says that invoices is at high risk."


def test_an_agent_that_the_record_itself_says_is_one_needs_no_history() -> None:
    stranger = TENANT.agent("stranger")
    (alert,) = said(NAME, risk(agent=stranger))
    assert alert.subject.id == stranger.id


def test_a_service_principal_that_nobody_knows_is_left_out() -> None:
    stranger = TENANT.agent("stranger", role="none", blueprint=None)
    assert said(NAME, risk(agent=stranger, category="RiskyServicePrincipals")) == []


def test_a_blueprint_is_known_by_the_object_id_of_its_principal() -> None:
    (alert,) = said(NAME, risk(agent=BLUEPRINT, category="RiskyServicePrincipals"))
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)


def test_a_detection_and_the_state_it_leads_to_are_one_alert() -> None:
    story = [risk(NOW + n * 60, category=category) for n, category in enumerate(CATEGORIES)]
    assert len(said(NAME, story)) == 1
    assert len(said(NAME, risk(), risk(NOW + DAY - 1), risk(NOW + DAY))) == 2
    assert len(said(NAME, risk(level="medium"), risk(NOW + 60), risk(NOW + 90, state="confirmedCompromised"))) == 3


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(risk(), risk(NOW + 60, category="RiskyAgents"), TENANT.sign_ins(AGENT, NOW, 5))
    assert len(same_however_told(story, NAME)) == 1
