"""What a consumer reads from: a link that sends the events of one partition."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tests.hub.amqp.performatives import Attach
from tests.hub.amqp.sections import DELIVERY_ANNOTATIONS, section, symbol_keys
from tests.hub.amqp.types import Array, Timestamp
from tests.hub.links import Payload, SendingLink
from tests.hub.model import Event, Hub
from tests.hub.refusal import NOT_FOUND, RefusedError

if TYPE_CHECKING:
    from tests.hub.namespace import Namespace
    from tests.hub.session import Session

EPOCH = "com.microsoft:epoch"
"""Link property: the owner level of an exclusive receiver."""

RUNTIME_METRIC = "com.microsoft:enable-receiver-runtime-metric"
"""Capability: tell with every event what the last one of the partition is."""

_AHEAD = 64
"""Events taken from the hub at a time."""


class Outlet(SendingLink):
    """Sends one partition to one consumer, from a sequence number on."""

    def __init__(
        self, namespace: Namespace, session: Session, attach: Attach, *, hub: Hub, path: str, partition: str, start: int
    ) -> None:
        super().__init__(session, attach)
        self.path = path
        self.partition = partition
        self.epoch = _epoch(attach)
        self._namespace = namespace
        self._hub = hub
        self._generation = hub.generation
        self._next = start
        self._ahead: deque[Event] = deque()
        self._again: Event | None = None
        self._tells_last = RUNTIME_METRIC in _names(attach.desired_capabilities)
        self.offers = (RUNTIME_METRIC,) if self._tells_last else ()

    def closed(self) -> None:
        super().closed()
        stats = self._namespace.stats
        stats.receivers[self.partition] -= 1
        self._namespace.release(self)
        stats.notify()

    def rewind(self, events: int) -> None:
        """Send the last events again before anything new."""
        self._next = max(0, self._next - events)
        self._ahead.clear()
        self.wake()

    def next_payload(self) -> Payload | None:
        if self._hub.generation != self._generation:
            self.detach(RefusedError(NOT_FOUND, f"The messaging entity '{self._hub.name}' was deleted."))
            return None
        faults = self._namespace.faults
        if self.partition in faults.withheld:
            return None
        event, self._again = self._again or self._take(), None
        if event is None:
            return None
        if faults.doubled and event.sequence >= self._next:
            self._again = event
        self._next = event.sequence + 1
        stats = self._namespace.stats
        stats.deliveries[self.partition] += 1
        stats.notify()
        return self._payload(event)

    def _take(self) -> Event | None:
        if not self._ahead:
            self._ahead.extend(self._hub.read(self.partition, self._next, _AHEAD))
        return self._ahead.popleft() if self._ahead else None

    def _payload(self, event: Event) -> Payload:
        if not self._tells_last:
            return Payload((event.annotations, *event.bare), event.size)
        told = self._last_enqueued()
        return Payload((told, event.annotations, *event.bare), len(told) + event.size)

    def _last_enqueued(self) -> bytes:
        state = self._hub.state(self.partition)
        values = {
            "last_enqueued_sequence_number": state.last_sequence,
            "last_enqueued_offset": state.last_offset,
            "last_enqueued_time_utc": Timestamp(state.last_enqueued_ms),
            "runtime_info_retrieval_time_utc": Timestamp(round(self._namespace.authority.now() * 1000)),
        }
        return section(DELIVERY_ANNOTATIONS, symbol_keys(values))


def _epoch(attach: Attach) -> int | None:
    value = (attach.properties or {}).get(EPOCH)
    return int(value) if isinstance(value, int) else None


def _names(capabilities: object) -> tuple[str, ...]:
    if isinstance(capabilities, Array):
        return tuple(map(str, capabilities.items))
    return (capabilities,) if isinstance(capabilities, str) else ()
