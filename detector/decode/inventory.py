"""Inventory: directory objects as a poller of Microsoft Graph, or a file of the same shape, saw them.

The category is this product's own (`docs/inventory.md`); the members of `properties` carry the names that Graph gives
them. A member that is null or missing is not known; an empty list is known to be empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from detector.decode.fields import NO_TENANT, Envelope, Id
from detector.decode.problems import Unusable
from detector.decode.texts import ident, text
from detector.decode.times import Instant, moment
from detector.domain.events import Credential, Grant, InventoryObject, ObjectType, Person

_MAX_LISTED: Final = 256
"""How many owners, credentials, grants or attributes of one object are kept."""

_TYPES: Final[dict[str, ObjectType]] = {
    "agentidentity": "agent",
    "agentidentityblueprint": "blueprint",
    "agentidentityblueprintprincipal": "blueprint_principal",
    "agentuser": "agent_user",
    "serviceprincipal": "service_principal",
    "application": "application",
    "user": "user",
}
"""`objectType` in lower case."""


class Held(msgspec.Struct, gc=False, rename="camel"):
    """One entry of `passwordCredentials` or `keyCredentials`."""

    key_id: str | None = None
    display_name: str | None = None
    start_date_time: Instant | None = None
    end_date_time: Instant | None = None
    custom_key_identifier: str | None = None


class Federated(msgspec.Struct, gc=False, rename="camel"):
    """One entry of `federatedIdentityCredentials`."""

    id: str | None = None
    name: str | None = None
    issuer: str | None = None
    subject: str | None = None


class Holder(msgspec.Struct, gc=False, rename="camel"):
    """One owner or sponsor."""

    id: str | None = None
    type: str | None = None
    account_enabled: bool | None = None


class AppRoleAssignment(msgspec.Struct, gc=False, rename="camel"):
    """One entry of `appRoleAssignments`."""

    resource_id: str | None = None
    resource_app_id: str | None = None
    app_role_id: str | None = None
    app_role_value: str | None = None
    created_date_time: Instant | None = None


class DelegatedGrant(msgspec.Struct, gc=False, rename="camel"):
    """One entry of `oauth2PermissionGrants`."""

    resource_id: str | None = None
    resource_app_id: str | None = None
    scope: str | None = None


class Inheritable(msgspec.Struct, gc=False, rename="camel"):
    """One entry of `inheritablePermissions`."""

    resource_app_id: str | None = None
    kind: str | None = None
    scopes: list[str] | None = None


class InventoryProperties(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """What is read of an object."""

    id: Id
    observed_date_time: Instant
    object_type: Id
    object_id: Id
    app_id: str | None = None
    display_name: str | None = None
    description: str | None = None
    account_enabled: bool | None = None
    deleted: bool | None = None
    created_date_time: Instant | None = None
    created_by_app_id: str | None = None
    agent_identity_blueprint_id: str | None = None
    identity_parent_id: str | None = None
    owners: list[Holder] | None = None
    sponsors: list[Holder] | None = None
    password_credentials: list[Held] | None = None
    key_credentials: list[Held] | None = None
    federated_identity_credentials: list[Federated] | None = None
    app_role_assignments: list[AppRoleAssignment] | None = None
    oauth2_permission_grants: list[DelegatedGrant] | None = None
    inheritable_permissions: list[Inheritable] | None = None
    custom_security_attributes: dict[str, dict[str, str | int | float | bool | list[str] | None]] | None = None
    tags: list[str] | None = None


class InventoryRecord(Envelope, kw_only=True, tag="AgentInventory"):
    """One object at one moment."""

    properties: InventoryProperties


def inventory_object(record: InventoryRecord, received: float | None, odd: list[str]) -> InventoryObject:
    """The event of one record; object types never seen before are added to `odd`."""
    said = record.properties
    kind = _TYPES.get(said.object_type.strip().rpartition(".")[2].casefold())
    if kind is None:
        odd.append(f"objectType:{said.object_type}")
        raise Unusable("unsupported_shape", "properties.objectType is none that is known")
    identifier = ident(said.object_id)
    if identifier is None:
        raise Unusable("missing_id", "properties.objectId is empty")
    return InventoryObject(
        record_id=said.id,
        time=moment(said.observed_date_time),
        received=received,
        tenant_id=ident(record.tenant_id) or NO_TENANT,
        type=kind,
        id=identifier,
        app_id=ident(said.app_id),
        name=text(said.display_name),
        described=None if said.description is None else text(said.description) is not None,
        enabled=said.account_enabled,
        deleted=bool(said.deleted),
        created=None if said.created_date_time is None else moment(said.created_date_time),
        created_by=ident(said.created_by_app_id),
        blueprint_id=ident(said.agent_identity_blueprint_id),
        parent_id=ident(said.identity_parent_id),
        owners=_people(said.owners),
        sponsors=_people(said.sponsors),
        credentials=_credentials(said),
        grants=_grants(said),
        grants_told=tuple(
            kind
            for kind, told in (
                ("app_role", said.app_role_assignments),
                ("delegated", said.oauth2_permission_grants),
                ("inheritable", said.inheritable_permissions),
            )
            if told is not None
        ),
        attributes=_attributes(said),
        tags=None if said.tags is None else tuple(filter(None, map(text, said.tags[:_MAX_LISTED]))),
    )


def _people(holders: list[Holder] | None) -> tuple[Person, ...] | None:
    if holders is None:
        return None
    people = {
        known: Person(known, text(holder.type) or "", holder.account_enabled)
        for holder in holders[:_MAX_LISTED]
        if (known := ident(holder.id)) is not None
    }
    return tuple(people[known] for known in sorted(people))


def _credentials(said: InventoryProperties) -> tuple[Credential, ...] | None:
    """All credentials that are told, by key id; `None` when no list of them is known.

    A list that is not known may hold more: nobody can say of one of these that it is the only one, but that it is the
    only known one.
    """
    listed = said.password_credentials, said.key_credentials, said.federated_identity_credentials
    if all(each is None for each in listed):
        return None
    found: dict[str, Credential] = {}
    kinds: tuple[tuple[Iterable[Held], Literal["secret", "certificate"]], ...] = (
        (said.password_credentials or (), "secret"),
        (said.key_credentials or (), "certificate"),
    )
    for entries, kind in kinds:
        for held in entries:
            key_id = ident(held.key_id)
            if key_id is not None:
                found[key_id] = Credential(
                    key_id,
                    kind,
                    text(held.display_name),
                    None if held.start_date_time is None else moment(held.start_date_time),
                    None if held.end_date_time is None else moment(held.end_date_time),
                    ident(held.custom_key_identifier) if kind == "certificate" else None,
                )
    for trusted in said.federated_identity_credentials or ():
        key_id = ident(trusted.id) or ident(trusted.name)
        if key_id is not None:
            found[key_id] = Credential(
                key_id, "federated", text(trusted.name), issuer=text(trusted.issuer), subject=text(trusted.subject)
            )
    return tuple(found[key_id] for key_id in sorted(found)[:_MAX_LISTED])


def _grants(said: InventoryProperties) -> tuple[Grant, ...] | None:
    if (said.app_role_assignments, said.oauth2_permission_grants, said.inheritable_permissions) == (None, None, None):
        return None
    found: set[Grant] = set()
    for role in said.app_role_assignments or ():
        resource, permission = ident(role.resource_id), text(role.app_role_value) or ident(role.app_role_id)
        if resource is not None and permission is not None:
            since = None if role.created_date_time is None else moment(role.created_date_time)
            found.add(Grant("app_role", resource, permission, ident(role.resource_app_id), since))
    for grant in said.oauth2_permission_grants or ():
        resource, scope = ident(grant.resource_id), text(grant.scope)
        if resource is not None and scope is not None:
            found.add(Grant("delegated", resource, " ".join(sorted(scope.split())), ident(grant.resource_app_id)))
    for lent in said.inheritable_permissions or ():
        resource, scope = ident(lent.resource_app_id), _inherited(lent)
        if resource is not None and scope is not None:
            found.add(Grant("inheritable", resource, scope, resource))
    return tuple(sorted(found, key=lambda each: (each.kind, each.resource_id, each.permission))[:_MAX_LISTED])


def _inherited(lent: Inheritable) -> str | None:
    """The scopes that agents inherit, `*` for all of them; `None` for none."""
    kind = (text(lent.kind) or "").casefold()
    if kind == "allallowed":
        return "*"
    scopes = sorted(filter(None, map(text, lent.scopes or ())))
    return None if kind == "none" or not scopes else " ".join(scopes)


def _attributes(said: InventoryProperties) -> dict[str, tuple[str, ...]] | None:
    if said.custom_security_attributes is None:
        return None
    found: dict[str, tuple[str, ...]] = {}
    for group, values in said.custom_security_attributes.items():
        for name, value in values.items():
            if not name.startswith("@") and value is not None and len(found) < _MAX_LISTED:
                listed = value if isinstance(value, list) else [str(value)]
                found[f"{group}.{name}"] = tuple(sorted(filter(None, map(text, listed[:_MAX_LISTED]))))
    return dict(sorted(found.items()))
