"""What a batch changed in memory, as rows, so that a store keeps up without writing everything each time.

Most of what a batch touches follows from its events: the identity, blueprint and alias behind each sign-in. The rest is
told by those who change it (`touch`). Whether a row was changed or forgotten is looked up when the rows are taken, so
telling too much costs time and telling it twice costs nothing. `rebuild` is the way back.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from sys import byteorder
from typing import Any, Final, Literal, NamedTuple

import msgspec

from detector.domain.events import Change, Event, SignIn
from detector.engine.fingerprints import fingerprint
from detector.engine.pooling import Pool
from detector.engine.state import State, decoder, encoder
from detector.errors import SnapshotError
from detector.features.awaited import Awaited
from detector.features.changes import ActorMemory
from detector.features.credentials import CredentialMemory
from detector.features.environments import Seen
from detector.features.flow import Flow
from detector.features.inventory import ObjectMemory, PersonMemory
from detector.features.ledger import Entry, Ledger
from detector.features.memory import Alias, FleetMemory, IdentityMemory, TenantMemory
from detector.features.outages import Outage
from detector.features.presence import Presence
from detector.features.runs import Run
from detector.features.sprays import SourceMemory
from detector.features.timeline import HOUR

Kind = Literal[
    "identity",
    "fleet",
    "actor",
    "alias",
    "ledger",
    "firsts",
    "object",
    "person",
    "parked",
    "said",
    "run",
    "evidence",
    "handshake",
    "deeds",
    "awaited",
    "environment",
    "credential",
    "presence",
    "outage",
    "flow",
    "source",
]

_NUMBER: Final = 8
"""Bytes of the number that stands before the payload of what is kept in order."""


_TABLES: Final[dict[Kind, tuple[str, Any]]] = {
    "identity": ("identities", IdentityMemory),
    "fleet": ("fleets", FleetMemory),
    "actor": ("actors", ActorMemory),
    "alias": ("aliases", Alias),
    "ledger": ("ledgers", Ledger),
    "firsts": ("firsts", list[Entry]),
    "object": ("objects", ObjectMemory),
    "person": ("people", PersonMemory),
    "run": ("runs", Run),
    "evidence": ("evidence", float),
    "handshake": ("handshakes", float),
    "deeds": ("deeds", set[tuple[int, str]]),
    "awaited": ("awaited", Awaited),
    "environment": ("environments", Seen),
    "credential": ("credentials", CredentialMemory),
    "presence": ("presences", Presence),
    "outage": ("outages", Outage),
    "flow": ("flows", Flow),
    "source": ("sources", SourceMemory),
}
"""Kinds of rows that lie under a key of a tenant: the field of `TenantMemory`, and the type of its values."""


class Row(NamedTuple):
    """Memory under one key."""

    kind: Kind
    tenant: str
    id: str
    payload: bytes | None
    """`None`: it is remembered no more."""


class Changed(NamedTuple):
    """All that must be written so that memory is as it is now."""

    rows: list[Row]
    core: bytes
    """Memory under no key: watermark, accounting, what is failing."""
    digests: dict[int, bytes]
    """Hour of event time to fingerprints of records shown since the last time, packed little-endian, 64 bits each."""
    oldest_hour: int | None
    """Fingerprints of hours before this one are forgotten; `None` while nothing is remembered."""


class Journal:
    """Notes which rows of an engine's memory change. Switched off until somebody listens, as in a replay."""

    def __init__(self, state: State) -> None:
        self._state: Final = state
        self._listening = False
        self._touched: dict[tuple[Kind, str, str], None] = {}
        """In the order in which they were first touched, or came back."""
        self._forgotten: set[tuple[Kind, str, str]] = set()
        """Those of them that did not come back."""
        self._digests: dict[int, set[int]] = {}
        self._numbers: dict[tuple[Kind, str, str], int] = {}
        """Of actors that are written: an actor keeps its place when it is written again."""
        self._parked: dict[tuple[Kind, str, str], Change] = {}
        """Parked changes that are written."""
        self._next = 0

    def listen(self) -> None:
        """Notes changes from now on; what is in memory already counts as changed."""
        self._listening = True
        state = self._state
        for tenant_id, tenant in state.tenants.items():
            for kind, (table, _) in _TABLES.items():
                ids = getattr(tenant, table)
                self._touched.update(dict.fromkeys((kind, tenant_id, identifier) for identifier in ids))
        self._touched.update(dict.fromkeys(("said", "", identifier) for identifier in state.said))
        self._digests = {hour: set(ids) for hour, ids in state.admission.generations.items()}

    def resume(self, numbers: Mapping[tuple[Kind, str, str], int]) -> None:
        """Notes changes from now on; memory is as its rows say, which have these numbers (see `Rebuilt`)."""
        self._listening = True
        self._numbers = {key: number for key, number in numbers.items() if key[0] == "actor"}
        self._parked = {_key_of(change): change for change in self._state.parked}
        self._next = max(numbers.values(), default=-1) + 1

    def touch(self, kind: Kind, tenant: str, identifier: str) -> None:
        """The memory under a key was changed."""
        if self._listening:
            key = kind, tenant, identifier
            if key in self._forgotten:
                self._forgotten.discard(key)
                del self._touched[key]
            self._touched[key] = None

    def forget(self, kind: Kind, tenant: str, identifier: str) -> None:
        """The memory under a key was forgotten. Should it come again, it comes last."""
        key = kind, tenant, identifier
        self._numbers.pop(key, None)
        if self._listening:
            self._touched[key] = None
            self._forgotten.add(key)

    def saw(self, events: Sequence[Event]) -> None:
        """These events were folded."""
        if not self._listening:
            return
        digests, touched, tenants = self._digests, self._touched, self._state.tenants
        hour, seen = -1, set[int]()
        for event in events:
            if int(event.time) // HOUR != hour:
                hour = int(event.time) // HOUR
                seen = digests.setdefault(hour, set())
            seen.add(fingerprint(event))
        for access in {event.access for event in events if type(event) is SignIn}:
            tenant_id, agent_id = access.tenant_id, access.agent_id
            tenant = tenants.get(tenant_id)
            if tenant is None:
                continue
            if agent_id in tenant.identities:
                touched["identity", tenant_id, agent_id] = None
            blueprint = agent_id if access.role == "blueprint" else access.blueprint_id
            if blueprint in tenant.fleets:
                touched["fleet", tenant_id, blueprint] = None
            if access.service_principal_id in tenant.aliases:
                touched["alias", tenant_id, access.service_principal_id] = None

    def take(self) -> Changed:
        """What changed since the last time."""
        state = self._state
        generations = state.admission.generations
        self._note_parked()
        rows = [Row(*key, self._payload(*key)) for key in self._touched]
        digests = {hour: _packed(ids) for hour, ids in self._digests.items() if hour in generations}
        self._touched, self._digests = {}, {}
        self._forgotten.clear()
        core = encoder().encode(
            msgspec.structs.replace(
                state,
                admission=msgspec.structs.replace(state.admission, generations={}),
                tenants={tenant: TenantMemory() for tenant in state.tenants},
                said={},
                parked=[],
            )
        )
        return Changed(rows, core, digests, min(generations, default=None))

    def _note_parked(self) -> None:
        """Parked changes come and go in several places; their list is short, so it is compared."""
        before, now = self._parked, {_key_of(change): change for change in self._state.parked}
        if before or now:
            self._touched.update(dict.fromkeys(key for key in before if key not in now))
            self._touched.update(dict.fromkeys(key for key in now if before.get(key) is not now[key]))
            self._parked = now

    def _payload(self, kind: Kind, tenant_id: str, identifier: str) -> bytes | None:
        value = self._found(kind, tenant_id, identifier)
        key = (kind, tenant_id, identifier)
        if value is None:
            self._numbers.pop(key, None)
            return None
        payload: bytes = encoder().encode(value)
        if kind not in _ORDERED:
            return payload
        number = self._numbers.get(key)
        if number is None:
            number, self._next = self._next, self._next + 1
            if kind == "actor":
                self._numbers[key] = number
        return number.to_bytes(_NUMBER, "little") + payload

    def _found(self, kind: Kind, tenant_id: str, identifier: str) -> object:
        state = self._state
        if kind == "said":
            return "" if identifier in state.said else None
        if kind == "parked":
            return self._parked.get((kind, tenant_id, identifier))
        tenant = state.tenants.get(tenant_id)
        if tenant is None:
            return None
        held: Mapping[str, object] = getattr(tenant, _TABLES[kind][0])
        return held.get(identifier)


_ORDERED: Final[frozenset[Kind]] = frozenset({"actor", "parked", "said"})
"""Kinds that are kept in order: the oldest goes first when there are too many."""


class Rebuilt(NamedTuple):
    """Memory made of rows."""

    state: State
    numbers: dict[tuple[Kind, str, str], int]
    """For `Journal.resume`."""


def rebuild(core: bytes, rows: Iterable[tuple[str, str, str, bytes]], digests: Mapping[int, bytes]) -> Rebuilt:
    """The state that a journal's rows describe.

    Raises:
        SnapshotError: A row is none that this release writes.
    """
    state, pool = State.load(core), Pool()
    ordered: list[tuple[int, Kind, str, str, bytes]] = []
    for kind, tenant_id, identifier, payload in rows:
        if kind in _ORDERED:
            number = int.from_bytes(payload[:_NUMBER], "little")
            ordered.append((number, kind, tenant_id, identifier, payload[_NUMBER:]))
        else:
            table = _TABLES.get(kind)  # type: ignore[call-overload]
            if table is None:
                raise SnapshotError(f"The store holds rows of the kind {kind!r}, which this release does not know.")
            tenant = state.tenants.setdefault(tenant_id, TenantMemory())
            getattr(tenant, table[0])[pool.text(identifier)] = pool.pooled(_read(table[1], payload))
    ordered.sort(key=lambda row: row[0])
    for _, kind, tenant_id, identifier, payload in ordered:
        if kind == "said":
            state.said[identifier] = None
        elif kind == "parked":
            state.parked.append(_read(Change, payload))
        else:
            state.tenants.setdefault(tenant_id, TenantMemory()).actors[identifier] = _read(ActorMemory, payload)
    for hour, packed in digests.items():
        ids = array("Q", packed)
        if byteorder == "big":  # pragma: no cover - no machine of ours
            ids.byteswap()
        state.admission.generations[hour] = set(ids)
    return Rebuilt(state, {(kind, tenant, identifier): number for number, kind, tenant, identifier, _ in ordered})


def _read(kind: Any, payload: bytes) -> Any:  # noqa: ANN401 -- a type form, and what it makes
    try:
        return decoder(kind).decode(payload)
    except msgspec.MsgspecError as error:
        raise SnapshotError(f"A row of memory cannot be read: {error}. Restore a snapshot or replay.") from None


def _key_of(change: Change) -> tuple[Kind, str, str]:
    return "parked", change.tenant_id, change.record_id


def _packed(ids: set[int]) -> bytes:
    packed = array("Q", sorted(ids))
    if byteorder == "big":  # pragma: no cover - no machine of ours
        packed.byteswap()
    return packed.tobytes()
