"""Messages: the sections of one, and the batches that producers send (OASIS AMQP 1.0, part 3, section 3.2)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from tests.hub.amqp.decoding import decode
from tests.hub.amqp.encoding import encode
from tests.hub.amqp.types import Described, Symbol, ULong, Value, WireError

BATCH_FORMAT = 0x80013700
"""Message format of a batch: each data section holds one whole encoded message (Event Hubs AMQP protocol guide)."""

HEADER, DELIVERY_ANNOTATIONS, ANNOTATIONS, PROPERTIES, APPLICATION = 0x70, 0x71, 0x72, 0x73, 0x74
DATA, SEQUENCE, VALUE, FOOTER = 0x75, 0x76, 0x77, 0x78

PROPERTY_COUNT = 13
MESSAGE_ID, REPLY_TO, CORRELATION_ID = 0, 4, 5
"""Places in the list of properties (section 3.2.4)."""


class Message(NamedTuple):
    """A message, section by section; what is absent is None or empty."""

    delivery_annotations: dict[Value, Value] | None = None
    annotations: dict[Value, Value] | None = None
    properties: list[Value] | None = None
    application: dict[str, Value] | None = None
    data: tuple[bytes, ...] = ()
    value: Value = None
    bare: bytes = b""
    """From the properties on, as it came: what a broker must hand on unchanged (section 3.2)."""

    def property(self, place: int) -> Value:
        """One of the properties by its place, null if absent."""
        return self.properties[place] if self.properties and len(self.properties) > place else None


def section(code: int, value: Value) -> bytes:
    """One section of a message."""
    return encode(Described(ULong(code), value))


def data_head(length: int) -> bytes:
    """What stands before the body in a data section, so that the body itself need not be copied."""
    size = bytes((0xA0, length)) if length < 256 else struct.pack(">BI", 0xB0, length)
    return bytes((0x00, 0x53, DATA)) + size


def symbol_keys(values: dict[str, Value]) -> dict[Value, Value]:
    """Annotations are keyed by symbols."""
    return {Symbol(key): value for key, value in values.items()}


def encode_reply(correlation: Value, application: dict[str, Value], value: Value) -> bytes:
    """The answer of a request-response node: correlated properties, status, and a value as body."""
    properties: list[Value] = [None] * PROPERTY_COUNT
    properties[CORRELATION_ID] = correlation
    return section(PROPERTIES, properties) + section(APPLICATION, application) + section(VALUE, value)


def decode_message(raw: bytes | memoryview) -> Message:
    """A message of any sections.

    Raises:
        WireError: Malformed, or a section of the wrong type.
    """
    view = memoryview(raw)
    found: dict[int, Value] = {}
    data: list[bytes] = []
    position, bare = 0, len(view)
    while position < len(view):
        start = position
        part, position = decode(view, position)
        if not isinstance(part, Described) or not isinstance(part.descriptor, int):
            raise WireError("a message section without a descriptor")
        if part.descriptor >= PROPERTIES:
            bare = min(bare, start)
        if part.descriptor == DATA:
            data.append(_checked(part.value, bytes))
        else:
            found[part.descriptor] = part.value
    return Message(
        delivery_annotations=_optional(found.get(DELIVERY_ANNOTATIONS), dict),
        annotations=_optional(found.get(ANNOTATIONS), dict),
        properties=_optional(found.get(PROPERTIES), list),
        application=_optional(found.get(APPLICATION), dict),
        data=tuple(data),
        value=found.get(VALUE),
        bare=bytes(view[bare:]),
    )


def _checked(value: Value, kind: type) -> Value:
    if not isinstance(value, kind):
        raise WireError(f"a message section that holds {type(value).__name__}, not {kind.__name__}")
    return value


def _optional(value: Value, kind: type) -> Value:
    return None if value is None else _checked(value, kind)
