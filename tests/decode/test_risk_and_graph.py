"""Risk records and Graph requests."""

from __future__ import annotations

from typing import Any

import pytest

from detector.decode.graph import fold_path
from tests.decode.builders import AGENT, BLUEPRINT, HUMAN, KEY, TENANT, agent_risk, principal_risk, request


def test_a_detection_about_an_agent(risk_of: Any) -> None:
    """The envelope of risk records has a time in US format; the event's is that of the detection."""
    risk = risk_of(agent_risk())
    assert (risk.record_id, risk.time, risk.received) == ("e" * 64, 1772442000.5, 1772443100.0)
    assert (risk.tenant_id, risk.category, risk.activity_time) == (TENANT, "AgentRiskEvents", 1772434800.0)
    assert (risk.level, risk.state, risk.detail, risk.event_type) == ("high", "atRisk", "none", "signInSpike")
    assert (risk.identity.id, risk.identity.type, risk.identity.role) == (AGENT, "agentIdentity", "agent")
    assert (risk.identity.name, risk.identity.blueprint_id) == ("invoice-agent", BLUEPRINT)
    assert risk.ip == "198.51.100.7"


@pytest.mark.parametrize(
    ("spelling", "role"),
    [
        ("AgentUser", "agent_user"),
        ("agentIdentityBlueprintPrincipal", "blueprint"),
        (None, "agent"),
        ("oracle", "agent"),
    ],
)
def test_a_record_of_an_agent_category_is_about_an_agent(decode: Any, spelling: Any, role: Any) -> None:
    result = decode(agent_risk(identityType=spelling))
    assert result.events[0].identity.role == role
    assert result.unknown == ({"identityType:oracle": 1} if spelling == "oracle" else {})


def test_a_risk_state_is_another_record_with_every_update(risk_of: Any) -> None:
    updates = [
        risk_of(
            agent_risk("RiskyAgents", id=AGENT, detectedDateTime=..., identityId=..., riskLastModifiedDateTime=time)
        )
        for time in ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00.0000Z", "2026-03-02T09:00:01Z")
    ]
    assert [each.record_id for each in updates] == [
        f"{AGENT}@1772442000000000",
        f"{AGENT}@1772442000000000",
        f"{AGENT}@1772442001000000",
    ]
    assert updates[0].identity.id == AGENT


def test_a_detection_about_a_service_principal(risk_of: Any) -> None:
    risk = risk_of(principal_risk())
    assert (risk.identity.id, risk.identity.type, risk.identity.app_id) == (AGENT, "ServicePrincipal", BLUEPRINT)
    assert (risk.ip, risk.key_ids, risk.identity.role) == ("203.0.113.10", (KEY,), "none")
    state = risk_of(
        principal_risk(
            "RiskyServicePrincipals",
            id=AGENT,
            servicePrincipalId=...,
            detectedDateTime=...,
            displayName="named",
            servicePrincipalDisplayName=...,
            riskLastUpdatedDateTime="2026-03-02T9:00:00.000Z",
            keyIds=["", KEY],
        )
    )
    assert (state.identity.id, state.identity.name, state.key_ids) == (AGENT, "named", (KEY,))
    assert state.record_id == f"{AGENT}@1772442000000000"


def test_the_time_of_a_detection_may_be_that_of_its_activity_but_not_of_a_state(risk_of: Any, refused: Any) -> None:
    assert risk_of(agent_risk(detectedDateTime=None)).time == 1772434800.0
    assert refused(agent_risk("RiskyAgents", detectedDateTime=None))[0] == "missing_time"


def test_a_graph_request(request_of: Any) -> None:
    event = request_of(request())
    assert (event.record_id, event.tenant_id) == ("33330000-0000-4000-8000-000000000001", TENANT)
    assert event.time == pytest.approx(1772439600.123457, abs=1e-6)
    assert (event.app_id, event.service_principal_id, event.user_id) == (AGENT, AGENT, None)
    assert (event.method, event.path, event.status) == ("GET", "/v1.0/users/{id}/messages", 200)
    assert (event.origin.prefix, event.token_id) == ("2001:db8:12::/48", "AAAA")


def test_a_graph_request_in_awkward_spelling(request_of: Any) -> None:
    event = request_of(request(responseStatusCode="404", timeGenerated=None, requestMethod=None, ipAddress=""))
    assert (event.status, event.time, event.method) == (404, 1772439731.5, None)
    assert event.origin.ip == "198.51.100.7"


def test_a_graph_request_has_an_id(refused: Any) -> None:
    assert refused(request(requestId=None)) == ("missing_id", "properties.requestId is missing")


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        (f"https://graph.microsoft.com/v1.0/users/{HUMAN}", "/v1.0/users/{id}"),
        ("https://graph.microsoft.com/beta//me/photos/48x48/$value?x=/y", "/beta/me/photos/48x48/$value"),
        ("https://graph.microsoft.com/v1.0/users/kim@contoso.example/messages", "/v1.0/users/{id}/messages"),
        (f"/v1.0/users('{HUMAN}')/calendar", "/v1.0/users/{id}/calendar"),
        ("/v1.0/applications(appId='(odd)')#x", "/v1.0/applications/{id}"),
        ("/v1.0/drives/b!AbCdEf/items/01ABCDEF23456789", "/v1.0/drives/{id}/items/{id}"),
        ("/v1.0/teams/42", "/v1.0/teams/{id}"),
        ("/v1.0/users/microsoft.graph.agentUser", "/v1.0/users/microsoft.graph.agentUser"),
        ("/v1.0/x/" + "a" * 65, "/v1.0/x/{id}"),
        ("/v1.0/gruppe/{id}", "/v1.0/gruppe/{id}"),
        ("", None),
        (None, None),
    ],
)
def test_paths_fold_ids_and_drop_queries(uri: Any, path: Any) -> None:
    assert fold_path(uri) == path
