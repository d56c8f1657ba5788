"""What a producer writes to: a link that takes events for a hub, or for one partition of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hub.amqp.performatives import Attach
from tests.hub.amqp.sections import BATCH_FORMAT, Message, decode_message
from tests.hub.amqp.types import WireError
from tests.hub.links import ReceivingLink
from tests.hub.model import Hub
from tests.hub.refusal import ARGUMENT, NOT_FOUND, RefusedError

if TYPE_CHECKING:
    from tests.hub.namespace import Namespace
    from tests.hub.session import Session

_KEY = "x-opt-partition-key"


class Inlet(ReceivingLink):
    """Takes messages and batches of messages; a batch goes to one partition as a whole."""

    def __init__(
        self, namespace: Namespace, session: Session, attach: Attach, *, hub: Hub, path: str, partition: str | None
    ) -> None:
        super().__init__(session, attach)
        self.path = path
        self._namespace = namespace
        self._hub = hub
        self._generation = hub.generation
        self._partition = partition

    def take(self, message_format: int, payload: bytes) -> None:
        throttled = self._namespace.faults.throttled
        if throttled is not None:
            raise throttled
        if self._hub.generation != self._generation:
            raise RefusedError(NOT_FOUND, f"The messaging entity '{self._hub.name}' was deleted.")
        try:
            outer = decode_message(payload)
            events = [decode_message(item) for item in outer.data] if message_format == BATCH_FORMAT else [outer]
        except WireError as error:
            raise RefusedError(ARGUMENT, f"The message cannot be decoded: {error}") from error
        key = _key(outer) or next(filter(None, map(_key, events)), None)
        partition = self._partition or self._hub.partition_for(key)
        for event in events:
            self._hub.take(partition, (event.bare,), key=_key(event) or key)
        stats = self._namespace.stats
        stats.received[partition] += len(events)
        stats.notify()


def _key(message: Message) -> str | None:
    value = (message.annotations or {}).get(_KEY)
    return value if isinstance(value, str) else None
