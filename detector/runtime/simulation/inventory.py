"""Inventory records: the directory as a poller of Microsoft Graph shows it, in the product's own category.

Once a day everything is read; between these rounds changed objects are read again by the next five minutes. The form
is that of `docs/inventory.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson

from detector.runtime.simulation.chance import guid, stream
from detector.runtime.simulation.clock import DAY, MINUTE, SECOND, envelope_text
from detector.runtime.simulation.directory import Directory, Entry, Held
from detector.runtime.simulation.settings import SimulationSettings

CATEGORY: Final = "AgentInventory"
_POLL: Final = 5 * MINUTE


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One object as one round of the poller saw it."""

    ticks: int
    """When the round began."""
    round: str
    object_id: str
    directory: Directory

    @property
    def id(self) -> str:
        """Round and object, never the same twice."""
        return f"{self.round}:{self.object_id}"

    @property
    def category(self) -> str:
        """Category of the record."""
        return CATEGORY

    def render(self, tenant_id: str, received: int) -> bytes:
        """Write the record."""
        entry = self.directory.at(self.ticks, self.object_id)
        properties: dict[str, Any] = {
            "id": self.id,
            "observedDateTime": envelope_text(self.ticks),
            "objectType": entry.type,
            "objectId": entry.id,
            "appId": entry.app_id,
            "displayName": entry.name,
            "accountEnabled": entry.enabled,
            "deleted": entry.deleted,
            "createdDateTime": envelope_text(entry.since if entry.created is None else entry.created),
        }
        if entry.type != "user":
            properties |= self._responsible(entry)
        record = {
            "category": CATEGORY,
            "time": envelope_text(received),
            "tenantId": tenant_id,
            "properties": properties,
        }
        return orjson.dumps(record)

    def _responsible(self, entry: Entry) -> dict[str, Any]:
        said: dict[str, Any] = {
            "description": entry.description or "",
            "createdByAppId": entry.created_by,
            "agentIdentityBlueprintId": entry.blueprint,
            "identityParentId": entry.parent,
            "tags": list(entry.tags),
            "owners": self._people(entry.owners),
            "sponsors": self._people(entry.sponsors),
        }
        if entry.type == "agentIdentityBlueprint":
            said |= {
                "passwordCredentials": [_credential(held) for held in entry.secrets],
                "keyCredentials": [_credential(held) for held in entry.certificates],
                "federatedIdentityCredentials": [
                    {
                        "id": trust.id,
                        "name": trust.name,
                        "issuer": trust.issuer,
                        "subject": trust.subject,
                        "audiences": ["api://AzureADTokenExchange"],
                    }
                    for trust in entry.trusts
                ],
                "inheritablePermissions": [
                    {"resourceAppId": resource.app_id, "kind": "enumerated", "scopes": list(scopes)}
                    for resource, scopes in entry.inheritable
                ],
            }
        else:
            said |= {"appRoleAssignments": _roles(entry), "oauth2PermissionGrants": _scopes(entry)}
        if entry.stage is not None:
            said["customSecurityAttributes"] = {"Agents": {"Stage": entry.stage}}
        return said

    def _people(self, ids: tuple[str, ...] | None) -> list[dict[str, Any]] | None:
        if ids is None:
            return None
        return [
            {"id": person, "type": "user", "accountEnabled": self.directory.enabled(self.ticks, person)}
            for person in ids
        ]


def poll_after(at: int) -> int:
    """Give the moment of the poller's next round after a change."""
    return (at // _POLL + 1) * _POLL + 20 * SECOND


def rounds(settings: SimulationSettings, directory: Directory, first: int) -> list[Observation]:
    """Read everything: at `first`, when the simulation starts, and every day after."""
    rng = stream(settings.seed, "inventory")
    moments = [first, *range(settings.start_ticks + 5 * MINUTE, settings.end_ticks, DAY)]
    found: list[Observation] = []
    for moment in dict.fromkeys(moments):
        number = guid(rng)
        found += [Observation(moment, number, entry.id, directory) for entry in directory.existing(moment)]
    return found


def _credential(held: Held) -> dict[str, Any]:
    said: dict[str, Any] = {
        "keyId": held.id,
        "displayName": held.name,
        "startDateTime": envelope_text(held.start),
        "endDateTime": envelope_text(held.end),
    }
    return said | {"customKeyIdentifier": held.thumbprint} if held.thumbprint else said


def _roles(entry: Entry) -> list[dict[str, Any]]:
    return [
        {
            "resourceId": granted.resource.service_principal_id,
            "resourceAppId": granted.resource.app_id,
            "appRoleId": granted.permission.id,
            "appRoleValue": granted.permission.value,
            "createdDateTime": envelope_text(granted.since),
        }
        for granted in entry.roles
    ]


def _scopes(entry: Entry) -> list[dict[str, Any]]:
    return [
        {
            "resourceId": resource.service_principal_id,
            "resourceAppId": resource.app_id,
            "scope": scopes,
            "consentType": "AllPrincipals",
        }
        for resource, scopes in entry.scopes
    ]
