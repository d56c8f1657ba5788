"""Objects as records of the category AgentInventory; `docs/inventory.md` has the format.

A member is null when it is not known. An empty list says that there is known to be nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from detector.inventory.shapes import DelegatedGrant, Federated, Held, Holder, Inheritable, RoleAssignment
from detector.inventory.survey import Entry

CATEGORY: Final = "AgentInventory"
MOST_LISTED: Final = 256
"""Members of one list that are told: a reader keeps no more."""

_HEX: Final = re.compile(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What is known besides the objects themselves."""

    grants: Mapping[str, list[DelegatedGrant]] | None = None
    """Delegated permissions by object id of the client; `None` when they are not known as a whole."""
    grants_unknown: frozenset[str] = frozenset()
    """Clients of which they are not known."""
    app_ids: Mapping[str, str | None] = field(default_factory=dict)
    """appIds of resources, by object id."""
    roles: Mapping[tuple[str, str], str | None] = field(default_factory=dict)
    """Values of app roles, by object id of the resource and id of the role."""
    people: Mapping[str, bool | None] = field(default_factory=dict)
    """Whether users are enabled, by object id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When and in which round something was seen."""

    round: str
    tenant_id: str
    observed: float
    """Seconds since the epoch, UTC."""
    written: float

    def record(self, identifier: str, properties: Mapping[str, object]) -> bytes:
        """One line with its line feed."""
        return (
            msgspec.json.encode(
                {
                    "category": CATEGORY,
                    "time": text_of(self.written),
                    "tenantId": self.tenant_id,
                    "properties": {
                        "id": f"{self.round}:{identifier}",
                        "observedDateTime": text_of(self.observed),
                        **properties,
                    },
                }
            )
            + b"\n"
        )


def text_of(seconds: float) -> str:
    """A moment in RFC 3339, UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def properties_of(entry: Entry, around: Surroundings) -> dict[str, Any]:
    """What is told of an object."""
    seen, lists, kind = entry.seen, entry.lists, entry.kind
    return {
        "objectType": kind.type,
        "objectId": seen.id,
        # https://learn.microsoft.com/graph/api/resources/agentidentity: an agent identity is its own client.
        "appId": seen.app_id or (seen.id if kind.type == "agentIdentity" else None),
        "displayName": seen.display_name,
        "description": seen.description,
        "accountEnabled": _enabled(entry),
        "deleted": False,
        "createdDateTime": seen.created_date_time,
        "createdByAppId": seen.created_by_app_id,
        "agentIdentityBlueprintId": seen.agent_identity_blueprint_id,
        "identityParentId": seen.identity_parent_id,
        "tags": seen.tags,
        "owners": _people(lists.get("owners"), around),
        "sponsors": _people(lists.get("sponsors"), around),
        "passwordCredentials": _held(seen.password_credentials, certificates=False),
        "keyCredentials": _held(seen.key_credentials, certificates=True),
        "federatedIdentityCredentials": _federated(lists.get("federated_credentials")),
        "appRoleAssignments": _roles(lists.get("app_roles"), around),
        "oauth2PermissionGrants": _delegated(entry, around),
        "inheritablePermissions": _inheritable(lists.get("inheritable_permissions")),
        "customSecurityAttributes": _attributes(lists.get("attributes")),
    }


def _enabled(entry: Entry) -> bool | None:
    seen = entry.seen
    if (seen.disabled_by_microsoft_status or "").casefold().startswith("disabled"):
        return False
    if seen.account_enabled is None and seen.is_disabled is not None:
        return not seen.is_disabled
    return seen.account_enabled


def _people(holders: list[Holder] | None, around: Surroundings) -> list[dict[str, Any]] | None:
    if holders is None:
        return None
    return [
        {
            "id": holder.id,
            "type": type_of(holder),
            "accountEnabled": around.people.get(holder.id, holder.account_enabled),
        }
        for holder in holders[:MOST_LISTED]
    ]


def type_of(holder: Holder) -> str | None:
    """`user`, `servicePrincipal`, `group`; `None` when Graph does not say."""
    name = (holder.odata_type or "").rpartition(".")[2]
    return None if name in ("", "directoryObject") else name


def _held(held: list[Held] | None, *, certificates: bool) -> list[dict[str, Any]] | None:
    if held is None:
        return None
    found = []
    for each in held[:MOST_LISTED]:
        entry: dict[str, Any] = {
            "keyId": each.key_id,
            "displayName": each.display_name,
            "startDateTime": each.start_date_time,
            "endDateTime": each.end_date_time,
        }
        if certificates:
            entry["customKeyIdentifier"] = thumbprint(each.custom_key_identifier)
        found.append(entry)
    return found


def thumbprint(identifier: str | None) -> str | None:
    """The thumbprint of a certificate in hex, as portals show it. Graph gives its bytes in Base64, or that hex."""
    if identifier is None or _HEX.fullmatch(identifier):
        return None if identifier is None else identifier.lower()
    try:
        return base64.b64decode(identifier, validate=True).hex() or None
    except (binascii.Error, ValueError):
        return None


def _federated(listed: list[Federated] | None) -> list[dict[str, Any]] | None:
    return None if listed is None else [msgspec.to_builtins(each) for each in listed[:MOST_LISTED]]


def _roles(listed: list[RoleAssignment] | None, around: Surroundings) -> list[dict[str, Any]] | None:
    if listed is None:
        return None
    return [
        {
            "resourceId": each.resource_id,
            "resourceAppId": around.app_ids.get(each.resource_id),
            "appRoleId": each.app_role_id,
            "appRoleValue": around.roles.get((each.resource_id, each.app_role_id)),
            "createdDateTime": each.created_date_time,
        }
        for each in listed[:MOST_LISTED]
    ]


def _delegated(entry: Entry, around: Surroundings) -> list[dict[str, Any]] | None:
    if around.grants is None or not entry.kind.granted or entry.seen.id in around.grants_unknown:
        return None
    return [
        {
            "resourceId": each.resource_id,
            "resourceAppId": around.app_ids.get(each.resource_id),
            "scope": each.scope,
            "consentType": each.consent_type,
        }
        for each in around.grants.get(entry.seen.id, ())[:MOST_LISTED]
    ]


def _inheritable(listed: list[Inheritable] | None) -> list[dict[str, Any]] | None:
    if listed is None:
        return None
    found = []
    for each in listed[:MOST_LISTED]:
        scopes = each.inheritable_scopes
        kind = None
        if scopes is not None:
            # `kind`, or the name of the type: enumeratedScopes, allAllowedScopes, noScopes.
            kind = scopes.kind or _KINDS.get((scopes.odata_type or "").rpartition(".")[2])
        found.append({"resourceAppId": each.resource_app_id, "kind": kind, "scopes": scopes and scopes.scopes})
    return found


_KINDS: Final = {"enumeratedScopes": "enumerated", "allAllowedScopes": "allAllowed", "noScopes": "none"}


def _attributes(sets: dict[str, Any] | None) -> dict[str, dict[str, Any]] | None:
    """Sets of attributes, without Graph's annotations (`Name@odata.type`)."""
    if sets is None:
        return None
    return {
        group: {name: _plain(value) for name, value in values.items() if "@" not in name}
        for group, values in sets.items()
        if "@" not in group and isinstance(values, dict)
    }


def _plain(value: object) -> Any:  # noqa: ANN401 -- whatever JSON can say
    """A value, or a list of texts: attributes are text, whole numbers, booleans, or lists of the first two."""
    if isinstance(value, list):
        return [each if isinstance(each, str) else str(each) for each in value[:MOST_LISTED]]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
