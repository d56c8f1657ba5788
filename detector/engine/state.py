"""All memory of an engine in one tree, and its way to bytes and back."""

from __future__ import annotations

from array import array
from collections import Counter
from functools import cache
from sys import byteorder
from typing import Any, Final, cast, get_origin

import msgspec

from detector.domain.accounting import Accounting
from detector.domain.events import Change
from detector.engine.admission import Admission
from detector.engine.budgeting import Weighed
from detector.engine.first_uses import FirstUse
from detector.engine.pooling import Pool
from detector.errors import SnapshotError
from detector.features.ledger import Entry
from detector.features.memory import TenantMemory
from detector.features.moments import Numbers

VERSION: Final = 4
"""Version of the form that `dump` writes."""


_MAX_TENANTS: Final = 1_024


class Held(msgspec.Struct, frozen=True):
    """A sequence that something may still break."""

    tenant: str
    kind: str
    """Of its key, like `id`."""
    id: str
    sequence: str
    """Name of the sequence."""
    made: tuple[Entry, ...]
    """Its steps."""


class State(msgspec.Struct):
    """What an engine remembers."""

    admission: Admission
    version: int = VERSION
    tenants: dict[str, TenantMemory] = msgspec.field(default_factory=dict)
    accounting: Accounting = msgspec.field(default_factory=Accounting)
    counters: Counter[str] = msgspec.field(default_factory=Counter)
    said: dict[str, None] = msgspec.field(default_factory=dict)
    """Alert ids already said, oldest first."""
    failing: dict[int, set[tuple[str, str]]] = msgspec.field(default_factory=dict)
    """Six-hour windows not final yet, and the (tenant, identity) that failed in them."""
    judged_day: int = -1
    """The last day (since the epoch) for which sleeping identities were looked for."""
    held: dict[str, Held] = msgspec.field(default_factory=dict)
    """Sequences that something may still break, by tenant, id of the key and occasion."""
    removals: set[tuple[float, str, str, str, str, str]] = msgspec.field(default_factory=set)
    """Sponsors and owners taken away, to be judged later; see `detector.engine.removals`."""
    departures: set[tuple[int, str, str]] = msgspec.field(default_factory=set)
    """Hours, tenants and people out of service of whom they show something; see `detector.engine.departures`."""
    worked_hour: int = -1
    """The last hour (since the epoch) for which it was looked at who was at work."""
    crept_day: int = -1
    """The last day (since the epoch) for which it was looked at who asks for more from day to day."""
    credentials_day: int = -1
    """The last midnight, in days since the epoch, at which the ends of credentials were looked at."""
    closed_hour: int = -1
    """The last hour (since the epoch) that was looked at as a whole; see `detector.engine.closing`."""
    first_uses: dict[str, FirstUse] = msgspec.field(default_factory=dict)
    """Of credentials whose addition may yet be told of; see `detector.engine.first_uses`."""
    parked: list[Change] = msgspec.field(default_factory=list)
    """Changes whose target nobody has recognised as an agent yet."""

    audited: dict[str, float] = msgspec.field(default_factory=dict)
    """Event time of the earliest change of each tenant that was read."""
    weighed: Weighed = msgspec.field(default_factory=Weighed)
    """What is remembered of alerts for weighing others; see `detector.engine.budgeting`."""

    def tenant(self, tenant_id: str) -> TenantMemory | None:
        """The memory of a tenant, made when there is none; `None` for a newcomer when there are too many tenants.

        The records of such a newcomer are left out, and counted: nobody can push out what is known of the others.
        """
        memory = self.tenants.get(tenant_id)
        if memory is None:
            if len(self.tenants) >= _MAX_TENANTS:
                self.counters["refused_tenants"] += 1
                return None
            memory = self.tenants[tenant_id] = TenantMemory()
        return memory

    def dump(self) -> bytes:
        """The state as msgpack."""
        return encoder().encode(self)

    @classmethod
    def load(cls, data: bytes) -> State:
        """The state that `dump` wrote.

        Raises:
            SnapshotError: The bytes are not a state, or one of another version.
        """
        try:
            state: State = decoder(cls).decode(data)
        except msgspec.MsgspecError as error:
            raise SnapshotError(f"The snapshot cannot be read: {error}. Use an older snapshot or replay.") from None
        if state.version != VERSION:
            raise SnapshotError(
                f"The snapshot has format {state.version}, this release reads {VERSION}. Use the release that wrote it."
            )
        pool = Pool()
        for tenant in state.tenants.values():
            pool.tenant(tenant)
        return state


@cache
def encoder() -> msgspec.msgpack.Encoder:
    """Writes memory, and parts of it."""
    return msgspec.msgpack.Encoder(enc_hook=_encode)


@cache
def decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:  # noqa: ANN401 -- a type form
    """Reads what `encoder` wrote of a value of this type."""
    return msgspec.msgpack.Decoder(kind, dec_hook=_decode)


def _encode(value: object) -> object:
    if isinstance(value, array):
        return value.tobytes() if byteorder == "little" else _swapped(value).tobytes()
    raise NotImplementedError(type(value))  # pragma: no cover - every other type encodes natively


def _decode(kind: type, value: object) -> object:
    if get_origin(kind) is Counter:
        return Counter(cast("dict[str, int]", value))
    numbers = array("d")
    numbers.frombytes(cast("bytes", value))
    return numbers if byteorder == "little" else _swapped(numbers)


def _swapped(numbers: Numbers) -> Numbers:  # pragma: no cover - no machine of ours
    turned = numbers[:]
    turned.byteswap()
    return turned
