"""Audit records: who changed what (AuditLogs, CustomSecurityAttributeAuditLogs).

What matters sits in `modifiedProperties`, whose values are JSON text inside strings. They are looked up by name,
never by position, and only the values named here are ever read: a value may be the credential itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
import orjson

from detector.decode import application
from detector.decode.activity import fold_activity, trim_activity
from detector.decode.addresses import address
from detector.decode.attributes import attribute_changes
from detector.decode.fields import NO_TENANT, Envelope, Id, KeyValue
from detector.decode.policies import policy_change
from detector.decode.problems import Unusable
from detector.decode.roles import fold_role
from detector.decode.texts import MAX_CHARS, ident, text
from detector.decode.times import Instant, moment
from detector.domain.events import Actor, AgentRole, Change, CredentialKey, Identity

_MAX_LISTED = 256
"""How many targets, keys or property names of one record are kept."""

_KEY = re.compile(
    r"\[KeyIdentifier=([^,\]]+),KeyType=([^,\]]*)(?:,KeyUsage=[^,\]]*)?(?:,DisplayName=(.*))?\]$", re.DOTALL
)
_SCOPES = re.compile(r"\bScope: *([^,\]]*)")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SUCCESS = frozenset({"success", "0", "succeeded"})


class Modified(msgspec.Struct, gc=False, rename="camel"):
    """One entry of `modifiedProperties`."""

    display_name: str | None = None
    old_value: str | None = None
    new_value: str | None = None


class Target(msgspec.Struct, gc=False, rename="camel"):
    """One entry of `targetResources`; the order of the list means nothing."""

    id: str | None = None
    display_name: str | None = None
    user_principal_name: str | None = None
    type: str | None = None
    agent_type: str | None = None
    blueprint_id: str | None = None
    modified_properties: list[Modified] | None = None


class ByUser(msgspec.Struct, gc=False, rename="camel"):
    """`initiatedBy.user`."""

    id: str | None = None
    display_name: str | None = None
    user_principal_name: str | None = None
    ip_address: str | None = None
    agent_type: str | None = None


class ByApp(msgspec.Struct, gc=False, rename="camel"):
    """`initiatedBy.app`; its `appId` was null in every record seen, so the object id names it."""

    app_id: str | None = None
    display_name: str | None = None
    service_principal_id: str | None = None
    service_principal_name: str | None = None
    agent_type: str | None = None


class Initiator(msgspec.Struct, gc=False, rename="camel"):
    """`initiatedBy`: one of the two."""

    user: ByUser | None = None
    app: ByApp | None = None


class AuditProperties(msgspec.Struct, gc=False, rename="camel"):
    """What is read of a `directoryAudit`."""

    id: Id
    activity_date_time: Instant
    activity_display_name: str
    result: str | int | None = None
    initiated_by: Initiator | None = None
    target_resources: list[Target] | None = None
    additional_details: list[KeyValue] | None = None
    logged_by_service: str | None = None
    user_agent: str | None = None
    correlation_id: str | None = None


class Audit(Envelope, kw_only=True, tag="AuditLogs"):
    """A change in the directory."""

    properties: AuditProperties


class AttributeAudit(Envelope, kw_only=True, tag="CustomSecurityAttributeAuditLogs"):
    """A change of custom security attributes."""

    properties: AuditProperties


CATEGORIES: Final[dict[type, str]] = {
    Audit: "AuditLogs",
    AttributeAudit: "CustomSecurityAttributeAuditLogs",
}


def change(
    record: Audit | AttributeAudit, received: float | None, odd: list[str], environment: str | None = None
) -> Change:
    """The event of one audit record; spellings never seen before are added to `odd`.

    `environment` is the custom security attribute whose values are read, `Set.Name`.
    """
    said = record.properties
    activity = trim_activity(said.activity_display_name)[:MAX_CHARS]
    if not activity:
        raise Unusable("unsupported_shape", "properties.activityDisplayName is empty")
    details = {entry.key.casefold(): text(entry.value) for entry in (said.additional_details or ())[:_MAX_LISTED]}
    targets = (said.target_resources or [])[:_MAX_LISTED]
    changes = _Changes(modified for target in targets for modified in target.modified_properties or ())
    added, removed = changes.keys()
    edits = application.edits(changes.named, changes.sides)
    role = next((target for target in targets if (target.type or "").casefold() == "role"), None)
    folded = fold_activity(activity)[:MAX_CHARS]
    identities = tuple(_identity(target, details.get("appid"), odd) for target in targets)
    return Change(
        record_id=said.id,
        time=moment(said.activity_date_time),
        received=received,
        tenant_id=ident(record.tenant_id) or NO_TENANT,
        category=CATEGORIES[type(record)],
        activity=folded,
        activity_name=activity,
        succeeded=said.result is None or str(said.result).strip().casefold() in _SUCCESS,
        actor=_actor(said.initiated_by, record.caller_ip_address or details.get("ipaddr"), odd),
        targets=identities,
        keys_added=added,
        keys_removed=removed,
        federated_credentials_changed=any(name in changes.named for name in application.FEDERATED),
        grantee_app_id=ident(changes.value("ServicePrincipal.AppId", "Application.AppId")) or changes.role_holder(),
        grantee_object_id=ident(changes.value("ServicePrincipal.ObjectID", "Application.ObjectID")),
        grantee_name=text(changes.value("ServicePrincipal.DisplayName", "Application.DisplayName")),
        permission=changes.permission(),
        permission_id=ident(changes.value("AppRole.Id")),
        directory_role=text(changes.value("Role.DisplayName") or (role.display_name if role else None)),
        directory_role_template_id=ident(
            changes.value("Role.TemplateId") or (details.get("templateid") if role else None)
        ),
        properties_changed=changes.names,
        enabled=edits.enabled,
        federated_added=edits.federated_added,
        federated_removed=edits.federated_removed,
        fields=edits.fields,
        scopes=edits.scopes,
        for_everybody=edits.for_everybody,
        user_agent=text(said.user_agent) or details.get("user-agent"),
        correlation_id=ident(said.correlation_id),
        service=text(said.logged_by_service),
        policy=policy_change(folded, changes.both, identities),
        attributes=attribute_changes(folded, changes.all, environment),
    )


class _Changes:
    """The modified properties of all targets, by folded name; the first of a name wins."""

    def __init__(self, entries: Iterable[Modified]) -> None:
        self.named: Final[dict[str, Modified]] = {}
        names: dict[str, None] = {}
        for entry in entries:
            name = text(entry.display_name)
            if name is not None and len(names) < _MAX_LISTED:
                names.setdefault(name)
                self.named.setdefault(name.casefold(), entry)
        self.names: Final = tuple(names)

    @property
    def all(self) -> Iterator[tuple[str, str | None, str | None]]:
        """Name, old and new value of each property, as they are."""
        return ((entry.display_name or "", entry.old_value, entry.new_value) for entry in self.named.values())

    @property
    def both(self) -> Iterator[tuple[str | None, str | None]]:
        """The old and the new value of each property."""
        return ((old, new) for _, old, new in self.all)

    def sides(self, folded: str) -> tuple[str | None, str | None]:
        """The old and the new value of a property as they are."""
        entry = self.named.get(folded)
        return (None, None) if entry is None else (entry.old_value, entry.new_value)

    def value(self, *names: str) -> str | None:
        """The new value as text, else (a removal) the old one, of the first of these that has any."""
        for name in names:
            old, new = self.sides(name.casefold())
            said = application.plain(new) or application.plain(old)
            if said:
                return said
        return None

    def keys(self) -> tuple[tuple[CredentialKey, ...], tuple[CredentialKey, ...]]:
        """Keys added and removed: the difference of both sides of `KeyDescription`.

        "[]" is a side known to be empty; null is unknown, and against an unknown side nothing can be said.
        """
        entry = self.named.get("keydescription")
        if entry is None or entry.old_value is None or entry.new_value is None:
            return (), ()
        old, new = _keys(entry.old_value), _keys(entry.new_value)
        return (
            tuple(key for key_id, key in new.items() if key_id not in old),
            tuple(key for key_id, key in old.items() if key_id not in new),
        )

    def permission(self) -> str | None:
        """The app role granted, or the scopes of a delegated grant, each once, in the order of the record."""
        role = text(self.value("AppRole.Value")) or text(self.value("DelegatedPermissionGrant.Scope"))
        if role is not None:
            return role
        consented = self.value("ConsentAction.Permissions")
        if consented is None:
            return None
        scopes = " ".join(_SCOPES.findall(consented.rpartition("=>")[2])).split()
        return text(" ".join(dict.fromkeys(scopes)))

    def role_holder(self) -> str | None:
        """AppId of the service principal that a directory role was given to or taken from."""
        if not any(name.startswith("role.") for name in self.named):
            return None
        return _app_id(self.value("TargetId.ServicePrincipalNames"))


def _keys(value: str) -> dict[str, CredentialKey]:
    """The entries of one side of `KeyDescription` by key id."""
    try:
        listed = orjson.loads(value)
    except orjson.JSONDecodeError:
        listed = [value]
    found: dict[str, CredentialKey] = {}
    for entry in (listed if isinstance(listed, list) else [listed])[:_MAX_LISTED]:
        match = _KEY.match(entry.strip()) if isinstance(entry, str) else None
        key_id = ident(match.group(1)) if match else None
        if match and key_id:
            found[key_id] = CredentialKey(key_id, text(match.group(2)) or "", text(match.group(3)))
    return found


def _app_id(names: str | None) -> str | None:
    """The appId among the names of a service principal (`<appId>;https://...`)."""
    found = _GUID.search((names or "").lower())
    return found.group() if found else None


def _actor(initiator: Initiator | None, ip: str | None, odd: list[str]) -> Actor:
    user = initiator.user if initiator else None
    app = initiator.app if initiator else None
    if user is not None and (user.id or user.user_principal_name or app is None):
        return Actor(
            kind="user",
            id=ident(user.id),
            name=text(user.display_name) or text(user.user_principal_name),
            ip=address(user.ip_address) or address(ip),
            role=_role(user.agent_type, odd),
        )
    if app is not None:
        return Actor(
            kind="app",
            id=ident(app.service_principal_id),
            name=text(app.display_name) or text(app.service_principal_name),
            app_id=ident(app.app_id),
            ip=address(ip),
            role=_role(app.agent_type, odd),
        )
    return Actor(kind="unknown", id=None, ip=address(ip))


def _identity(target: Target, app_id: str | None, odd: list[str]) -> Identity:
    """One target; the record's `AppId` detail names its application, or the principal that carries that name."""
    kind = text(target.type) or ""
    own = None
    if kind.casefold() in ("application", "app"):
        own = ident(app_id)
    elif kind.casefold() == "serviceprincipal":
        own = _app_id(_Changes(target.modified_properties or ()).value("TargetId.ServicePrincipalNames"))
    return Identity(
        id=ident(target.id),
        type=kind,
        name=text(target.display_name) or text(target.user_principal_name),
        app_id=own,
        role=_role(target.agent_type, odd),
        blueprint_id=ident(target.blueprint_id),
        guest="#ext#" in (target.user_principal_name or "").casefold(),
    )


def _role(spelling: str | None, odd: list[str]) -> AgentRole:
    role, unknown = fold_role(spelling)
    if unknown is not None:
        odd.append(f"agentType:{unknown}")
    return role
