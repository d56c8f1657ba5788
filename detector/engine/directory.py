"""The directory as inventories show it: the table of objects, and who asks it what.

The way from an object id to an appId and back, from a person to what they answer for, from a blueprint to its agents,
from a credential to all that hold it. These ways are kept in memory only and are found again from the table.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from detector.domain.alerts import Subject
from detector.domain.events import Grant, InventoryObject
from detector.domain.keys import Key
from detector.engine.recognising import Recognised
from detector.features.inventory import AGENTIC, ObjectMemory, mark_of, new_object, observe
from detector.features.listing import horizon_of
from detector.features.memory import teach
from detector.features.timeline import STEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.engine.journal import Journal
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import TenantMemory

Handle = tuple[str, str, str]
"""Tenant id, what kind of id it is (`app`, `blueprint`, `person`, `mark`), and the id."""


T = TypeVar("T")
_MAX_SHARED: Final = 100_000


class Directory:
    """Objects of all tenants."""

    def __init__(self, settings: EngineSettings, state: State, journal: Journal) -> None:
        self.settings = settings
        self.state = state
        self.journal = journal
        self.horizon = horizon_of(settings.lateness)
        self._ways: dict[Handle, set[str]] = {}
        self._values: dict[Any, Any] = {}
        """Values that many objects have, each by itself."""
        for tenant_id, tenant in state.tenants.items():
            for memory in tenant.objects.values():
                self._enter(memory.id, _handles(tenant_id, memory))

    # ---------------------------------------------------------------------------------------------- learning

    def take_in(self, tenant: TenantMemory, event: InventoryObject) -> tuple[ObjectMemory, bool]:
        """The memory of an observed object, and whether the observation may show who somebody is."""
        tenant_id, memory = event.tenant_id, tenant.objects.get(event.id)
        if memory is None:
            if len(tenant.objects) >= 2 * self.settings.max_identities:
                self._forget_some(tenant_id, tenant)
            memory = tenant.objects[event.id] = new_object(event)
            before, since, known_as = frozenset[Handle](), None, None
        else:
            before, since, known_as = _handles(tenant_id, memory), memory.first_seen, memory.key_id
        observe(memory, self._shared(event), self.horizon)
        after = _handles(tenant_id, memory)
        self._leave(memory.id, before - after)
        self._enter(memory.id, after - before)
        self.journal.touch("object", tenant_id, event.id)
        news = self._teach(tenant, event)
        return memory, news or (memory.first_seen, memory.key_id) != (since, known_as)

    def _shared(self, event: InventoryObject) -> InventoryObject:
        """The observation, with one value in place of many that are equal: thousands of agents are much alike."""
        if len(self._values) > _MAX_SHARED:
            self._values.clear()
        grants = event.grants
        if grants is not None:
            told = (Grant(each.kind, each.resource_id, each.permission, each.resource_app_id) for each in grants)
            grants = self._one(tuple(map(self._one, told)))
        return msgspec.structs.replace(
            event,
            app_id=event.id if event.app_id == event.id else event.app_id,
            blueprint_id=self._one(event.blueprint_id),
            owners=self._one(event.owners),
            sponsors=self._one(event.sponsors),
            grants=grants,
        )

    def _one(self, value: T) -> T:
        """The first of all values that are equal to this one."""
        first: T = self._values.setdefault(value, value)
        return first

    def _teach(self, tenant: TenantMemory, event: InventoryObject) -> bool:
        """Remembers which object ids belong to which appId: the object's own, and those of the resources granted."""
        held = [grant for grant in event.grants or () if grant.kind != "inheritable"]
        pairs = {event.id: event.app_id} | {grant.resource_id: grant.resource_app_id for grant in held}
        since, capacity, news = event.time - event.time % STEP, 2 * self.settings.max_identities, False
        for object_id, app_id in pairs.items():
            if app_id is not None and app_id != object_id and teach(tenant.aliases, object_id, app_id, since, capacity):
                self.journal.touch("alias", event.tenant_id, object_id)
                news = True
        return news

    def _forget_some(self, tenant_id: str, tenant: TenantMemory) -> None:
        """Makes room for newcomers: one in twenty goes, the deleted and those not seen for longest first."""
        number = len(tenant.objects) // 20 + 1
        for old in nsmallest(number, tenant.objects.values(), key=lambda each: (not each.deleted, each.seen, each.id)):
            self._leave(old.id, _handles(tenant_id, old))
            del tenant.objects[old.id]
            self.journal.forget("object", tenant_id, old.id)
        self.state.counters["evicted_objects"] += number

    def _enter(self, object_id: str, handles: frozenset[Handle]) -> None:
        for handle in handles:
            self._ways.setdefault(handle, set()).add(object_id)

    def _leave(self, object_id: str, handles: frozenset[Handle]) -> None:
        for handle in handles:
            ways = self._ways[handle]
            ways.discard(object_id)
            if not ways:
                del self._ways[handle]

    # ------------------------------------------------------------------------------------------------ asking

    def find(self, tenant_id: str, identifier: str) -> list[ObjectMemory]:
        """The objects with this object id or appId, in the order of their object ids; those of the framework first."""
        objects = self.state.tenants[tenant_id].objects
        ids = {identifier, *self._ways.get((tenant_id, "app", identifier), ())}
        found = [objects[each] for each in ids if each in objects]
        return sorted(found, key=lambda each: (each.type not in AGENTIC, each.id))

    def responsible(self, tenant_id: str, person_id: str) -> Iterator[ObjectMemory]:
        """The objects that a person was seen to own or sponsor of late."""
        return self._along(tenant_id, "person", person_id)

    def holding(self, tenant_id: str, mark: str) -> Iterator[ObjectMemory]:
        """The objects that were seen to hold a credential with this mark of late."""
        return self._along(tenant_id, "mark", mark)

    def agents_of(self, tenant_id: str, blueprint_id: str) -> int:
        """How many agents of a blueprint are known: from the inventory or from sign-ins, whatever is more."""
        children = self._along(tenant_id, "blueprint", blueprint_id)
        listed = sum(1 for each in children if each.type == "agent" and not each.deleted)
        fleet = self.state.tenants[tenant_id].fleets.get(blueprint_id)
        return max(listed, 0 if fleet is None else fleet.agents)

    def _along(self, tenant_id: str, kind: str, identifier: str) -> Iterator[ObjectMemory]:
        objects = self.state.tenants[tenant_id].objects
        for object_id in sorted(self._ways.get((tenant_id, kind, identifier), ())):
            yield objects[object_id]

    # ------------------------------------------------------------------------------------------- recognising

    def watched(self, memory: ObjectMemory) -> bool:
        """Whether an object is one that the scope of the configuration watches."""
        scope, chosen = self.settings.scope, self.settings.identities
        return (
            memory.key_id in chosen
            or memory.id in chosen
            or (scope == "agents" and memory.type in AGENTIC)
            or scope == "workloads"
        )

    def recognised(self, tenant_id: str, identifier: str, limit: float) -> Recognised | None:
        """The agent or blueprint of the framework with this object id or appId, if one was seen by `limit`."""
        for memory in self.find(tenant_id, identifier):
            if memory.type in AGENTIC and memory.first_seen <= limit and self.watched(memory):
                subject = self.subject_of(tenant_id, memory)
                return Recognised(key_of(memory), subject, subject.name or subject.id)
        return None

    def subject_of(self, tenant_id: str, memory: ObjectMemory) -> Subject:
        """Whom an alert on an object is about."""
        key, tenant = key_of(memory), self.state.tenants[tenant_id]
        blueprint = memory.blueprint_id if key.kind == "agent" else None
        fleet = None if blueprint is None else tenant.fleets.get(blueprint)
        identity = tenant.identities.get(key.id)
        return Subject(
            kind=key.kind,
            id=key.id,
            name=memory.name or (None if identity is None else identity.name),
            blueprint=blueprint,
            blueprint_name=None if fleet is None else fleet.name,
            tenant=tenant_id,
        )


def key_of(memory: ObjectMemory) -> Key:
    """The key of an object: that of the agent it belongs to, for an agent's user account."""
    if memory.type in {"blueprint", "blueprint_principal"}:
        return Key("blueprint", memory.key_id)
    return Key("agent", (memory.parent_id if memory.type == "agent_user" else None) or memory.key_id)


def _handles(tenant_id: str, memory: ObjectMemory) -> frozenset[Handle]:
    """By what an object is found."""
    handles: set[Handle] = set()
    if memory.app_id is not None and memory.app_id != memory.id:
        handles.add((tenant_id, "app", memory.app_id))
    if memory.blueprint_id is not None:
        handles.add((tenant_id, "blueprint", memory.blueprint_id))
    for listed in (memory.owners, memory.sponsors):
        if listed is not None:
            handles.update((tenant_id, "person", person) for person in listed.values)
    marks = map(mark_of, (memory.credentials or {}).values())
    handles.update((tenant_id, "mark", mark) for mark in marks if mark is not None)
    return frozenset(handles)
