"""Who answers for an agent: objects without a sponsor or owner, and people whose account goes out of service.

A person and an object are brought together when both records are there, whichever came last: that the person was
shown as a sponsor or owner, and that their account was disabled or deleted.
"""

from __future__ import annotations

from heapq import nsmallest
from math import inf
from typing import TYPE_CHECKING, Final

from detector.engine.departures import ROLES, Loss, listing
from detector.features.inventory import PersonMemory
from detector.features.listing import LOOK
from detector.features.timeline import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detector.domain.events import Change, InventoryObject, Person
    from detector.domain.signals import Fact
    from detector.engine.departures import Departures
    from detector.engine.issues import Issues
    from detector.engine.journal import Journal
    from detector.engine.state import State
    from detector.features.inventory import ObjectMemory
    from detector.features.listing import Listed

_LOST: Final = {"user_disabled": "disabled", "user_deleted": "deleted"}
_BACK: Final = frozenset({"user_enabled", "user_restored"})
_ANSWERABLE: Final = frozenset({"agent", "blueprint"})
"""Types of objects that must have somebody: a principal has its blueprint, an account its agent."""

_MAX_PEOPLE: Final = 50_000


class Accountability:
    """Sponsors and owners."""

    def __init__(self, state: State, journal: Journal, issues: Issues, departures: Departures) -> None:
        self.state = state
        self.journal = journal
        self.issues = issues
        self.departures = departures
        self.directory = issues.directory
        self.horizon = issues.directory.horizon

    # ---------------------------------------------------------------------------------------------- inventory

    def observe(self, event: InventoryObject, memory: ObjectMemory) -> None:
        """An observation of an object that is watched and not deleted."""
        for role in ROLES:
            people: tuple[Person, ...] | None = getattr(event, f"{role}s")
            listed = listing(memory, role)
            if people is None or listed is None:
                continue
            if people:
                self._note_shown(event, people)
                self._compare(event, listed, people)
            elif memory.type in _ANSWERABLE:
                self._missing(event, memory, role, listed)

    def _missing(self, event: InventoryObject, memory: ObjectMemory, role: str, listed: Listed) -> None:
        repaired = -1 if listed.lacks is None else listed.lacks.repaired_before(int(event.time) // DAY)
        age = None if event.created is None else round((event.time - event.created) / DAY, 2)
        facts: dict[str, Fact] = {"role": role, "age_days": age}
        occasion = role if repaired < 0 else f"{role}:{repaired}"
        self.issues.tell(event.tenant_id, memory, "missing", occasion, event.time, facts, event=event)

    def _compare(self, event: InventoryObject, listed: Listed, people: Iterable[Person]) -> None:
        """Notes each person shown whose account is out of service, as this record says or an earlier one."""
        known = self.state.tenants[event.tenant_id].people
        for person in people:
            lost = person.id in known and self._lost(known[person.id], person, listed, event.time)
            if person.enabled is False or lost:
                self.departures.note(event.tenant_id, person.id, event.time)

    def _lost(self, known: PersonMemory, person: Person, listed: Listed, time: float) -> bool:
        """Whether records say that the account of somebody shown at `time` went out of service, before it or after."""
        if known.lost > time:
            return listed.holds(person.id, int(known.lost) // LOOK, self.horizon)
        if not known.is_lost(time, self.horizon):
            return False
        # The inventory may have been read before: only when the loss was final by then is its word the later one.
        return not (person.enabled and int(known.lost) // LOOK <= int(time) // LOOK - self.horizon.lag)

    def _note_shown(self, event: InventoryObject, people: Iterable[Person]) -> None:
        """Remembers whose account an object shows to be disabled: they are not among those who are left."""
        known = self.state.tenants[event.tenant_id].people
        for person in people:
            if person.enabled is False:
                memory = self._person(event.tenant_id, person.id)
                memory.shown_out = max(memory.shown_out, event.time)
                memory.gone = min(memory.gone, event.time)
            elif person.enabled and person.id in known:
                memory = self._person(event.tenant_id, person.id)
                memory.shown_in = max(memory.shown_in, event.time)

    # ----------------------------------------------------------------------------------------------- accounts

    def account(self, event: InventoryObject) -> None:
        """An observation of a user."""
        if event.deleted or event.enabled is False:
            why = "deleted" if event.deleted else "disabled"
            self._lose(event.tenant_id, Loss(event.id, event.name, why, event.time, event))
        elif event.enabled:
            known = self.state.tenants[event.tenant_id].people.get(event.id)
            final = float((int(event.time) // LOOK - self.horizon.lag + 1) * LOOK)
            if known is not None and -inf < known.lost < final:
                self._return(event.tenant_id, event.id, event.time)

    def changed(self, kind: str, change: Change) -> None:
        """A change of anybody's account, agent or not."""
        if not change.succeeded or not (kind in _LOST or kind in _BACK):
            return
        people = self.state.tenants[change.tenant_id].people
        for target in change.targets:
            if target.id is None or target.type.casefold() not in {"user", ""}:
                continue
            if kind in _LOST:
                self._lose(change.tenant_id, Loss(target.id, target.name, _LOST[kind], change.time, change))
            elif target.id in people:
                self._return(change.tenant_id, target.id, change.time)

    def _lose(self, tenant_id: str, loss: Loss) -> None:
        """An account went out of service: tells it with everything that its owner answers for."""
        memory = self._person(tenant_id, loss.person_id)
        memory.gone = min(memory.gone, loss.time)
        if loss.time > memory.lost:
            memory.lost, memory.why = loss.time, loss.why
        self.departures.tell(tenant_id, loss)

    def _return(self, tenant_id: str, person_id: str, time: float) -> None:
        memory = self._person(tenant_id, person_id)
        memory.back = max(memory.back, time)

    def _person(self, tenant_id: str, person_id: str) -> PersonMemory:
        """The memory of an account, to be changed."""
        people = self.state.tenants[tenant_id].people
        memory = people.get(person_id)
        if memory is None:
            if len(people) >= _MAX_PEOPLE:
                number = len(people) // 20 + 1
                for old in nsmallest(number, people, key=lambda each: (people[each].latest, each)):
                    del people[old]
                    self.journal.forget("person", tenant_id, old)
                self.state.counters["evicted_people"] += number
            memory = people[person_id] = PersonMemory()
        self.journal.touch("person", tenant_id, person_id)
        return memory
