"""What a risk record amounts to."""

from __future__ import annotations

import pytest

from detector.features.risks import ended, grade_of
from tests.stories import START, Tenant

TENANT = Tenant()
AGENT = TENANT.agent("a")


@pytest.mark.parametrize("state", ["remediated", "Dismissed", "confirmedSafe"])
def test_a_risk_that_is_over_raises_nothing_whatever_else_is_said(state: str) -> None:
    risk = TENANT.risk(AGENT, START, state=state, level="high", event="adminConfirmedAgentCompromised")
    assert ended(risk)
    assert grade_of(risk) is None


@pytest.mark.parametrize("state", ["atRisk", "confirmedCompromised", "none", "unknownFutureValue", None])
def test_every_other_state_ends_nothing(state: str | None) -> None:
    assert not ended(TENANT.risk(AGENT, START, state=state))


def test_a_confirmation_outweighs_every_level() -> None:
    assert grade_of(TENANT.risk(AGENT, START, state="confirmedCompromised", level="none")) == "confirmed"
    admin = TENANT.risk(AGENT, START, state=None, level="none", event="adminConfirmedServicePrincipalCompromised")
    assert grade_of(admin) == "confirmed"
