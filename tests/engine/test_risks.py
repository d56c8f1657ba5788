"""Risk records: whom they are about, and what is waited for."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from detector.domain.events import Event
from detector.engine import state as state_module
from detector.features.timeline import DAY
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, engine
from tests.stories import HOUR, MINUTE, Tenant, defaults, ids, tell

STRANGER = TENANT.agent("stranger", role="none", blueprint=None)


def told(*events: Event, **overrides: Any) -> tuple[list[str], dict[str, int]]:
    playing = engine(replace(defaults(), **overrides))
    alerts = tell(playing, list(events)) + playing.finish()
    return [alert.subject.id for alert in alerts if alert.detector == "risk_raised"], dict(playing.accounting.filtered)


def test_a_record_about_nobody_who_is_watched_is_accounted_for() -> None:
    risk = TENANT.risk(STRANGER, NOW, category="ServicePrincipalRiskEvents")
    assert told(risk) == ([], {"not_an_agent": 1})
    assert told(risk, scope="workloads") == ([STRANGER.object_id], {})
    assert told(risk, identities=frozenset({STRANGER.object_id})) == ([STRANGER.object_id], {})


def test_only_chosen_identities_are_read_where_they_are_chosen() -> None:
    assert told(TENANT.risk(TENANT.agent("fresh"), NOW), scope="chosen") == ([], {"not_an_agent": 1})


def test_a_service_principal_that_becomes_an_agent_later_does_not_count() -> None:
    """Nothing waits for a record that is hours behind anyway."""
    fresh = TENANT.agent("fresh")
    risk = TENANT.risk(fresh, NOW + MINUTE, category="RiskyServicePrincipals")
    assert told(TENANT.sign_in(fresh, NOW), risk) == ([], {"not_an_agent": 1})
    assert told(risk, TENANT.sign_in(fresh, NOW + 2 * MINUTE)) == ([], {"not_an_agent": 1})


def test_a_tenant_too_many_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "_MAX_TENANTS", 1)
    other = Tenant("fabrikam")
    assert told(other.risk(other.agent("a"), NOW)) == ([], {"too_many_tenants": 1})


def test_a_dismissal_of_what_was_never_raised_is_nothing() -> None:
    playing = engine()
    tell(playing, [TENANT.risk(AGENT, NOW, level="none", state="dismissed")])
    assert AGENT.id not in playing.state.tenants[TENANT.id].ledgers
    assert playing.accounting.applied
    assert not playing.accounting.filtered


def test_the_watch_ends_by_itself() -> None:
    playing = engine()
    tell(playing, [TENANT.risk(BLUEPRINT, NOW, category="RiskyAgents", level="medium")])
    tenant = playing.state.tenants[TENANT.id]
    assert tenant.identities[AGENT.id].watched == NOW
    tell(playing, [TENANT.sign_in(AGENT, NOW + 31 * DAY)])
    assert tenant.identities[AGENT.id].watched > NOW + 31 * DAY


@pytest.mark.parametrize(
    ("story", "alerts"),
    [
        ((TENANT.risk(AGENT, NOW), TENANT.sign_in(AGENT, NOW + 60), TENANT.sign_in(AGENT, NOW - 60)), 1),
        ((TENANT.risk(AGENT, NOW), TENANT.sign_in(AGENT, NOW - 60)), 0),
        (
            (
                TENANT.risk(AGENT, NOW, category="RiskyAgents"),
                TENANT.risk(AGENT, NOW + 60),
                TENANT.sign_in(AGENT, NOW + 90),
            ),
            1,
        ),
    ],
)
def test_it_is_found_whichever_record_arrives_last(story: tuple[Event, ...], alerts: int) -> None:
    found = set()
    for order in permutations(story):
        playing = engine()
        said = tell(playing, list(order), size=1) + tell(playing, [TENANT.sign_in(BLUEPRINT, NOW + HOUR)])
        found.add(frozenset(ids(each for each in said + playing.finish() if each.detector == "risky_agent_active")))
    (same,) = found
    assert len(same) == alerts
