"""What a hub is: partitions of numbered events, kept for a while. No network here."""

from __future__ import annotations

import itertools
import threading
import zlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from tests.hub import clock
from tests.hub.amqp.sections import ANNOTATIONS, data_head, decode_message, section, symbol_keys
from tests.hub.amqp.types import Timestamp, Value

EMPTY_OFFSET = "-1"
"""Offset before the first event of a partition, as the service reports it."""

_OVERHEAD = 40
"""Octets that the offset grows by for each event besides its body: offsets are positions, never sequence numbers."""


class Event(NamedTuple):
    """One event at rest."""

    sequence: int
    offset: str
    enqueued_ms: int
    key: str | None
    annotations: bytes
    """The section with sequence number, offset, enqueue time and key, encoded once."""
    bare: tuple[bytes, ...]
    """The sections of the sender (properties to body), encoded; in pieces, so that bodies are not copied."""
    size: int
    """Octets of all sections."""

    @property
    def body(self) -> bytes:
        """The data that the sender gave."""
        return b"".join(decode_message(b"".join(self.bare)).data)


class PartitionState(NamedTuple):
    """What the management node says about a partition."""

    beginning_sequence: int
    last_sequence: int
    last_offset: str
    last_enqueued_ms: int
    empty: bool


class Partition:
    """An append-only log that loses its oldest events. All access is under the lock of its hub."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._first = 0
        self._next = 0
        self._position = 0
        self._last_offset = EMPTY_OFFSET
        self._last_enqueued_ms = 0

    def append(self, bare: tuple[bytes, ...], enqueued_ms: int, key: str | None) -> Event:
        """Take an event in, under the next sequence number."""
        sequence, offset = self._next, str(self._position)
        values: dict[str, Value] = {
            "x-opt-sequence-number": sequence,
            "x-opt-offset": offset,
            "x-opt-enqueued-time": Timestamp(enqueued_ms),
        }
        if key is not None:
            values["x-opt-partition-key"] = key
        annotations = section(ANNOTATIONS, symbol_keys(values))
        size = len(annotations) + sum(map(len, bare))
        event = Event(sequence, offset, enqueued_ms, key, annotations, bare, size)
        self._events.append(event)
        self._next += 1
        self._position += sum(map(len, bare)) + _OVERHEAD
        self._last_offset, self._last_enqueued_ms = offset, enqueued_ms
        return event

    def expire(self, before_sequence: int) -> None:
        """Forget the events below that sequence number."""
        keep = max(self._first, min(before_sequence, self._next))
        del self._events[: keep - self._first]
        self._first = keep

    def read(self, sequence: int, limit: int) -> list[Event]:
        """Up to `limit` events from that sequence number on, or from the oldest kept."""
        start = max(0, sequence - self._first)
        return self._events[start : start + limit]

    def state(self) -> PartitionState:
        """What is there."""
        return PartitionState(
            self._first, self._next - 1, self._last_offset, self._last_enqueued_ms, self._first == self._next
        )

    def first_where(self, condition: Callable[[Event], bool]) -> int:
        """Sequence number of the first event kept that meets the condition; the next one to come if none does."""
        return next((event.sequence for event in self._events if condition(event)), self._next)


class Hub:
    """An event hub in memory, safe to use from any thread."""

    def __init__(
        self,
        name: str,
        *,
        partitions: int = 4,
        created: datetime | float | None = None,
        consumer_groups: Iterable[str] | None = None,
        now: Callable[[], float] = clock.wall,
    ) -> None:
        """A hub without events.

        Args:
            name: Its name in the namespace.
            partitions: How many to begin with; `add_partition` adds more.
            created: When it was created, seconds since the epoch or a time with a zone; by default now.
            consumer_groups: The groups that exist; by default every name does.
            now: Wall clock in seconds, for enqueue times that are not given.
        """
        self.name = name
        self.consumer_groups = None if consumer_groups is None else frozenset(map(str.lower, consumer_groups))
        self._now = now
        self._lock = threading.Lock()
        self._partitions = {str(number): Partition() for number in range(partitions)}
        self._created = _seconds(now() if created is None else created)
        self._generation = 0
        self._turns = itertools.count()
        self._listeners: list[Callable[[], None]] = []

    # ---------------------------------------------------------------------------------- what tests do

    def put(self, partition: str | int, body: bytes, *, enqueued: float | None = None, key: str | None = None) -> int:
        """Enqueue one event; its sequence number.

        Args:
            partition: Where to.
            body: The data of the event.
            enqueued: Enqueue time in seconds since the epoch; by default now.
            key: Partition key to show in the annotations; it does not choose the partition here.
        """
        return self.take(str(partition), (data_head(len(body)), body), enqueued=enqueued, key=key)

    def put_many(self, partition: str | int, bodies: Iterable[bytes], *, enqueued: float | None = None) -> int:
        """Enqueue events under one lock and with one notice; the sequence number of the last."""
        stamp = self._stamp(enqueued)
        with self._lock:
            log = self._partitions[str(partition)]
            for body in bodies:
                log.append((data_head(len(body)), body), stamp, None)
            last = log.state().last_sequence
        self._changed()
        return last

    def add_partition(self) -> str:
        """Add one; its id."""
        with self._lock:
            name = str(len(self._partitions))
            self._partitions[name] = Partition()
        self._changed()
        return name

    def expire(self, partition: str | int, before_sequence: int) -> None:
        """Retention: forget the events of a partition below that sequence number."""
        with self._lock:
            self._partitions[str(partition)].expire(before_sequence)
        self._changed()

    def recreate(self, created: datetime | float | None = None) -> None:
        """Delete the hub and create it again under its name: numbers start at 0, receivers are detached."""
        with self._lock:
            self._partitions = {name: Partition() for name in self._partitions}
            self._created = _seconds(self._now() if created is None else created)
            self._generation += 1
        self._changed()

    # ----------------------------------------------------------------------------- what the server does

    @property
    def created(self) -> float:
        """When it was created, seconds since the epoch."""
        return self._created

    @property
    def generation(self) -> int:
        """How often it was created anew."""
        return self._generation

    @property
    def partition_ids(self) -> tuple[str, ...]:
        """Ids of the partitions."""
        with self._lock:
            return tuple(self._partitions)

    def has_group(self, group: str) -> bool:
        """Does the consumer group exist?"""
        return self.consumer_groups is None or group.lower() in self.consumer_groups

    def take(self, partition: str, bare: tuple[bytes, ...], *, enqueued: float | None = None, key: str | None) -> int:
        """Enqueue the encoded sections of a sender; the sequence number."""
        stamp = self._stamp(enqueued)
        with self._lock:
            event = self._partitions[partition].append(bare, stamp, key)
        self._changed()
        return event.sequence

    def partition_for(self, key: str | None) -> str:
        """Where an event goes: by its key, else in turn. The service's own hash is not public; any stable one does."""
        names = self.partition_ids
        place = next(self._turns) if key is None else zlib.crc32(key.encode())
        return names[place % len(names)]

    def read(self, partition: str, sequence: int, limit: int = 64) -> list[Event]:
        """Up to `limit` events from that sequence number on."""
        with self._lock:
            return self._partitions[partition].read(sequence, limit)

    def state(self, partition: str | int) -> PartitionState:
        """What is in a partition."""
        with self._lock:
            return self._partitions[str(partition)].state()

    def first_where(self, partition: str, condition: Callable[[Event], bool]) -> int:
        """Sequence number of the first event that meets the condition; the next one to come if none does."""
        with self._lock:
            return self._partitions[partition].first_where(condition)

    def listen(self, listener: Callable[[], None]) -> None:
        """Be told, in the thread of whoever changed the hub, after every change."""
        self._listeners.append(listener)

    def ignore(self, listener: Callable[[], None]) -> None:
        """Be told no more."""
        self._listeners.remove(listener)

    def _changed(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def _stamp(self, enqueued: float | None) -> int:
        return round((self._now() if enqueued is None else enqueued) * 1000)


def _seconds(moment: datetime | float) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)
