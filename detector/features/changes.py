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
        added, the graver reading. An update that names no property is the shadow that Entra logs beside the
        real change, and is none.
        """
        kind = self.kinds.get(change.activity)
        if kind == "credentials_changed":
            if change.keys_added or not change.keys_removed:
                return "credential_added"
            return "credential_removed"
        if kind in {"application_updated", "service_principal_updated"}:
            if change.federated_credentials_changed:
                return "federated_credential_changed"
            named = {name.casefold() for name in change.properties_changed}
            return kind if named - _BOOKKEEPING else None
        return kind

    def observe(self, memory: ActorMemory, kind: str, change: Change) -> bool:
        """Remembers that the actor made a change of `kind`; tells whether that was known of it."""
        return observe(memory.kinds, kind, int(change.time) // HOUR, self.horizon, CAPACITY)


def affected(change: Change) -> tuple[Identity, ...]:
    """The identities a change is about, the likeliest first: a grantee before the resource that is granted.

    A grant of an app role has the *resource* as its only target and names the grantee in modified properties;
    an assignment of a directory role lists principal and role in either order.
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
    kinds = ("serviceprincipal", "application", "app", "user", "other", "")
    targets = [target for target in change.targets if target.type.casefold() in kinds]
    named.extend(sorted(targets, key=lambda target: kinds.index(target.type.casefold())))
    return tuple(named)
