"""A message of the SDK as a `Delivery`. Nothing that a message holds can raise here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from detector.domain.delivery import Delivery, Position
from detector.sources.facts import Part, SourceFacts

_Value = TypeVar("_Value")


def delivery_of(event: Any, partition: str, facts: SourceFacts, now: Callable[[], float]) -> Delivery | None:  # noqa: ANN401 -- EventData or what a fault makes of it
    """The message, with whatever of it can be read; `None` when it has no sequence number and so no place.

    Args:
        event: An `azure.eventhub.EventData`.
        partition: Where it came from.
        facts: Told which parts could not be read.
        now: Stands in for the time of enqueuing, should the message not say it.
    """
    sequence = _read(lambda: int(event.sequence_number))
    if sequence is None:
        facts.unreadable(partition, "sequence")
        return None
    offset = _read(lambda: _text(event.offset))
    enqueued = _read(lambda: _seconds(event.enqueued_time))
    body, whole = _body(event)
    missing: tuple[tuple[Part, bool], ...] = (
        ("offset", offset is None),
        ("enqueued", enqueued is None),
        ("body", not whole),
    )
    for part, absent in missing:
        if absent:
            facts.unreadable(partition, part)
    return Delivery(partition, Position(sequence, offset or ""), now() if enqueued is None else enqueued, body)


def _read(read: Callable[[], _Value]) -> _Value | None:
    try:
        return read()
    except Exception:  # noqa: BLE001 -- a message that cannot be read must cost itself only, whatever it raises
        return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _seconds(value: datetime) -> float:
    return value.timestamp()


def _body(event: Any) -> tuple[bytes, bool]:  # noqa: ANN401
    """The bytes of all parts in order, and whether that is everything."""
    parts: list[bytes] = []
    try:
        body = event.body
        if isinstance(body, bytes | bytearray | memoryview | str) or not isinstance(body, Iterable):
            body = (body,)
        parts.extend(_bytes(part) for part in body)
        return b"".join(parts), True
    except Exception:  # noqa: BLE001 -- as above
        return _read(lambda: b"".join(parts)) or b"", False


def _bytes(part: object) -> bytes:
    """One part. Entra sends data sections, which are bytes; a value of another kind is kept as text to be refused."""
    if isinstance(part, bytes | bytearray | memoryview):
        return bytes(part)
    return str(part).encode("utf-8", "surrogatepass")
