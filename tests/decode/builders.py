"""Records of an invented tenant, in the form of the export; every test varies what it is about."""

from __future__ import annotations

from typing import Any

import orjson

from detector.domain.events import Access, Event, Origin, SignIn

TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
AGENT = "a9e00000-0000-4000-8000-0000000000a1"
BLUEPRINT = "b1e00000-0000-4000-8000-0000000000b1"
HUMAN = "0e0e0000-0000-4000-8000-0000000000c1"
AGENT_USER = "5e5e0000-0000-4000-8000-0000000000a5"
GRAPH = "6a6a0000-0000-4000-8000-000000000003"
ROLE_TEMPLATE = "7e7e0000-0000-4000-8000-0000000000d1"
KEY = "c0de0000-0000-4000-8000-0000000000e1"

Json = dict[str, Any]


def envelope(category: str, properties: Any, **changes: Any) -> Json:
    return {
        "time": "2026-03-02T08:02:11.5000000Z",
        "resourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
        "operationName": "Sign-in activity",
        "operationVersion": "1.0",
        "category": category,
        "tenantId": TENANT,
        "resultSignature": "None",
        "durationMs": 0,
        "callerIpAddress": "198.51.100.7",
        "correlationId": "cccccccc-0000-4000-8000-000000000001",
        "level": "4",
        "properties": properties,
    } | changes


def sign_in(category: str = "ServicePrincipalSignInLogs", *, top: Json | None = None, **changes: Any) -> Json:
    """A sign-in of an agent identity; `changes` are to its properties, `...` takes a member away."""
    properties = {
        "id": "11110000-0000-4000-8000-000000000001",
        "createdDateTime": "2026-03-02T08:00:01.2500000+00:00",
        "ipAddress": "203.0.113.10",
        "status": {"errorCode": 0},
        "userId": "",
        "appId": AGENT,
        "appDisplayName": "invoice-agent",
        "servicePrincipalId": AGENT,
        "servicePrincipalName": "invoice-agent",
        "agent": {
            "agentType": "agenticAppInstance",
            "agentSubjectType": "agenticAppInstance",
            "parentAppId": BLUEPRINT,
        },
        "resourceDisplayName": "Microsoft Graph",
        "resourceId": GRAPH,
        "signInEventTypes": ["servicePrincipal"],
        "clientCredentialType": "clientAssertion",
        "federatedCredentialId": "",
        "servicePrincipalCredentialKeyId": KEY,
        "autonomousSystemNumber": 64496,
        "location": {"city": "Malmö", "countryOrRegion": "SE", "geoCoordinates": {"latitude": 55.6}},
        "conditionalAccessStatus": "success",
        "appliedConditionalAccessPolicies": [],
        "uniqueTokenIdentifier": "AAAA",
    } | changes
    return envelope(category, without(properties), **({"resultType": "0"} | (top or {})))


def without(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not ...}


def modified(name: str, new: str | None, old: str | None = None) -> Json:
    return {"displayName": name, "oldValue": old, "newValue": new}


def target(*changed: Json, **members: Any) -> Json:
    return {
        "id": AGENT,
        "displayName": "invoice-agent",
        "type": "ServicePrincipal",
        "modifiedProperties": list(changed),
        "administrativeUnits": [],
    } | members


BY_USER: Json = {"user": {"id": HUMAN, "displayName": None, "userPrincipalName": "kim@contoso.example", "roles": []}}
BY_APP: Json = {
    "app": {"appId": None, "displayName": "pipeline", "servicePrincipalId": KEY, "servicePrincipalName": None}
}


def audit(activity: str, *targets: Json, top: Json | None = None, category: str = "AuditLogs", **changes: Any) -> Json:
    properties = {
        "id": "Directory_22220000-0000-4000-8000-000000000001_AAAAA_1",
        "category": "ApplicationManagement",
        "correlationId": "22220000-0000-4000-8000-000000000001",
        "result": "success",
        "resultReason": "",
        "activityDisplayName": activity,
        "activityDateTime": "2026-03-02T08:10:00.000001+00:00",
        "loggedByService": "Core Directory",
        "operationType": "Update",
        "userAgent": None,
        "initiatedBy": BY_USER,
        "targetResources": list(targets),
        "additionalDetails": [{"key": "User-Agent", "value": "console/1.0"}],
    } | changes
    named: Json = {"operationName": activity, "time": "2026-03-02T08:12:11.5000000Z"}
    return envelope(category, without(properties), **(named | (top or {})))


def agent_risk(category: str = "AgentRiskEvents", *, top: Json | None = None, **changes: Any) -> Json:
    properties = {
        "id": "e" * 64,
        "identityType": "agentIdentity",
        "identityId": AGENT,
        "agentDisplayName": "invoice-agent",
        "blueprintId": BLUEPRINT,
        "activityDateTime": "2026-03-02T07:00:00Z",
        "detectedDateTime": "2026-03-02T09:00:00.5Z",
        "riskDetail": "none",
        "riskLevel": "high",
        "riskState": "atRisk",
        "riskEventType": "signInSpike",
        "additionalInfo": '[{"Key":"alertUrl","Value":null}]',
    } | changes
    return envelope(category, without(properties), **({"time": "3/2/2026 9:18:20 AM"} | (top or {})))


def principal_risk(category: str = "ServicePrincipalRiskEvents", *, top: Json | None = None, **changes: Any) -> Json:
    properties = {
        "id": "f" * 64,
        "servicePrincipalId": AGENT,
        "servicePrincipalDisplayName": "invoice-agent",
        "appId": BLUEPRINT,
        "detectedDateTime": "2026-03-02T09:00:00Z",
        "ipAddress": "203.0.113.10",
        "keyIds": [KEY.upper()],
        "riskLevel": "medium",
        "riskState": "atRisk",
        "riskDetail": "none",
        "riskEventType": "leakedCredentials",
    } | changes
    return envelope(category, without(properties), **({"time": "3/2/2026 9:18:20 AM"} | (top or {})))


def request(*, top: Json | None = None, **changes: Any) -> Json:
    properties = {
        "requestId": "33330000-0000-4000-8000-000000000001",
        "timeGenerated": "2026-03-02T08:20:00.1234567Z",
        "appId": AGENT,
        "servicePrincipalId": AGENT,
        "userId": None,
        "requestMethod": "GET",
        "requestUri": f"https://graph.microsoft.com/v1.0/users/{HUMAN}/messages?$top=5",
        "responseStatusCode": 200,
        "ipAddress": "2001:db8:12:34::9",
        "signInActivityId": "AAAA",
        "__UDI_RequiredFields_TenantId": TENANT,
    } | changes
    timed: Json = {"durationMs": "17", "time": "2026-03-02T08:22:11.5000000Z"}
    return envelope("MicrosoftGraphActivityLogs", without(properties), **(timed | (top or {})))


def inventory(*, top: Json | None = None, **changes: Any) -> Json:
    """An agent identity as an inventory shows it."""
    properties = {
        "id": "snapshot-1:" + AGENT,
        "observedDateTime": "2026-03-02T08:00:00Z",
        "objectType": "agentIdentity",
        "objectId": AGENT,
        "appId": AGENT,
        "displayName": "invoice-agent",
        "accountEnabled": True,
        "agentIdentityBlueprintId": BLUEPRINT,
        "owners": [{"id": HUMAN, "type": "user", "accountEnabled": True}],
        "sponsors": [],
        "customSecurityAttributes": {"Agents": {"Environment": "production"}},
    } | changes
    return {
        "time": "2026-03-02T08:00:02Z",
        "category": "AgentInventory",
        "tenantId": TENANT,
        "properties": without(properties),
    } | (top or {})


def deployment(*, top: Json | None = None, **changes: Any) -> Json:
    """A run of a pipeline that is over."""
    properties = {
        "id": "github:example/agents:4711:1:succeeded",
        "recordedDateTime": "2026-03-02T08:00:00Z",
        "pipeline": "release",
        "runId": "4711",
        "status": "succeeded",
        "startedDateTime": "2026-03-02T07:50:00Z",
        "finishedDateTime": "2026-03-02T07:59:58Z",
        "agents": [BLUEPRINT],
    } | changes
    return {
        "time": "2026-03-02T08:00:02Z",
        "category": "DeploymentRecords",
        "tenantId": TENANT,
        "properties": without(properties),
    } | (top or {})


def every_kind() -> list[Json]:
    """One regular record of every category that is read."""
    return [
        sign_in(),
        sign_in("ManagedIdentitySignInLogs", ipAddress="", location={"countryOrRegion": ""}),
        sign_in("MicrosoftServicePrincipalSignInLogs", agent=...),
        sign_in("NonInteractiveUserSignInLogs", userId=HUMAN, userAgent="browser/1", clientAppUsed="Browser"),
        sign_in("SignInLogs", userId=HUMAN, servicePrincipalId=""),
        audit("Update application", target()),
        audit("Update attribute values assigned to a servicePrincipal", category="CustomSecurityAttributeAuditLogs"),
        agent_risk(),
        agent_risk("RiskyAgents", id=AGENT, detectedDateTime=..., riskLastModifiedDateTime="2026-03-02T09:00:00Z"),
        principal_risk(),
        principal_risk("RiskyServicePrincipals", id=AGENT, riskLastUpdatedDateTime="2026-03-02T09:00:00Z"),
        request(),
        inventory(),
        deployment(),
    ]


def dumps(*records: Any) -> bytes:
    return orjson.dumps({"records": list(records)})


def plain(event: Event) -> dict[str, Any]:
    """An event as plain values: flyweights are compared by what they hold."""

    def of(value: Any) -> Any:
        if isinstance(value, Access | Origin):
            return {name: getattr(value, name) for name in value.__slots__}
        return value

    return {"event": type(event).__name__} | {name: of(getattr(event, name)) for name in event.__struct_fields__}


def only_sign_in(events: list[Event]) -> SignIn:
    (event,) = events
    assert isinstance(event, SignIn)
    return event
