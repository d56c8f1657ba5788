"""Values of the AMQP 1.0 type system to bytes (OASIS AMQP 1.0, part 1, section 1.6)."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from typing import Any

from tests.hub.amqp.types import (
    Array,
    Byte,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
    Value,
    WireError,
)


def encode(value: Value) -> bytes:
    """The value with its constructor, in the smallest encoding.

    Raises:
        WireError: The value, or one inside it, has no AMQP form here.
    """
    kind = type(value)
    writer = _WRITERS.get(kind)
    if writer is None:
        raise WireError(f"no AMQP encoding for {kind.__name__}")
    try:
        return writer(value)
    except (struct.error, UnicodeEncodeError, OverflowError) as error:
        raise WireError(f"{kind.__name__} out of range: {error}") from error


def _fixed(code: int, layout: str) -> Callable[[Any], bytes]:
    pack = struct.Struct(">B" + layout).pack
    return lambda value: pack(code, value)


def _compact(zero: bytes | None, small: tuple[int, str, int, int], wide: tuple[int, str]) -> Callable[[Any], bytes]:
    """An integer in the shortest of up to three encodings; `small` is code, layout, least and greatest value."""
    code, layout, least, greatest = small
    narrow, broad = _fixed(code, layout), _fixed(*wide)

    def write(value: int) -> bytes:
        if zero is not None and value == 0:
            return zero
        return narrow(value) if least <= value <= greatest else broad(value)

    return write


def _variable(small: int, wide: int, octets: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        raw = octets(value)
        if len(raw) < 256:
            return bytes((small, len(raw))) + raw
        return struct.pack(">BI", wide, len(raw)) + raw

    return write


def _compound(small: int, wide: int, count: int, raw: bytes) -> bytes:
    if len(raw) < 255 and count < 256:
        return bytes((small, len(raw) + 1, count)) + raw
    return struct.pack(">BII", wide, len(raw) + 4, count) + raw


def _list(value: list[Value]) -> bytes:
    if not value:
        return b"\x45"
    return _compound(0xC0, 0xD0, len(value), b"".join(map(encode, value)))


def _map(value: dict[Value, Value]) -> bytes:
    pairs = b"".join(encode(key) + encode(item) for key, item in value.items())
    return _compound(0xC1, 0xD1, 2 * len(value), pairs)


def _described(value: Described) -> bytes:
    return b"\x00" + encode(value.descriptor) + encode(value.value)


def _array(value: Array) -> bytes:
    try:
        code, octets = _ELEMENTS[value.kind]
    except KeyError:
        raise WireError(f"no AMQP array of {value.kind.__name__}") from None
    raw = bytes((code,)) + b"".join(map(octets, value.items))
    return _compound(0xE0, 0xF0, len(value.items), raw)


def _sized(octets: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        raw = octets(value)
        return struct.pack(">I", len(raw)) + raw

    return write


def _utf8(value: str) -> bytes:
    return value.encode()


def _ascii(value: str) -> bytes:
    return value.encode("ascii")


_WRITERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    UByte: _fixed(0x50, "B"),
    UShort: _fixed(0x60, "H"),
    UInt: _compact(b"\x43", (0x52, "B", 0, 255), (0x70, "I")),
    ULong: _compact(b"\x44", (0x53, "B", 0, 255), (0x80, "Q")),
    Byte: _fixed(0x51, "b"),
    Short: _fixed(0x61, "h"),
    Int: _compact(None, (0x54, "b", -128, 127), (0x71, "i")),
    int: _compact(None, (0x55, "b", -128, 127), (0x81, "q")),
    Float: _fixed(0x72, "f"),
    float: _fixed(0x82, "d"),
    Timestamp: _fixed(0x83, "q"),
    uuid.UUID: lambda value: b"\x98" + value.bytes,
    bytes: _variable(0xA0, 0xB0, bytes),
    bytearray: _variable(0xA0, 0xB0, bytes),
    str: _variable(0xA1, 0xB1, _utf8),
    Symbol: _variable(0xA3, 0xB3, _ascii),
    list: _list,
    dict: _map,
    Described: _described,
    Array: _array,
}

_ELEMENTS: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    UByte: (0x50, struct.Struct(">B").pack),
    UShort: (0x60, struct.Struct(">H").pack),
    UInt: (0x70, struct.Struct(">I").pack),
    ULong: (0x80, struct.Struct(">Q").pack),
    Int: (0x71, struct.Struct(">i").pack),
    int: (0x81, struct.Struct(">q").pack),
    float: (0x82, struct.Struct(">d").pack),
    Timestamp: (0x83, struct.Struct(">q").pack),
    uuid.UUID: (0x98, lambda value: value.bytes),
    bytes: (0xB0, _sized(bytes)),
    str: (0xB1, _sized(_utf8)),
    Symbol: (0xB3, _sized(_ascii)),
}
