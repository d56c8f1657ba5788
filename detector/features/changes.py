"""What was changed, by whom: audit records sorted into kinds of change, and the habits of each actor.

Names of activities come in several spellings and one deed is often logged as several records; the decoder folds
the spelling, `config/activities.yaml` maps folded names to kinds, and this file decides which records are a
change at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from detector.domain.events import Change, Identity
from detector.features.known import observe
from detector.features.timeline import HOUR, Horizon

_BOOKKEEPING: Final = frozenset({"included updated properties", "targetid.serviceprincipalnames"})
"""Modified properties that name others, or the target, and change nothing themselves."""

PEOPLE: Final = frozenset({"owner_added", "owner_removed", "sponsor_added", "sponsor_removed"})
"""Kinds of change that are about a person and what that person is responsible for."""

_KINDS: Final = ("serviceprincipal", "application", "app", "user", "other", "")
"""Types of targets that a change may be about, the likeliest first."""

_UPDATES: Final = frozenset({"application_updated", "service_principal_updated"})

CAPACITY: Final = 64
"""Kinds of change remembered per actor."""


class ActorMemory(msgspec.Struct, gc=False):
    """What one actor has done before."""

    kinds: dict[str, int] = msgspec.field(default_factory=dict)
    """See `detector.features.known`."""


class Changes:
    """The feature."""

    __slots__ = ("horizon", "kinds")

    def __init__(self, kinds: Mapping[str, str], horizon: Horizon) -> None:
        self.kinds = dict(kinds)
        self.horizon = horizon

    def kind_of(self, change: Change) -> str | None:
        """The kind of a change, `None` for activities that nobody reads.

        `credentials_changed` is refined by the keys: added, removed, or (when the record does not list them)
        added, the graver reading. Updates are refined by what they change: federated credentials, whether the
        account is enabled, inheritable permissions. An update that names no property is the shadow that Entra logs
        beside the real change, and is none.
        """
        kind = self.kinds.get(change.activity)
        if kind == "credentials_changed":
            if change.keys_added or not change.keys_removed:
                return "credential_added"
            return "credential_removed"
        return _refined(kind, change) if kind in _UPDATES else kind

    def observe(self, memory: ActorMemory, kind: str, change: Change) -> bool:
        """Remembers that the actor made a change of `kind`; tells whether that was known of it."""
        return observe(memory.kinds, kind, int(change.time) // HOUR, self.horizon, CAPACITY)


def _refined(kind: str, change: Change) -> str | None:
    """The kind of an update, by what it changes."""
    named = {name.casefold() for name in change.properties_changed}
    if change.federated_credentials_changed:
        only_removed = change.federated_removed and not change.federated_added
        return "federated_credential_removed" if only_removed else "federated_credential_changed"
    if change.enabled is not None:
        return "agent_enabled" if change.enabled else "agent_disabled"
    if any("inheritable" in name for name in named):
        return "inheritable_permissions_changed"
    return kind if named - _BOOKKEEPING else None


def affected(change: Change, kind: str = "") -> tuple[Identity, ...]:
    """The identities a change of this kind is about, the likeliest first: a grantee before the resource of a grant.

    A grant of an app role has the *resource* as its only target and names the grantee in modified properties;
    an assignment of a directory role lists principal and role in either order; a change of owners has the owner among
    its targets, who may be an agent too.
    """
    named: list[Identity] = []
    if change.grantee_object_id is not None or change.grantee_app_id is not None:
        named.append(
            Identity(
                id=change.grantee_object_id,
                type="ServicePrincipal",
                name=change.grantee_name,
                app_id=change.grantee_app_id,
            )
        )
        if change.permission is not None or change.permission_id is not None:
            return tuple(named)
    targets = [target for target in change.targets if target.type.casefold() in _KINDS]
    if kind in PEOPLE:
        targets = _owned(change, targets)
    named.extend(sorted(targets, key=lambda target: _KINDS.index(target.type.casefold())))
    return tuple(named)


def people(change: Change) -> tuple[Identity, ...]:
    """Who became or ceased to be an owner or sponsor; of two users, either of whom may be it, both."""
    targets = [target for target in change.targets if target.type.casefold() in _KINDS]
    owned = _owned(change, targets)
    others = tuple(target for target in targets if target not in owned)
    return others or tuple(target for target in owned if target.type.casefold() == "user")


def _owned(change: Change, targets: list[Identity]) -> list[Identity]:
    """Which of the targets has the owner or sponsor.

    Entra lists the owner first and names the object in modified properties. Where those are missing, the object is
    what is no user, of an application the application, else what stands behind the owner.
    """
    if change.grantee_object_id is not None:
        return [target for target in targets if target.id == change.grantee_object_id]
    objects = [target for target in targets if target.type.casefold() != "user"]
    if len(objects) < len(targets):
        return objects or targets
    applications = [target for target in objects if target.type.casefold() in {"application", "app"}]
    return applications or objects[1:] or objects


def abouts(kind: str, change: Change, key_id: str) -> tuple[str, ...]:
    """What a change of this kind is about besides the agent or blueprint `key_id`; `""` when there is nothing.

    Key ids of credentials, the resource of a grant, the people of an ownership, the role of an assignment.
    """
    if change.keys_added or change.keys_removed:
        return tuple(key.key_id for key in (*change.keys_added, *change.keys_removed))
    if change.federated_added or change.federated_removed:
        trusts = (*change.federated_added, *change.federated_removed)
        return tuple(sorted({trust.id or trust.name or "" for trust in trusts}))
    if change.directory_role_template_id is not None:
        return (change.directory_role_template_id,)
    if kind in PEOPLE:
        return tuple(sorted({each.id for each in people(change) if each.id not in (None, key_id)})) or ("",)
    if change.permission is not None or change.permission_id is not None:
        others = {target.id for target in change.targets if target.id not in (None, key_id, change.grantee_object_id)}
        return tuple(sorted(filter(None, others))) or ("",)
    return ("",)
