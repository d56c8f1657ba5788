"""Who used what to reach what, and who changed whom: the table that an attack chain is read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Final, NamedTuple

from detector.domain.events import Change, Event, SignIn
from detector.features.changes import affected
from detector.runtime.dossier.uses import Use

MAX_USES: Final = 200_000
MAX_CHANGES: Final = 200_000


class Way(NamedTuple):
    """One way of getting a token; `""` where a record does not say."""

    tenant: str
    agent: str
    credential: str
    resource: str


class Known(NamedTuple):
    """What sign-ins say of an agent."""

    name: str | None
    kind: str
    blueprint: str | None


class Trail:
    """Counts every way of getting a token, and keeps the changes. Bounded: what has no room is counted.

    Args:
        until: Changes from this event time on are left out.
        watched: Which sign-ins count; all of them by default.
    """

    def __init__(self, *, until: float = inf, watched: Callable[[SignIn], bool] | None = None) -> None:
        self.until: Final = until
        self.watched: Final = watched
        self.uses: Final[dict[Way, Use]] = {}
        self.agents: Final[dict[tuple[str, str], Known]] = {}
        self.names: Final[dict[str, str]] = {}
        """Names of resources, and types of credentials, by id."""
        self.users: Final[dict[tuple[str, str], set[str]]] = {}
        self.changes: Final[list[Change]] = []
        self.owners: Final[dict[str, str]] = {}
        """Object id to the id that sign-ins go by."""
        self.dropped_uses = 0
        self.dropped_changes = 0

    def take(self, event: Event) -> None:
        """Takes in one event, each once, in order of event time."""
        if isinstance(event, SignIn):
            self._sign_in(event)
        elif isinstance(event, Change):
            self._change(event)

    def _sign_in(self, event: SignIn) -> None:
        access = event.access
        if access.service_principal_id is not None:
            self.owners[access.service_principal_id] = access.agent_id
        if self.watched is not None and not self.watched(event):
            return
        way = Way(access.tenant_id, access.agent_id, access.credential_key_id or "", access.resource_id or "")
        use = self.uses.get(way)
        if use is None:
            if len(self.uses) >= MAX_USES:
                self.dropped_uses += 1
                return
            use = self.uses[way] = Use(access.agent_id)
            self._named(event)
        use.add(event)
        if event.user_id is not None:
            users = self.users.setdefault((access.tenant_id, access.agent_id), set())
            if len(users) < _MAX_USERS:
                users.add(event.user_id)

    def _named(self, event: SignIn) -> None:
        access = event.access
        key = access.tenant_id, access.agent_id
        known = self.agents.get(key)
        kind = access.role if access.role != "none" else "service_principal"
        if known is None or known.blueprint is None:
            name = access.agent_name if known is None else known.name or access.agent_name
            self.agents[key] = Known(name, kind, access.blueprint_id)
        if access.resource_id is not None and access.resource_name is not None:
            self.names[access.resource_id] = access.resource_name
        if access.credential_key_id is not None and access.credential_type is not None:
            self.names[access.credential_key_id] = access.credential_type

    def _change(self, event: Change) -> None:
        for target in event.targets:
            if target.id is not None and target.app_id is not None:
                self.owners[target.id] = target.app_id
        if event.time < self.until:
            if len(self.changes) < MAX_CHANGES:
                self.changes.append(event)
            else:
                self.dropped_changes += 1

    def about(self) -> dict[tuple[str, str], list[Change]]:
        """Changes by tenant and by every id of whom they are about."""
        found: dict[tuple[str, str], list[Change]] = {}
        for change in self.changes:
            for name in self.concerned(change):
                found.setdefault((change.tenant_id, name), []).append(change)
        return found

    def concerned(self, change: Change) -> set[str]:
        """Who a change is about, by every id that is known of them."""
        ids = {each for target in affected(change) for each in (target.id, target.app_id) if each is not None}
        return ids | {self.owners[each] for each in ids if each in self.owners}


_MAX_USERS: Final = 1_000


def credentials_added(change: Change) -> Iterator[str]:
    """Ids of the credentials that a change adds, as sign-ins state them."""
    for key in change.keys_added:
        yield key.key_id
    for trust in change.federated_added:
        if trust.id is not None:
            yield trust.id


def actor_key(change: Change) -> str:
    """By what an actor is known: object id, else appId, else name; `""` for nobody."""
    actor = change.actor
    return actor.id or actor.app_id or actor.name or ""
