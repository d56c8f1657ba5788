"""What a live source hands over: the bytes of one message and where in the stream they stood."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """How far a partition has been read."""

    sequence: int
    """Sequence number of the last message taken: rises within a partition, and is what positions are compared by."""
    offset: str
    """The service's own mark of that message, opaque text; where a receiver is opened again."""


class Delivery(NamedTuple):
    """One message of a live stream."""

    partition: str
    """Partition of the hub, or name of the file."""
    position: Position
    enqueued: float
    """When the stream took the message in, seconds since the epoch, UTC: no record in it happened later."""
    body: bytes
