"""The same records in other clothes: Log Analytics, Graph, lower case, JSON lines, heartbeats."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import orjson
import pytest

from detector.decode.categories import BY_NAME
from detector.decode.decoder import Decoder
from detector.domain.events import Change, SignIn
from tests.decode.builders import (
    AGENT,
    BLUEPRINT,
    GRAPH,
    HUMAN,
    KEY,
    TENANT,
    agent_risk,
    audit,
    dumps,
    every_kind,
    modified,
    plain,
    principal_risk,
    request,
    sign_in,
    target,
)  # fmt: skip

WORKSPACE = "30303030-0000-4000-8000-000000000009"


def sign_in_row(**changes: Any) -> dict[str, Any]:
    """The record of `sign_in()` as a row of AADServicePrincipalSignInLogs."""
    return {
        "TenantId": WORKSPACE,
        "SourceSystem": "Azure AD",
        "TimeGenerated": "2026-03-02T08:02:11.5000000Z",
        "AADTenantId": TENANT,
        "ResourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
        "OperationName": "Sign-in activity",
        "Category": "ServicePrincipalSignInLogs",
        "ResultType": "0",
        "ResultSignature": "SUCCESS",
        "DurationMs": "0",
        "Id": "11110000-0000-4000-8000-000000000001",
        "CreatedDateTime": "2026-03-02T08:00:01.25Z",
        "IPAddress": "203.0.113.10",
        "AppId": AGENT,
        "AppDisplayName": "invoice-agent",
        "ServicePrincipalId": AGENT,
        "ServicePrincipalName": "invoice-agent",
        "Agent": orjson.dumps(
            {"agentType": "agenticAppInstance", "agentSubjectType": "agenticAppInstance", "parentAppId": BLUEPRINT}
        ).decode(),
        "ResourceDisplayName": "Microsoft Graph",
        "ResourceIdentity": GRAPH,
        "ClientCredentialType": "clientAssertion",
        "FederatedCredentialId": "",
        "ServicePrincipalCredentialKeyId": KEY,
        "AutonomousSystemNumber": "64496",
        "Location": "SE",
        "LocationDetails": '{"city":"Malmö","countryOrRegion":"SE"}',
        "ConditionalAccessStatus": "success",
        "ConditionalAccessPolicies": "[]",
        "Type": "AADServicePrincipalSignInLogs",
    } | changes


def audit_row(**changes: Any) -> dict[str, Any]:
    inner = audit("Update application", target(modified("AppRole.Value", '"Mail.Read"')))["properties"]
    return {
        "TenantId": WORKSPACE,
        "TimeGenerated": "2026-03-02T08:12:11.5Z",
        "AADTenantId": TENANT,
        "ActivityDateTime": inner["activityDateTime"],
        "ActivityDisplayName": inner["activityDisplayName"],
        "Category": "ApplicationManagement",
        "Id": inner["id"],
        "CorrelationId": inner["correlationId"],
        "Result": "success",
        "LoggedByService": "Core Directory",
        "InitiatedBy": orjson.dumps(inner["initiatedBy"]).decode(),
        "TargetResources": orjson.dumps(inner["targetResources"]).decode(),
        "AdditionalDetails": orjson.dumps(inner["additionalDetails"]).decode(),
        "Type": "AuditLogs",
    } | changes


@pytest.fixture
def same(decode: Any, decoder: Any) -> Any:
    """Asserts that a record in another shape gives the same event as one in the shape of the export."""

    def check(record: Any, other: Any, **but: Any) -> None:
        expected = plain(decode(record).events[0])
        (event,) = decoder.body(orjson.dumps(other)).events
        assert plain(event) == expected | but

    return check


def test_a_row_of_log_analytics_is_the_same_sign_in(same: Any) -> None:
    same(sign_in(), sign_in_row())
    same(sign_in(), sign_in_row(LocationDetails=""))
    same(sign_in(), sign_in_row(AADTenantId=""))
    same(sign_in(), {name: value for name, value in sign_in_row().items() if name != "Type"})


def test_the_workspace_of_a_row_is_never_the_tenant(decode: Any) -> None:
    row = {name: value for name, value in sign_in_row().items() if name not in ("AADTenantId", "ResourceId")}
    assert decode(row).events[0].access.tenant_id == "-"


def test_a_row_of_log_analytics_is_the_same_change(same: Any) -> None:
    same(audit("Update application", target(modified("AppRole.Value", '"Mail.Read"'))), audit_row(), actor=_actor())


def _actor() -> Any:
    """A row has no address of the caller."""
    change = Decoder().body(orjson.dumps(audit_row())).events[0]
    assert isinstance(change, Change)
    assert (change.actor.id, change.actor.ip) == (HUMAN, None)
    return change.actor


def test_rows_of_a_csv_file_are_read(decoder: Any) -> None:
    """With the titles of the portal, which have the zone in them, and its way of writing times."""
    row = sign_in_row()
    del row["TimeGenerated"]
    row["TimeGenerated [UTC]"] = "3/2/2026, 8:02:11.500 AM"
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row))
    writer.writeheader()
    writer.writerows([row, row | {"Id": ""}, dict.fromkeys(row, ""), {**row, "Id": "x" * 300}])
    result = decoder.rows(list(csv.DictReader(io.StringIO(text.getvalue()))), "export.csv")
    assert plain(result.events[0]) == plain(decoder.body(dumps(sign_in())).events[0])
    assert result.filtered == {"empty": 1}
    assert [piece.reason for piece in result.quarantined] == ["unsupported_shape", "wrong_type"]
    assert {piece.place for piece in result.quarantined} == {"export.csv"}


def test_a_row_may_be_too_large_or_have_cells_to_spare() -> None:
    decoder = Decoder(max_record_bytes=3000)
    surplus: dict[Any, Any] = {**sign_in_row(), None: ["a", "b"], "Note": "half \ud800"}
    result = decoder.rows([sign_in_row(Note="x" * 3000), surplus])
    assert [piece.reason for piece in result.quarantined] == ["too_large"]
    assert len(result.events) == 1


def test_a_resource_of_graph_has_no_envelope(same: Any, decode: Any) -> None:
    inner = sign_in()["properties"] | {"@odata.type": "#microsoft.graph.signIn", "resourceTenantId": TENANT}
    same(sign_in(), inner)
    same(sign_in(), {"@odata.context": "https://graph.example/$metadata", "value": [inner]})
    del inner["@odata.type"]
    same(sign_in(), [inner])
    del inner["status"]
    assert decode(inner).quarantined[0].reason == "unsupported_shape"


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"signInEventTypes": ["managedIdentity"]}, "managed_identity"),
        ({"signInEventTypes": ["nonInteractiveUser"]}, "non_interactive_user"),
        ({"signInEventTypes": ["interactiveUser"]}, "interactive_user"),
        ({"signInEventTypes": '["servicePrincipal"]'}, "service_principal"),
        ({"signInEventTypes": [1, "other"], "userId": HUMAN}, "interactive_user"),
        ({"signInEventTypes": None, "userId": HUMAN, "isInteractive": False}, "non_interactive_user"),
        ({"signInEventTypes": None}, "service_principal"),
        ({"signInEventTypes": None, "servicePrincipalId": None}, "interactive_user"),
    ],
)
def test_a_sign_in_of_graph_tells_its_kind(decode: Any, changes: Any, kind: Any) -> None:
    assert decode(sign_in()["properties"] | changes).events[0].access.kind == kind


@pytest.mark.parametrize(
    ("record", "category"),
    [
        (audit("Add user"), "AuditLogs"),
        (agent_risk(), "AgentRiskEvents"),
        (agent_risk(identityType=..., agentId=AGENT), "AgentRiskEvents"),
        (agent_risk("RiskyAgents", riskEventType=..., riskLastModifiedDateTime="2026-03-02T09:00:00Z"), "RiskyAgents"),
        (principal_risk(), "ServicePrincipalRiskEvents"),
        (
            principal_risk(riskEventType=..., riskLastUpdatedDateTime="2026-03-02T09:00:00Z"),
            "RiskyServicePrincipals",
        ),
    ],
)
def test_other_resources_of_graph_are_told_by_their_members(decode: Any, record: Any, category: Any) -> None:
    event = decode(record["properties"]).events[0]
    assert (event.category, event.tenant_id, event.received) == (category, "-", None)


@pytest.mark.parametrize(
    ("kind", "category"),
    [("agentRiskDetection", "AgentRiskEvents"), ("riskyServicePrincipal", "RiskyServicePrincipals")],
)
def test_a_type_annotation_goes_first(decode: Any, kind: Any, category: Any) -> None:
    inner = agent_risk()["properties"] | {"@odata.type": f"#microsoft.graph.{kind}"}
    assert decode(inner).events[0].category == category


def test_a_graph_request_without_envelope_is_a_row(decode: Any) -> None:
    row = request()["properties"] | {"TimeGenerated": "2026-03-02T08:20:00Z", "AadTenantId": TENANT}
    assert decode({**row, "Type": "MicrosoftGraphActivityLogs"}).events[0].tenant_id == TENANT
    assert decode(row).events[0].record_id == request()["properties"]["requestId"]


def test_keys_in_lower_case_are_the_same_record(same: Any) -> None:
    def lower(value: Any) -> Any:
        if isinstance(value, dict):
            return {name.lower(): lower(inner) for name, inner in value.items()}
        return [lower(inner) for inner in value] if isinstance(value, list) else value

    for record in every_kind():
        record["properties"].pop("customSecurityAttributes", None)  # its keys are names that people gave
        same(record, lower(record))
        same(record, {"records": [lower(record)]})
        same(record, {name.upper(): value for name, value in record.items()})
        same(record, record | {"category": record["category"].upper()})


def test_properties_may_be_a_text(same: Any) -> None:
    record = sign_in()
    same(record, record | {"properties": orjson.dumps(record["properties"]).decode()})


def test_an_exact_name_goes_before_the_same_in_other_case(same: Any) -> None:
    record = sign_in()
    inner = {"APPID": "other", **record["properties"], "AppID": "another", "CreatedDateTime": 5}
    same(record, record | {"properties": inner, "Category": "ServicePrincipalSignInLogs"})
    same(record, record | {"properties": {"IPADDRESS": "x", **inner, "Status": 5, "userId": None}, "Category": "x"})
    doubled = record["properties"]["agent"] | {"AGENTTYPE": "x"}
    same(
        record,
        record | {"properties": record["properties"] | {"agent": doubled, "userId": None, "ipAddress": "203.0.113.10"}},
    )
    same(sign_in(status=..., agent=doubled), sign_in(status={"ErrorCode": 0}))


def test_a_category_may_be_inferred_from_the_properties(same: Any, decode: Any) -> None:
    record = sign_in()
    del record["category"]
    same(sign_in(), record)
    assert decode(record | {"properties": {"a": 1}}).quarantined[0].reason == "unsupported_shape"


@pytest.mark.parametrize(
    "form", ["records", "array", "single", "page", "lines", "crlf", "bom", "space", "pretty", "upper"]
)
def test_every_form_of_a_message_gives_the_same_events(decoder: Any, form: Any) -> None:
    records = every_kind() if form not in ("single", "pretty") else [sign_in()]
    lines = [orjson.dumps(record) for record in records]
    data = {
        "records": dumps(*records),
        "array": orjson.dumps(records),
        "single": lines[0],
        "page": orjson.dumps({"@odata.context": "x", "value": records}),
        "lines": b"\n".join(lines),
        "crlf": b"\r\n\r\n".join(lines) + b"\r\n",
        "bom": b"\xef\xbb\xbf" + dumps(*records),
        "space": b" \r\n" + dumps(*records) + b"\n",
        "pretty": orjson.dumps(records[0], option=orjson.OPT_INDENT_2),
        "upper": b'{"Records": ' + orjson.dumps(records) + b"}",
    }[form]
    result = decoder.body(data)
    assert not result.quarantined
    assert not result.filtered
    expected = [plain(event) for record in records for event in decoder.body(dumps(record)).events]
    assert [plain(event) for event in result.events] == expected


def test_the_shared_file_has_one_record_of_every_category_read(decoder: Any) -> None:
    """For tests of sources and of the whole: `tests/fixtures/records/every_category.jsonl`."""
    data = (Path(__file__).parents[1] / "fixtures" / "records" / "every_category.jsonl").read_bytes()
    assert [orjson.loads(line) for line in data.splitlines()] == every_kind()
    assert len(decoder.lines(data).events) == len(every_kind()) == len(BY_NAME)


def test_lines_may_be_records_or_messages(decoder: Any) -> None:
    lines = [orjson.dumps(sign_in()), b"", dumps(sign_in(), audit("x")), b"null", orjson.dumps([sign_in()]), b"{}"]
    result = decoder.lines(b"\r\n".join(lines))
    assert [type(event) for event in result.events] == [SignIn, SignIn, Change, SignIn]
    assert result.filtered == {"empty": 2}
    fast = decoder.lines(b"\xef\xbb\xbf" + b"\r\n".join([lines[0], b"", lines[0]]) + b"\n")
    assert len(fast.events) == 2


def test_a_broken_line_costs_itself_only(decoder: Any) -> None:
    good = orjson.dumps(sign_in())
    result = decoder.lines(b"\n".join([good, b'{"a": ', good, b"[1", good]), "a.json")
    assert len(result.events) == 3
    assert [(piece.reason, piece.place) for piece in result.quarantined] == [
        ("truncated", "a.json:2"),
        ("truncated", "a.json:4"),
    ]
    as_body = decoder.body(b"\n".join([good, b'{"a": ', good]))
    assert (len(as_body.events), len(as_body.quarantined)) == (2, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \r\n",
        b"\xef\xbb\xbf",
        b"null",
        b"{}",
        b"[]",
        b'{"records":[]}',
        b'{"records": null}',
        b"[null]",
        b"[{}]",
    ],
)
def test_a_heartbeat_counts_as_one_empty_record(decoder: Any, data: Any) -> None:
    result = decoder.body(data)
    assert (result.events, result.quarantined, result.filtered) == ([], [], {"empty": 1})


def test_null_elements_are_empty_records(decode: Any) -> None:
    result = decode(None, sign_in(), None)
    assert (len(result.events), result.filtered) == (1, {"empty": 2})


def test_categories_of_no_interest_are_counted(decode: Any, decoder: Any) -> None:
    skipped = {"category": "ProvisioningLogs", "properties": {"id": "x"}}
    result = decode(skipped, sign_in(), skipped)
    assert (len(result.events), result.filtered) == (1, {"category_not_read": 2})
    other = {"category": "NewLogs\x07", "properties": {}}
    result = decode(other, sign_in(), skipped | {"category": "riskyusers"}, other)
    assert (len(result.events), result.filtered) == (1, {"category_not_read": 1, "unknown_category": 2})
    assert result.unknown == {"category:newlogs": 2}
    flat = {"category": "NewLogs", "time": "2026-03-02T08:00:00Z", "x": 1}
    assert decode(flat).filtered == {"unknown_category": 1}
    rows = [{"Type": "AADRiskyUsers", "Id": "x"}, {"Category": "RiskyUsers", "Id": "x"}]
    assert decoder.lines(b"\n".join(map(orjson.dumps, rows))).filtered == {"category_not_read": 2}


def test_unknown_spellings_are_bounded_in_number_and_length(decode: Any) -> None:
    result = decode(*({"category": f"{number}" * 50, "properties": {}} for number in range(100, 300)))
    assert result.filtered == {"unknown_category": 200}
    assert len(result.unknown) <= 65
    assert result.unknown.total() == 200
    assert max(map(len, result.unknown)) <= 96
    assert result.unknown["other"] == 200 - 64
