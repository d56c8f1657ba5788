"""Sponsors and owners that are taken away: was it the last one?

That depends on what else was added and removed just before, in records that may come later. So a removal waits until
nothing can arrive any more that matters, and is then judged by what was known of the moment it happened in.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from detector.domain.alerts import Entity
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal
from detector.engine.departures import ROLES, listing
from detector.engine.routing import subject_of
from detector.features.listing import LOOK
from detector.features.timeline import STEP

if TYPE_CHECKING:
    from detector.domain.alerts import Subject
    from detector.domain.events import Change
    from detector.engine.directory import Directory
    from detector.engine.recognising import Recognised
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.ledger import Entry, Ledger

_MAX_WAITING: Final = 1_000

Waiting = tuple[float, str, str, str, str, str]
"""A removal that waits: event time, tenant, kind and id of the key, kind of change, record id."""


class Known(NamedTuple):
    """Who held a role at a moment."""

    people: set[str]
    shown: bool
    """Whether an inventory had shown the role; without one only those whose addition was seen are known."""


class Removals:
    """Removals that wait to be judged."""

    def __init__(self, settings: EngineSettings, state: State, directory: Directory, saying: Saying) -> None:
        self.settings = settings
        self.state = state
        self.directory = directory
        self.saying = saying
        self.wait = 2 * settings.lateness + STEP
        """Seconds: as long as a change may wait for its target to be recognised."""

    def changed(self, kind: str, change: Change, recognised: Recognised) -> None:
        """A change of an agent or blueprint; its entries are in the ledger by now."""
        role = kind.removesuffix("_removed")
        if role == kind or role not in ROLES or not change.succeeded:
            return
        waiting, key = self.state.removals, recognised.key
        if len(waiting) >= _MAX_WAITING:
            self.state.counters["removals_dropped"] += 1
        else:
            waiting.add((change.time, change.tenant_id, key.kind, key.id, kind, change.record_id))

    def tick(self, watermark: float) -> None:
        """Judges the removals of which everything is known."""
        waiting = self.state.removals
        for due in sorted(each for each in waiting if each[0] + self.wait < watermark):
            waiting.discard(due)
            self._judge(due)

    def _judge(self, due: Waiting) -> None:
        time, tenant_id, kind, identifier, change, record_id = due
        ledger = self.state.tenants[tenant_id].ledgers.get(identifier)
        if ledger is None:
            return
        removed = [each for each in ledger.of(change) if each.record_id == record_id and each.about]
        key = Key("blueprint" if kind == "blueprint" else "agent", identifier)
        known = self._known(tenant_id, key, ledger, change.removesuffix("_removed"), time)
        if removed and known is not None and not known.people:
            self._tell(tenant_id, key, change.removesuffix("_removed"), removed, shown=known.shown)

    def _known(self, tenant_id: str, key: Key, ledger: Ledger, role: str, time: float) -> Known | None:
        """Who held the role right after `time`; `None` when nothing is known of it but what was taken away."""
        bucket, horizon = int(time) // LOOK, self.directory.horizon
        since: dict[str, float] = {}
        shown = False
        for memory in self.directory.find(tenant_id, key.id):
            listed = listing(memory, role)
            if listed is not None and listed.looked(bucket):
                shown = True
                for span in listed.held(bucket, horizon):
                    last = float(min(span.last, bucket) * LOOK)
                    since[span.value] = max(last, since.get(span.value, -inf))
        added = [each for each in ledger.of(f"{role}_added") if each.time <= time and each.about]
        for entry in added:
            since[entry.about] = max(entry.time, since.get(entry.about, -inf))
        for entry in ledger.of(f"{role}_removed"):
            if entry.time <= time and since.get(entry.about, inf) <= entry.time:
                del since[entry.about]
        return Known(set(since), shown) if shown or added else None

    def _tell(self, tenant_id: str, key: Key, role: str, removed: list[Entry], *, shown: bool) -> None:
        entry = removed[-1]
        subject = self._subject(tenant_id, key)
        facts: dict[str, Fact] = {
            "issue": "last_removed",
            "role": role,
            "target_name": subject.name or subject.id,
            "person_ids": tuple(each.about for each in removed),
            "actor_id": entry.who or None,
            "actor_name": entry.name or None,
            "address": entry.address or None,
            "shown": shown,
            "agents": self.directory.agents_of(tenant_id, key.id) if key.kind == "blueprint" else None,
        }
        signal = Signal(
            kind="inventory",
            key=key,
            time=entry.time,
            window=(entry.time, entry.time),
            occasion=f"{role}_removed:{entry.record_id}",
            value=0,
            usual=1,
            unit=f"{role}s",
            p_value=1.0,
            seen=0,
            event=None,
            facts={name: fact for name, fact in facts.items() if fact is not None},
            record_ids=(entry.record_id,),
        )
        self.saying.tell(signal, tenant_id, subject, tuple(Entity("user", each.about) for each in removed))

    def _subject(self, tenant_id: str, key: Key) -> Subject:
        tenant = self.state.tenants[tenant_id]
        for memory in self.directory.find(tenant_id, key.id)[:1]:
            return self.directory.subject_of(tenant_id, memory)
        identity = tenant.identities.get(key.id)
        blueprint = key.id if key.kind == "blueprint" else None if identity is None else identity.blueprint_id
        return subject_of(key, tenant_id, identity, tenant.fleets.get(blueprint or ""))
