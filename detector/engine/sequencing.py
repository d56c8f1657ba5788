"""What is found in ledgers: sequences told at once, or held back while something may still come between their steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detector.domain.alerts import Entity, Subject
from detector.domain.events import Event, SignIn
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal
from detector.engine.routing import subject_of
from detector.engine.state import Held
from detector.features.fleet import presence
from detector.features.known import is_known
from detector.features.ledger import CAPACITY, Entry, Ledger, Sequence
from detector.features.networks import places
from detector.features.timeline import HOUR, horizons

if TYPE_CHECKING:
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State

_MAX_HELD: Final = 4_000
"""Sequences held back at a time; they are written down with every batch."""

_SEEN: Final = 48.0
_QUIET: Final = 0.25
"""Active hours from which on a blueprint's week is known, and how often it is at work in one of its quiet hours."""


class Sequencing:
    """Looks for sequences and tells them."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        self.horizon = horizons(settings.lateness)[1]
        self.by_name = {sequence.name: sequence for sequence in settings.sequences}
        self.by_kind: dict[str, list[Sequence]] = {}
        for sequence in settings.sequences:
            for kind in sequence.kinds:
                self.by_kind.setdefault(kind, []).append(sequence)

    def look(
        self, tenant_id: str, key: Key, subject: Subject, ledger: Ledger, entry: Entry, event: Event | None
    ) -> None:
        """Tells, or holds, every sequence that an entry just added to the ledger of `key` completes.

        `event` is the record behind the entry, for the evidence of the alert.
        """
        there = {each.kind for each in ledger.entries}
        for sequence in self.by_kind.get(entry.kind, ()):
            if any(step.kinds.isdisjoint(there) for step in sequence.steps):
                continue  # most often, and quickly told
            for made in sequence.found(ledger, entry):
                if sequence.broken_by:
                    self._hold(tenant_id, key, sequence, made)
                else:
                    self._tell(tenant_id, key, subject, sequence, ledger, made, event)

    def _hold(self, tenant_id: str, key: Key, sequence: Sequence, made: tuple[Entry, ...]) -> None:
        """Something may still come between the steps: looks again when that is over."""
        held, name = self.state.held, "\n".join((tenant_id, key.id, occasion_of(sequence, made)))
        before = held.get(name)
        if before is None and len(held) >= _MAX_HELD:
            self.state.counters["held_sequences_dropped"] += 1
        elif before is None or made[-1].time < before.made[-1].time:
            held[name] = Held(tenant_id, key.kind, key.id, sequence.name, made)

    def tick(self, watermark: float) -> None:
        """Tells what was held back and nothing broke."""
        held, limit = self.state.held, watermark - self.settings.lateness
        if held:
            for name in sorted(name for name, each in held.items() if each.made[-1].time < limit):
                self._settle(held.pop(name))

    def _settle(self, due: Held) -> None:
        tenant = self.state.tenants[due.tenant]
        sequence = self.by_name.get(due.sequence)
        ledger = tenant.ledgers.get(due.id, Ledger())
        if sequence is None or not sequence.unbroken(ledger, due.made):
            return
        key = Key("blueprint" if due.kind == "blueprint" else "agent", due.id)
        identity = tenant.identities.get(due.id)
        blueprint = due.id if key.kind == "blueprint" or identity is None else identity.blueprint_id
        subject = subject_of(key, due.tenant, identity, tenant.fleets.get(blueprint or ""))
        self._tell(due.tenant, key, subject, sequence, ledger, due.made, None)

    def _tell(
        self,
        tenant_id: str,
        key: Key,
        subject: Subject,
        sequence: Sequence,
        ledger: Ledger,
        made: tuple[Entry, ...],
        event: Event | None,
    ) -> None:
        first, last = made[0], made[-1]
        facts: dict[str, Fact] = {"sequence": sequence.name, "target_name": subject.name or subject.id}
        for number, entry in enumerate(made, 1):
            facts |= _facts(f"step_{number}", entry)
        others = sequence.others(ledger, made)
        facts["others"] = tuple(sorted({each.name or each.about for each in others} - {""}))
        facts["others_until"] = max(each.time for each in others)
        facts["quiet_hour"] = self._quiet(tenant_id, key, last)
        facts["also"] = tuple(sorted(self._also(tenant_id, ledger, last, event)))
        signal = Signal(
            kind="sequence",
            key=key,
            time=last.time,
            window=(first.time, last.time),
            occasion=occasion_of(sequence, made),
            value=float(len(made)),
            usual=0,
            unit="steps",
            p_value=1.0,
            seen=0,
            event=event,
            facts={name: fact for name, fact in facts.items() if fact not in (None, ())},
            record_ids=tuple(entry.record_id for entry in made if entry.record_id),
            first_seen=first.time,
            last_seen=last.time,
        )
        self.saying.tell(signal, tenant_id, subject, tuple(_entities(made)))

    def _also(self, tenant_id: str, ledger: Ledger, last: Entry, event: Event | None) -> set[str]:
        """Kinds of what else is known of the moment of the last step; what its record has yet to teach included."""
        also = {each.kind for each in ledger.entries if each.time == last.time and each.kind != last.kind}
        if isinstance(event, SignIn):
            identity = self.state.tenants[tenant_id].identities.get(event.access.agent_id)
            prefix, hour = places(event.origin)[0], int(event.time) // HOUR
            if identity is not None and prefix is not None:
                known = is_known(identity.networks, prefix, hour, self.horizon)
                also |= set() if known else {"new_network"}
        return also

    def _quiet(self, tenant_id: str, key: Key, entry: Entry) -> bool:
        """Whether an entry lies in an hour of the week in which the blueprint's agents are seldom at work."""
        tenant, hour = self.state.tenants[tenant_id], int(entry.time) // HOUR
        identity = tenant.identities.get(key.id)
        fleet = tenant.fleets.get(key.id if identity is None else identity.blueprint_id or key.id)
        if fleet is None:
            return False
        share, seen = presence(fleet.hours, hour)
        return seen >= _SEEN and share <= _QUIET


def occasion_of(sequence: Sequence, made: tuple[Entry, ...]) -> str:
    """What names a sequence: its first step, of which all records of one deed are one."""
    first = made[0]
    return f"{sequence.name}:{first.deed or first.record_id or f'{first.kind}:{first.time}'}:{first.about}"


def _facts(step: str, entry: Entry) -> dict[str, Fact]:
    return {
        step: entry.kind,
        f"{step}_time": entry.time,
        f"{step}_about": entry.about or None,
        f"{step}_who": entry.who or None,
        f"{step}_name": entry.name or None,
        f"{step}_address": entry.address or None,
        f"{step}_detail": entry.detail or None,
        f"{step}_by": entry.by or None,
    }


def _entities(made: tuple[Entry, ...]) -> list[Entity]:
    """What the steps are about."""
    named = [(entry, kind) for entry in made for kind in (_ENTITIES.get(entry.kind),) if kind is not None]
    return [Entity(kind, entry.about, entry.name or None) for entry, kind in named if entry.about][:CAPACITY]


_ENTITIES: Final = {
    "credential_added": "credential",
    "key_used": "credential",
    "new_network": "network",
    "resource_used": "resource",
    "blocked": "resource",
    "granted": "agent",
}
"""What an entry of a kind is about, for the entities of an alert."""
