"""What an inventory shows of a directory object: the latest that is known of each member, whatever came first.

An observation may be partial: a page that failed leaves a member unknown, and what is not known never takes the place
of what was. So every member is the word of its own last writer, the latest observation that stated it.
"""

from __future__ import annotations

from math import inf
from typing import Final

import msgspec
from xxhash import xxh3_64_intdigest

from detector.domain.events import Credential, Grant, InventoryObject, ObjectType
from detector.features.listing import CAPACITY, LOOK, Listed
from detector.features.timeline import DAY, STEP, Horizon

Stamp = tuple[float, int]
"""Event time of an observation, and a hash of its record id, to tell apart those of one instant."""

AGENTIC: Final = frozenset({"agent", "blueprint", "blueprint_principal", "agent_user"})
"""Types of objects of the Agent ID framework."""

_MEMBERS: Final = ("app_id", "name", "enabled", "deleted", "created", "blueprint_id", "parent_id", "grants")
"""Members that the last writer decides; listings are taken in apart."""


class ObjectMemory(msgspec.Struct, gc=False, omit_defaults=True):
    """What is known of one object."""

    id: str
    type: ObjectType
    first_seen: float
    """Start of the ten-minute bucket of the earliest observation."""
    seen: Stamp
    """The latest observation."""
    older: dict[str, Stamp] | None = None
    """Members that the latest observation did not state, and the one that did."""
    app_id: str | None = None
    name: str | None = None
    enabled: bool | None = None
    deleted: bool = False
    created: float | None = None
    blueprint_id: str | None = None
    parent_id: str | None = None
    grants: tuple[Grant, ...] | None = None
    owners: Listed | None = None
    sponsors: Listed | None = None
    keys: Listed | None = None
    """Key ids of its credentials."""
    credentials: dict[str, Credential] | None = None
    """What is known of those of them that can expire or be shared."""

    @property
    def key_id(self) -> str:
        """The id that memory of sign-ins is kept under."""
        return self.app_id or self.id


class PersonMemory(msgspec.Struct, gc=False, omit_defaults=True):
    """An account of somebody who answers for agents: when it was taken out of service, and put back."""

    lost: float = -inf
    """Event time of the latest record that says that it was disabled or deleted."""
    gone: float = inf
    """The earliest record of all that show it out of service."""
    why: str = ""
    """Which of the two that record says."""
    back: float = -inf
    """Event time of the latest record that says that it is in service again."""
    shown_out: float = -inf
    """The latest observation of an object that shows its owner or sponsor to be disabled."""
    shown_in: float = -inf

    @property
    def latest(self) -> float:
        """Event time of the latest record about it."""
        return max(self.lost, self.back, self.shown_out, self.shown_in)

    def is_lost(self, time: float, horizon: Horizon) -> bool:
        """Whether records say that it is out of service at `time`: until its return is final."""
        if self.lost == -inf:
            return False
        return self.back <= self.lost or int(self.back) // LOOK > int(time) // LOOK - horizon.lag

    def is_out(self, time: float, horizon: Horizon) -> bool:
        """Whether anything says that it is out of service at `time`."""
        return self.is_lost(time, horizon) or self.shown_out > self.shown_in


def new_object(event: InventoryObject) -> ObjectMemory:
    """The memory of an object that nothing is known of yet."""
    since = event.time - event.time % STEP
    return ObjectMemory(id=event.id, type=event.type, first_seen=since, seen=(-inf, 0))


def observe(memory: ObjectMemory, event: InventoryObject, horizon: Horizon) -> None:
    """Takes in one observation."""
    memory.first_seen = min(memory.first_seen, event.time - event.time % STEP)
    stated: dict[str, object] = {name: value for name in _MEMBERS if (value := getattr(event, name)) is not None}
    if event.grants is not None:
        stated["grants"] = event.grants[:CAPACITY]
    _write(memory, stated, (event.time, xxh3_64_intdigest(event.record_id.encode())))
    _list(memory, event, horizon)


def _write(memory: ObjectMemory, stated: dict[str, object], stamp: Stamp) -> None:
    seen, older = memory.seen, memory.older or {}
    if stamp > seen:
        known = [name for name in _MEMBERS if name not in stated and getattr(memory, name) is not None]
        memory.older = {name: older.get(name, seen) for name in known} or None
        memory.seen = stamp
        for name, value in stated.items():
            setattr(memory, name, value)
        return
    for name, value in stated.items():
        if getattr(memory, name) is None or older.get(name, seen) < stamp:
            older[name] = stamp
            setattr(memory, name, value)
    memory.older = older or None


def _list(memory: ObjectMemory, event: InventoryObject, horizon: Horizon) -> None:
    """Takes in the listings of an observation: what is deleted holds nothing."""
    bucket, day = int(event.time) // LOOK, int(event.time) // DAY
    for name, people in (("owners", event.owners), ("sponsors", event.sponsors)):
        held = () if event.deleted else people
        if held is not None:
            listed = _listing(memory, name)
            listed.observe([person.id for person in held], bucket, horizon)
            if not event.deleted:
                listed.note_missing(day, missing=not held)
    credentials = () if event.deleted else event.credentials
    if credentials is not None:
        keys = _listing(memory, "keys")
        keys.observe([each.key_id for each in credentials], bucket, horizon)
        known = memory.credentials or {}
        for each in credentials:
            if each.end is not None or mark_of(each) is not None:
                known[each.key_id] = msgspec.structs.replace(each, start=None)
        held_by = keys.values
        memory.credentials = {key: held for key, held in known.items() if key in held_by} or None


def mark_of(held: Credential) -> str | None:
    """By what a credential is recognised on several objects: its thumbprint, or issuer and subject of a federated one.

    Secrets have none: each has a key id of its own wherever it is typed in.
    """
    if held.kind == "federated" and held.issuer is not None and held.subject is not None:
        return f"{held.issuer} {held.subject}"
    return held.thumbprint


def _listing(memory: ObjectMemory, name: str) -> Listed:
    listed: Listed | None = getattr(memory, name)
    if listed is None:
        listed = Listed()
        setattr(memory, name, listed)
    return listed
