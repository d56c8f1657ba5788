"""People who answer for agents and whose account went out of service: told once each, with all that they leave behind.

One person may be the sponsor of hundreds. What an analyst is to know is that this person is gone, and for how many
agents nobody is left, not the same sentence hundreds of times.

An account that goes out of service while its objects are known is told at once. What an inventory shows of somebody
who is out of service comes object by object, so it is told when an hour of it is final: everything that was held by
the time the account went is one story, what was first shown in some later hour is one for each such hour.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from detector.domain.alerts import Entity, Subject
from detector.domain.events import Change
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal
from detector.engine.directory import key_of
from detector.features.listing import LOOK
from detector.features.timeline import HOUR, STEP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from detector.domain.events import Event
    from detector.engine.directory import Directory
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.inventory import ObjectMemory, PersonMemory
    from detector.features.listing import Listed

ROLES: Final = ("sponsor", "owner")

_MAX_WAITING: Final = 1_000
_NAMED: Final = 20
"""Objects of one kind that an alert names; the number of all is told."""
_ENTITIES: Final = 100


class Loss(NamedTuple):
    """That an account is out of service."""

    person_id: str
    name: str | None
    why: str
    time: float
    event: Event | None
    """The record that says so; `None` when several records of an inventory do."""


class _Held(NamedTuple):
    """A role that somebody has for an object."""

    object: ObjectMemory
    role: str
    first: int
    """The first look that showed it."""
    left: int
    """Others with that role whose account is in service."""


class Departures:
    """Tells of people who are gone."""

    def __init__(self, settings: EngineSettings, state: State, directory: Directory, saying: Saying) -> None:
        self.state = state
        self.directory = directory
        self.saying = saying
        self.horizon = directory.horizon
        self.wait = settings.lateness + STEP
        """Seconds after an hour in which observations of it may come."""

    def note(self, tenant_id: str, person_id: str, time: float) -> None:
        """An observation at `time` shows something of somebody who is out of service."""
        waiting = self.state.departures
        if len(waiting) < _MAX_WAITING:
            waiting.add((int(time) // HOUR, tenant_id, person_id))
        else:
            self.state.counters["departures_dropped"] += 1

    def tell(self, tenant_id: str, loss: Loss) -> None:
        """An account went out of service: tells what was known to be its owner's by then."""
        gone = self.state.tenants[tenant_id].people[loss.person_id].gone
        bucket, known = int(loss.time) // LOOK, list[_Held]()
        for held in self._held(tenant_id, loss.person_id, loss.time):
            if held.first <= bucket and self._before(held, gone):
                known.append(held)
            else:  # First shown to be theirs later, or when an inventory had shown them out of service already.
                self.note(tenant_id, loss.person_id, float(held.first * LOOK))
        if known:
            self._tell(tenant_id, "lost", loss, known)

    def tick(self, watermark: float) -> None:
        """Tells of the hours of which everything is known."""
        waiting = self.state.departures
        for due in sorted(each for each in waiting if (each[0] + 1) * HOUR + self.wait < watermark):
            waiting.discard(due)
            self._judge(*due)

    def _judge(self, hour: int, tenant_id: str, person_id: str) -> None:
        """What is told of somebody of whom observations of an hour showed something while they were gone."""
        person = self.state.tenants[tenant_id].people.get(person_id)
        if person is None:
            return
        why = person.why or "disabled"
        for occasion, part in (
            ("lost", self._left_behind(tenant_id, person_id, person)),
            (f"shown:{hour}", self._taken_on(tenant_id, person_id, person, hour)),
        ):
            if part:
                time = max(person.gone, float(min(each.first for each in part) * LOOK))
                self._tell(tenant_id, occasion, Loss(person_id, None, why, time, None), part)

    def _left_behind(self, tenant_id: str, person_id: str, person: PersonMemory) -> list[_Held]:
        """What somebody held at the first and at the last record that says that their account is out of service."""
        moments = {moment for moment in (person.gone, person.lost) if abs(moment) < inf}
        found = {
            (each.object.id, each.role): each
            for moment in sorted(moments)
            for each in self._held(tenant_id, person_id, moment)
            if self._before(each, person.gone)
        }
        return list(found.values())

    def _taken_on(self, tenant_id: str, person_id: str, person: PersonMemory, hour: int) -> list[_Held]:
        """What was first shown to be theirs in an hour, long after they were gone."""
        held = self._held(tenant_id, person_id, float((hour + 1) * HOUR - 1))
        return [each for each in held if not self._before(each, person.gone) and each.first * LOOK // HOUR == hour]

    def _before(self, held: _Held, gone: float) -> bool:
        """Whether somebody held a role when their account went out of service, for all that may still arrive."""
        return gone == inf or held.first <= int(gone) // LOOK + self.horizon.lag

    def _held(self, tenant_id: str, person_id: str, time: float) -> Iterator[_Held]:
        """What somebody answers for at `time`, as far as it is watched."""
        bucket = int(time) // LOOK
        for memory in self.directory.responsible(tenant_id, person_id):
            for role in ROLES if self.directory.watched(memory) else ():
                listed = listing(memory, role)
                span = None if listed is None else listed.span(person_id, bucket, self.horizon)
                if listed is not None and span is not None:
                    yield _Held(memory, role, span.first, self._left(tenant_id, listed, person_id, time))

    def _left(self, tenant_id: str, listed: Listed, person_id: str, time: float) -> int:
        """How many others hold the role with an account in service, as far as is known by now."""
        people, bucket = self.state.tenants[tenant_id].people, int(time) // LOOK
        others = [each for each in listed.values if each != person_id and listed.holds(each, bucket, self.horizon)]
        return sum(1 for each in others if each not in people or not people[each].is_out(time, self.horizon))

    # ----------------------------------------------------------------------------------------------- telling

    def _tell(self, tenant_id: str, occasion: str, loss: Loss, held: list[_Held]) -> None:
        held = sorted(held, key=_urgency)
        objects = {each.object.id: each.object for each in held}
        orphaned = {each.object.id for each in held if not each.left and each.object.enabled is not False}
        facts: dict[str, Fact] = {
            "issue": "person_lost",
            "person_id": loss.person_id,
            "person_name": loss.name,
            "why": loss.why,
            "objects": len(objects),
            "orphaned": len(orphaned),
        }
        for role in ROLES:
            for name, part in (
                (f"last_{role}_of", [each.object for each in held if each.role == role and not each.left]),
                (f"{role}_of", [each.object for each in held if each.role == role and each.left]),
            ):
                facts |= self._listed(tenant_id, name, part)
        if isinstance(loss.event, Change):
            actor = loss.event.actor
            facts |= {"actor_id": actor.id, "actor_name": actor.name, "address": actor.ip}
        key = Key("actor", loss.person_id)
        signal = Signal(
            kind="inventory",
            key=key,
            time=loss.time,
            window=(loss.time, loss.time),
            occasion=occasion,
            value=len(objects),
            usual=0,
            unit="objects",
            p_value=1.0,
            seen=0,
            event=loss.event,
            facts={name: fact for name, fact in facts.items() if fact is not None},
        )
        subject = Subject(
            kind=key.kind, id=key.id, name=loss.name, blueprint=None, blueprint_name=None, tenant=tenant_id
        )
        self.saying.tell(signal, tenant_id, subject, tuple(self._entities(tenant_id, loss, objects.values())))

    def _listed(self, tenant_id: str, name: str, part: list[ObjectMemory]) -> dict[str, Fact]:
        """How many objects, and the names of some; of a blueprint with its agents."""
        names = []
        for memory in part[:_NAMED]:
            subject = self.directory.subject_of(tenant_id, memory)
            agents = self.directory.agents_of(tenant_id, subject.id) if subject.kind == "blueprint" else 0
            names.append((subject.name or subject.id) + (f" (a blueprint of {agents})" if agents else ""))
        return {name: tuple(names), f"{name}_count": len(part)} if part else {}

    def _entities(self, tenant_id: str, loss: Loss, objects: Iterable[ObjectMemory]) -> Iterator[Entity]:
        """The person and what they answered for, those first for which nobody is left."""
        yield Entity("user", loss.person_id, loss.name)
        for memory in list(objects)[:_ENTITIES]:
            key, subject = key_of(memory), self.directory.subject_of(tenant_id, memory)
            yield Entity(key.kind, key.id, subject.name)


def _urgency(held: _Held) -> tuple[bool, bool, str]:
    """Those first for which nobody is left and that may be at work."""
    return held.left > 0, held.object.enabled is False, held.object.name or held.object.id


def listing(memory: ObjectMemory, role: str) -> Listed | None:
    """The listing of an object for `sponsor` or `owner`."""
    return memory.sponsors if role == "sponsor" else memory.owners
