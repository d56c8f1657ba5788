"""The casebook: ledgers of agents and blueprints, and what is noted in them.

Parts of the engine note entries; each may be the last that a sequence waited for. Two kinds of entries come from
sign-ins. *Firsts* (a key, a network, a resource that was not known in the hour) are dated at the end of their hour,
because memory knows them to the hour; they are also kept for a while apart, for a record that explains them may come
later than they. *Granted* tokens are noted only while a ledger is watched, so that the steady case costs nothing.
"""

from __future__ import annotations

from heapq import nsmallest
from math import inf
from typing import TYPE_CHECKING, Final

from detector.domain.alerts import Subject
from detector.domain.events import Change, Event, SignIn
from detector.domain.keys import Key
from detector.engine.routing import Route, key_of, subject_of
from detector.engine.sequencing import Sequencing
from detector.features.changes import abouts
from detector.features.ledger import NAMED, Entry, Ledger
from detector.features.memory import watched_since
from detector.features.pipelines import provenance
from detector.features.timeline import HOUR, STEP

if TYPE_CHECKING:
    from collections.abc import Callable

    from detector.engine.children import Children
    from detector.engine.journal import Journal
    from detector.engine.recognising import Recognised
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import IdentityMemory, TenantMemory

_MAX_FIRSTS: Final = 20_000
"""Identities of a tenant whose latest firsts are kept."""

_FIRSTS_EACH: Final = 32

_GRANTS: Final = frozenset({"app_role_granted", "delegated_permission_granted", "consent_granted"})
"""Kinds of change that are about a resource."""


class Casebook:
    """Ledgers and what is noted in them."""

    def __init__(
        self, settings: EngineSettings, state: State, saying: Saying, journal: Journal, children: Children
    ) -> None:
        self.settings = settings
        self.state = state
        self.children = children
        self.saying = saying
        self.journal = journal
        self.sequencing = Sequencing(settings, state, saying)
        self._ending = {
            (tenant_id, identifier)
            for tenant_id, tenant in state.tenants.items()
            for identifier, ledger in tenant.ledgers.items()
            if ledger.ends
        }
        """Ledgers whose watches end by themselves."""
        self.on_first: list[Callable[[Route, Entry, SignIn], None]] = []
        """Told of every first of an identity, as the entry that it makes."""
        self.on_granted: list[Callable[[Route, SignIn], None]] = []
        """Told of every token that is granted to an identity while it is watched."""

    # ------------------------------------------------------------------------------------------------ noting

    def note(
        self,
        tenant_id: str,
        key: Key,
        subject: Subject,
        entry: Entry,
        event: Event | None = None,
        *,
        crowd: bool = False,
    ) -> bool:
        """Adds an entry to the ledger of a key, and tells every sequence that it completes; whether it was news.

        `event` is the record behind it, for the evidence of the alert. Of a `crowd` the first and last are enough.
        """
        ledger = self._ledger(tenant_id, self.state.tenants[tenant_id], key.id)
        news = ledger.add_ends(entry) if crowd else ledger.add(entry)
        if news:
            self.journal.touch("ledger", tenant_id, key.id)
            self.sequencing.look(tenant_id, key, subject, ledger, entry, event)
        return news

    def changed(self, kind: str, change: Change, recognised: Recognised) -> None:
        """Somebody changed an agent or blueprint: an entry for each thing that was added or taken."""
        if not change.succeeded:
            return
        actor, key = change.actor, recognised.key
        about = self._resources(change, key.id) if kind in _GRANTS else abouts(kind, change, key.id)
        for each in about:
            entry = Entry(
                change.time,
                kind,
                each,
                actor.id or "",
                change.record_id,
                actor.ip or "",
                actor.name or "",
                change.permission or change.directory_role or "",
                change.correlation_id or "",
                self._by(change),
            )
            self.note(change.tenant_id, key, recognised.subject, entry, change)

    def _by(self, change: Change) -> str:
        """Whether the pipeline or the platform made a change; `""` for everybody else."""
        actor = change.actor
        origin = provenance(self.settings.pipelines, actor, change.time)
        if origin.pipeline is not None and origin.deviation is None:
            return "pipeline"
        platform = actor.kind == "app" and (actor.name or "").casefold() in self.settings.platform_actors
        return "platform" if platform else ""

    def _resources(self, change: Change, key_id: str) -> tuple[str, ...]:
        """The resources of a grant as sign-ins name them: by appId.

        The record names the object of the resource's service principal. Its appId is what the record itself says, or
        what was known for sure; else the resource is known by its name alone, or by the id that there is.
        """
        aliases, limit = self.state.tenants[change.tenant_id].aliases, change.time - self.settings.lateness - STEP
        found: set[str] = set()
        for target in change.targets:
            if target.id is None or target.id in (key_id, change.grantee_object_id):
                continue
            alias = aliases.get(target.id)
            if target.app_id is not None:
                found.add(target.app_id)
            elif alias is not None and alias.since <= limit:
                found.add(alias.owner)
            else:
                found.add(NAMED + target.name.casefold() if target.name else target.id)
        return tuple(sorted(found - {key_id})) or ("",)

    def first(
        self,
        route: Route,
        kind: str,
        about: str,
        hour: int,
        event: SignIn,
        *,
        name: str = "",
        detail: str = "",
        fleet: bool = False,
    ) -> None:
        """An identity showed something in `hour` that was not known of it then, nor (`fleet`) of its blueprint."""
        tenant_id, identity = event.access.tenant_id, route.identity
        end = float((hour + 1) * HOUR - 1)
        entry = Entry(end, kind, about, address=event.origin.ip or "", name=name, detail=detail)
        key = key_of(identity)
        keys = [key]
        if fleet and route.fleet is not None and key.kind == "agent":
            keys.append(Key("blueprint", route.fleet.id))
        for listener in self.on_first:
            listener(route, entry, event)
        tenant = self.state.tenants[tenant_id]
        for key in keys:
            self._keep(tenant_id, tenant, key.id, entry)
            if key.id in tenant.ledgers:
                self.note(tenant_id, key, subject_of(key, tenant_id, identity, route.fleet), entry, event)

    def _keep(self, tenant_id: str, tenant: TenantMemory, identifier: str, entry: Entry) -> None:
        firsts = tenant.firsts.get(identifier)
        if firsts is None:
            if len(tenant.firsts) >= _MAX_FIRSTS:
                self.state.counters["firsts_dropped"] += 1
                return
            firsts = tenant.firsts[identifier] = []
        if len(firsts) < _FIRSTS_EACH and not any(
            (each.time, each.kind, each.about) == (entry.time, entry.kind, entry.about) for each in firsts
        ):
            firsts.append(entry)
            self.journal.touch("firsts", tenant_id, identifier)

    def granted(self, route: Route, event: SignIn) -> None:
        """A token was granted while the identity is watched: an entry of every ledger that watches it."""
        for listener in self.on_granted:
            listener(route, event)
        identity, fleet, tenant_id = route.identity, route.fleet, event.access.tenant_id
        key = key_of(identity)
        self.grant(tenant_id, identity, key, event.time, event)
        if fleet is not None and key.kind == "agent":
            self.grant(tenant_id, identity, Key("blueprint", fleet.id), event.time, event)

    def grant(self, tenant_id: str, identity: IdentityMemory, key: Key, time: float, event: SignIn | None) -> None:
        """Notes in the ledger of `key`, if it watches, that the identity was granted a token.

        The earliest of ten minutes is enough, and of what lies after the moment from which on somebody watches.
        """
        tenant = self.state.tenants[tenant_id]
        ledger = tenant.ledgers.get(key.id)
        if ledger is None or not any(since < time for since in ledger.watches.values()):
            return
        step, watches = int(time) // STEP, ledger.watches.values()
        for known in ledger.of("granted"):
            if (
                known.about == identity.id
                and int(known.time) // STEP == step
                and known.time <= time
                and not any(known.time <= since < time for since in watches)
            ):
                return
        entry = Entry(
            time,
            "granted",
            identity.id,
            record_id="" if event is None else event.record_id,
            address=(event.origin.ip or "") if event is not None else "",
            name=identity.name or "",
        )
        fleet = tenant.fleets.get(key.id if key.kind == "blueprint" else identity.blueprint_id or "")
        self.note(tenant_id, key, subject_of(key, tenant_id, identity, fleet), entry, event)

    # ---------------------------------------------------------------------------------------------- watching

    def watch(self, tenant_id: str, key: Key, cause: str, since: float, until: float = inf) -> None:
        """Notes every token that the identities of a key are granted later than `since`, until `unwatch`.

        Or until the watermark has passed `until`, by as much as a record may be late.
        """
        tenant = self.state.tenants[tenant_id]
        ledger = self._ledger(tenant_id, tenant, key.id)
        ledger.watches[cause] = min(since, ledger.watches.get(cause, inf))
        if until < inf:
            ledger.ends[cause] = max(until, ledger.ends.get(cause, until))
            self._ending.add((tenant_id, key.id))
        self.journal.touch("ledger", tenant_id, key.id)
        for identity in self.children.family(tenant_id, key.id):
            identity.watched = min(identity.watched, since)
            identity.rates.armed = min(identity.rates.armed, since)
            self.journal.touch("identity", tenant_id, identity.id)
            if identity.rates.granted > since:
                # A record that came late: of the tokens granted since, memory knows the latest.
                self.grant(tenant_id, identity, key, identity.rates.granted, None)

    def unwatch(self, tenant_id: str, key: Key, cause: str) -> None:
        """Ends what `watch` began for this cause. `rates.armed` follows when the next token is granted."""
        ledger = self.state.tenants[tenant_id].ledgers.get(key.id)
        if ledger is not None and ledger.watches.pop(cause, None) is not None:
            ledger.ends.pop(cause, None)
            if not ledger.ends:
                self._ending.discard((tenant_id, key.id))
            self.journal.touch("ledger", tenant_id, key.id)
            self._watch_anew(tenant_id, key.id)

    def _watch_anew(self, tenant_id: str, identifier: str) -> None:
        """A ledger watches less than before, or is gone."""
        tenant = self.state.tenants[tenant_id]
        for identity in self.children.family(tenant_id, identifier):
            identity.watched = watched_since(tenant, identity.id, identity.blueprint_id)
            self.journal.touch("identity", tenant_id, identity.id)

    # ---------------------------------------------------------------------------------------------- ledgers

    def _ledger(self, tenant_id: str, tenant: TenantMemory, identifier: str) -> Ledger:
        """The ledger of an id, begun with the firsts of late where there is none."""
        ledgers = tenant.ledgers
        ledger = ledgers.get(identifier)
        if ledger is not None:
            return ledger
        if len(ledgers) >= self.settings.max_identities:
            number = len(ledgers) // 20 + 1
            for old in nsmallest(number, ledgers, key=lambda each: (_latest(ledgers[each]), each)):
                watched = bool(ledgers.pop(old).watches)
                self._ending.discard((tenant_id, old))
                self.journal.forget("ledger", tenant_id, old)
                if watched:
                    self._watch_anew(tenant_id, old)
            self.state.counters["evicted_ledgers"] += number
        ledger = ledgers[identifier] = Ledger()
        for first in tenant.firsts.get(identifier, ()):
            ledger.add(first)
        self.journal.touch("ledger", tenant_id, identifier)
        return ledger

    def tick(self, watermark: float) -> None:
        """Tells held sequences that nothing broke, ends watches, forgets firsts that nothing can come for any more."""
        self.sequencing.tick(watermark)
        self._end_watches(watermark - self.settings.lateness)
        limit = watermark - 2 * self.settings.lateness - HOUR
        if limit < inf:
            for tenant_id, tenant in self.state.tenants.items():
                for identifier in [each for each, firsts in tenant.firsts.items() if _newest(firsts) < limit]:
                    del tenant.firsts[identifier]
                    self.journal.forget("firsts", tenant_id, identifier)

    def _end_watches(self, limit: float) -> None:
        """Ends what was to be watched until a moment before `limit`."""
        due = [
            (tenant_id, identifier, cause)
            for tenant_id, identifier in self._ending
            for cause, end in self.state.tenants[tenant_id].ledgers[identifier].ends.items()
            if end < limit
        ]
        for tenant_id, identifier, cause in sorted(due):
            self.unwatch(tenant_id, Key("agent", identifier), cause)


def _latest(ledger: Ledger) -> float:
    return ledger.entries[-1].time if ledger.entries else -inf


def _newest(firsts: list[Entry]) -> float:
    return max(entry.time for entry in firsts)
