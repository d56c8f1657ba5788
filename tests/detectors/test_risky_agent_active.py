"""D39: an agent at risk still gets tokens."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.risky_agent_active import RiskyAgentActive
from detector.domain.events import Event
from detector.features.timeline import DAY
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, NOW, TENANT, said, same_however_told, signal
from tests.stories import BLOCKED, HOUR, MINUTE, in_order

NAME = "risky_agent_active"


def risk(after: float = 0.0, agent: Any = AGENT, **fields: Any) -> Event:
    return TENANT.risk(agent, NOW + after, **fields)


def token(after: float, agent: Any = AGENT, **words: Any) -> Event:
    return TENANT.sign_in(agent, NOW + after, **words)


def test_a_token_of_an_agent_at_risk_is_said_with_how_long_after() -> None:
    (alert,) = said(NAME, risk(), token(84 * MINUTE))
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D39",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "At risk and still gets tokens: invoices"
    assert alert.explanation == (
        "invoices was granted a token from 192.0.2.7 1.4 hours after it was held at high risk; the risk "
        "had been neither "
        "remediated nor dismissed."
    )
    assert (alert.evidence.first_seen, alert.evidence.last_seen) == (
        "2026-03-12T00:00:00.000Z",
        "2026-03-12T01:24:00.000Z",
    )


def test_a_compromised_agent_that_gets_tokens_is_critical() -> None:
    (alert,) = said(NAME, risk(state="confirmedCompromised"), token(MINUTE))
    assert alert.severity == "critical"
    assert alert.title == "Compromised and still gets tokens: invoices"
    assert "1 minute after it was confirmed to be compromised; the risk" in alert.explanation


def test_a_confirmation_is_said_though_the_risk_was() -> None:
    story = (risk(), token(MINUTE), risk(HOUR, state="confirmedCompromised"), token(2 * HOUR))
    assert [alert.severity for alert in said(NAME, *story)] == ["high", "critical"]


@pytest.mark.parametrize(("after", "alerts"), [(0.0, 0), (1.0, 1), (30 * DAY, 1), (30 * DAY + 1, 0)])
def test_the_token_is_later_than_the_risk_but_no_month(after: float, alerts: int) -> None:
    assert len(said(NAME, risk(), token(after))) == alerts


@pytest.mark.parametrize("level", ["low", "none", None])
def test_low_risk_is_not_waited_for(level: str | None) -> None:
    assert said(NAME, risk(level=level), token(HOUR)) == []


def test_a_refused_request_is_what_ought_to_happen() -> None:
    assert said(NAME, risk(), token(HOUR, error=BLOCKED)) == []


def test_a_sibling_is_not_at_risk() -> None:
    assert said(NAME, risk(), token(HOUR, CREW[1])) == []


@pytest.mark.parametrize("state", ["dismissed", "remediated", "confirmedSafe"])
def test_a_risk_that_is_over_is_over(state: str) -> None:
    over = risk(HOUR, level="none", state=state, category="RiskyAgents")
    assert said(NAME, risk(), over, token(2 * HOUR)) == []
    assert len(said(NAME, risk(), token(MINUTE), over)) == 1
    assert len(said(NAME, risk(), over, risk(DAY), token(DAY + HOUR))) == 1


def test_a_blueprint_at_risk_is_watched_with_all_its_agents() -> None:
    (alert,) = said(NAME, risk(agent=BLUEPRINT, category="RiskyServicePrincipals"), token(HOUR, CREW[2]))
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)


def test_one_identity_and_day_is_one_alert() -> None:
    story = [risk(n * 600.0, category="RiskyAgents") for n in range(20)]
    tokens = [token(300 + n * 600.0) for n in range(20)]
    assert len(said(NAME, story, tokens)) == 1


def test_it_is_the_same_alert_however_it_is_told() -> None:
    """The risk record arrives behind the token, too."""
    story = in_order(risk(), token(60.0), token(61.0), token(HOUR), risk(2 * HOUR, category="RiskyAgents"))
    assert len(same_however_told(story, NAME)) == 1
    over = in_order(risk(), token(-60.0), risk(HOUR, state="dismissed"), token(2 * HOUR))
    assert same_however_told(over, NAME) == []


def test_a_token_of_which_only_the_time_is_remembered_reads_well() -> None:
    facts = {"sequence": "risky_agent_active", "target_name": "invoices", "step_1_time": NOW, "step_2_time": NOW + 60}
    finding = RiskyAgentActive().judge(signal("sequence", facts={**facts, "step_1_detail": "medium"}))  # type: ignore[arg-type]
    assert finding is not None
    assert finding.explanation.startswith("invoices was granted a token 1 minute after it was held at medium risk;")


def test_other_sequences_are_left_alone() -> None:
    assert RiskyAgentActive().judge(signal("sequence", facts={"sequence": "grant_used"})) is None
