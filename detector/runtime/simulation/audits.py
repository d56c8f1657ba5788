"""Audit records as the Event Hubs export writes them: both clocks are the same instant, in two spellings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import orjson

from detector.runtime.simulation.clock import envelope_text, property_text


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change."""

    kind: Literal["user", "app"]
    id: str
    """User object id, or object id of the service principal."""
    name: str
    principal_name: str = ""
    address: str | None = None
    user_agent: str = "Mozilla/5.0"

    def initiated_by(self) -> dict[str, Any]:
        """Write `initiatedBy`: exactly one of user and app; an app's appId is null in every record seen."""
        if self.kind == "app":
            app = {"appId": None, "displayName": self.name, "servicePrincipalId": self.id, "servicePrincipalName": None}
            return {"app": app}
        return {
            "user": {
                "id": self.id,
                "displayName": None,
                "userPrincipalName": self.principal_name,
                "ipAddress": self.address or "",
                "roles": [],
            }
        }


@dataclass(frozen=True, slots=True)
class Audit:
    """One change in the directory."""

    ticks: int
    id: str
    correlation_id: str
    activity: str
    area: str
    """`properties.category`, e.g. ApplicationManagement."""
    operation: str
    """`operationType`, e.g. Update."""
    actor: Actor
    targets: tuple[dict[str, Any], ...]
    details: tuple[tuple[str, str], ...] = ()
    result: str = "success"
    service: str = "Core Directory"
    diagnostic: Literal["AuditLogs", "CustomSecurityAttributeAuditLogs"] = "AuditLogs"

    @property
    def category(self) -> str:
        """Category of the diagnostic setting."""
        return self.diagnostic

    def render(self, tenant_id: str, received: int) -> bytes:
        """Write the record; its two clocks are the same instant, so `received` does not show."""
        del received
        record: dict[str, Any] = {
            "time": envelope_text(self.ticks),
            "resourceId": f"/tenants/{tenant_id}/providers/Microsoft.aadiam",
            "operationName": self.activity,
            "operationVersion": "1.0",
            "category": self.diagnostic,
            "tenantId": tenant_id,
            "resultSignature": "None",
            "durationMs": 0,
        }
        if self.actor.address is not None:
            record["callerIpAddress"] = self.actor.address
        record |= {"correlationId": self.correlation_id, "identity": self.actor.name, "level": "Informational"}
        record["properties"] = {
            "id": self.id,
            "category": self.area,
            "correlationId": self.correlation_id,
            "result": self.result,
            "resultReason": "",
            "activityDisplayName": self.activity,
            "activityDateTime": property_text(self.ticks),
            "loggedByService": self.service,
            "operationType": self.operation,
            "userAgent": None,
            "initiatedBy": self.actor.initiated_by(),
            "targetResources": list(self.targets),
            "additionalDetails": [
                {"key": "User-Agent", "value": self.actor.user_agent},
                *({"key": key, "value": value} for key, value in self.details),
            ],
        }
        return orjson.dumps(record)
