"""Records as rows of Log Analytics, and files of them as other programs write them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from detector.sources.instants import instant
from tests.live.stream import Message

TABLES = {
    "serviceprincipalsigninlogs": "AADServicePrincipalSignInLogs",
    "managedidentitysigninlogs": "AADManagedIdentitySignInLogs",
    "noninteractiveusersigninlogs": "AADNonInteractiveUserSignInLogs",
    "signinlogs": "SigninLogs",
    "auditlogs": "AuditLogs",
    "riskyagents": "AADRiskyAgents",
    "agentriskevents": "AADAgentRiskEvents",
    "riskyserviceprincipals": "AADRiskyServicePrincipals",
    "serviceprincipalriskevents": "AADServicePrincipalRiskEvents",
}
TIMES = ("TimeGenerated", "CreatedDateTime", "ActivityDateTime", "DetectedDateTime", "RiskLastUpdatedDateTime")


def row_of(record: dict[str, Any]) -> dict[str, Any]:
    """A record of the export as a row: properties are columns, and two of them have other names."""
    properties = record["properties"]
    row = {name[:1].upper() + name[1:]: value for name, value in properties.items()}
    if "location" in properties:
        row["LocationDetails"] = row.pop("Location")
    if "resourceId" in properties:
        row["ResourceIdentity"] = row.pop("ResourceId")
    return {
        "TimeGenerated": record["time"],
        "AADTenantId": record["tenantId"],
        "Category": record["category"],
        "Type": TABLES[record["category"].lower()],
        **row,
    }


def rows_of(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """The rows of all records that have a table, in order of arrival."""
    records = (record for message in messages for record in json.loads(message.body)["records"])
    return [row_of(record) for record in records if record["category"].lower() in TABLES]


def json_lines(rows: Iterable[dict[str, Any]]) -> bytes:
    """Rows as a data export writes them."""
    return b"\n".join(json.dumps(row).encode() for row in rows)


def parquet(rows: Sequence[dict[str, Any]], *, typed: bool = True, **options: Any) -> bytes:
    """Rows as a table: with moments and structures as such, or (as Azure Data Explorer does) all of it as text."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns: dict[str, Any] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if name in TIMES and typed:
            columns[name] = pa.array([_moment(value) for value in values], pa.timestamp("us", "UTC"))
        else:
            columns[name] = _column(values, typed)
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **options)
    return out.getvalue()


def _moment(text: str | None) -> datetime | None:
    seconds = instant(text) if text else None
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _column(values: list[Any], typed: bool) -> Any:
    nested = any(isinstance(value, dict | list) for value in values)
    if nested and typed:
        try:
            return pa.array(values)
        except pa.ArrowInvalid:
            pass  # lists of one thing here and of another there have no type in Arrow
    if nested:
        values = [None if value is None else json.dumps(value) for value in values]
    return pa.array(values)
