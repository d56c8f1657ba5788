"""Bytes to values of the AMQP 1.0 type system (OASIS AMQP 1.0, part 1, section 1.6)."""

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

MAX_DEPTH = 32
"""How deep values may nest before they are refused: a hostile peer must not exhaust the stack."""


def decode(buffer: bytes | memoryview, position: int = 0) -> tuple[Value, int]:
    """The value that starts at the position, and the position after it.

    Raises:
        WireError: Truncated, malformed, too deep, or of a type that this server does not carry.
    """
    view = memoryview(buffer)
    try:
        return _value(view, position, 0)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise WireError(f"malformed value at octet {position}: {error}") from error


_Read = tuple[Value, int]


def _value(view: memoryview, position: int, depth: int) -> _Read:
    if depth > MAX_DEPTH:
        raise WireError(f"nested deeper than {MAX_DEPTH}")
    return _of(view[position], view, position + 1, depth)


def _of(code: int, view: memoryview, position: int, depth: int) -> _Read:
    """The value after its constructor."""
    if code in _CONSTANTS:
        return _CONSTANTS[code], position
    if code in _NUMBERS:
        kind, layout = _NUMBERS[code]
        return kind(layout.unpack_from(view, position)[0]), position + layout.size
    if code in _OCTETS:
        width, make = _OCTETS[code]
        length, start = _size(view, position, width)
        return make(_slice(view, start, length)), start + length
    if code == 0x98:
        return uuid.UUID(bytes=bytes(_slice(view, position, 16))), position + 16
    if code == 0x00:
        descriptor, position = _value(view, position, depth + 1)
        value, position = _value(view, position, depth + 1)
        return Described(descriptor, value), position
    if code == 0x45:
        return [], position
    if code in _COMPOUNDS:
        width, make_compound = _COMPOUNDS[code]
        return make_compound(view, position, width, depth)
    raise WireError(f"unknown constructor 0x{code:02x}")


def _size(view: memoryview, position: int, width: int) -> tuple[int, int]:
    if width == 1:
        return view[position], position + 1
    return struct.unpack_from(">I", view, position)[0], position + 4


def _slice(view: memoryview, start: int, length: int) -> memoryview:
    if start + length > len(view):
        raise WireError(f"{length} octets announced, {len(view) - start} there")
    return view[start : start + length]


def _head(view: memoryview, position: int, width: int) -> tuple[int, int, int]:
    """Count of elements, where they start and where they must end."""
    size, start = _size(view, position, width)
    count, first = _size(view, start, width)
    if start + size > len(view) or first > start + size:
        raise WireError(f"{size} octets announced, {len(view) - start} there")
    return count, first, start + size


def _ended(position: int, end: int) -> int:
    if position != end:
        raise WireError(f"compound value ends at octet {position}, announced {end}")
    return position


def _read_list(view: memoryview, position: int, width: int, depth: int) -> _Read:
    count, position, end = _head(view, position, width)
    items = []
    for _ in range(count):
        item, position = _value(view[:end], position, depth + 1)
        items.append(item)
    return items, _ended(position, end)


def _read_map(view: memoryview, position: int, width: int, depth: int) -> _Read:
    count, position, end = _head(view, position, width)
    if count % 2:
        raise WireError("a map of an odd number of values")
    items = {}
    for _ in range(count // 2):
        key, position = _value(view[:end], position, depth + 1)
        try:
            hash(key)
        except TypeError:
            raise WireError("a map key that is itself a collection") from None
        items[key], position = _value(view[:end], position, depth + 1)
    return items, _ended(position, end)


def _read_array(view: memoryview, position: int, width: int, depth: int) -> _Read:
    count, position, end = _head(view, position, width)
    if position == end:
        return Array(type(None), ()), _ended(position, end)
    code = view[position]
    position += 1
    kind = _KINDS.get(code)
    if kind is None or count > end - position:
        raise WireError(f"array of {count} elements of constructor 0x{code:02x}")
    items = []
    for _ in range(count):
        item, position = _of(code, view[:end], position, depth + 1)
        items.append(item)
    return Array(kind, tuple(items)), _ended(position, end)


def _boolean(value: int) -> bool:
    return value == 1


def _text(raw: memoryview) -> str:
    return str(raw, "utf-8")


def _symbol(raw: memoryview) -> Symbol:
    return Symbol(str(raw, "ascii"))


_CONSTANTS: dict[int, Value] = {0x40: None, 0x41: True, 0x42: False, 0x43: UInt(0), 0x44: ULong(0)}

_NUMBERS: dict[int, tuple[Callable[[Any], Value], struct.Struct]] = {
    0x50: (UByte, struct.Struct(">B")),
    0x51: (Byte, struct.Struct(">b")),
    0x52: (UInt, struct.Struct(">B")),
    0x53: (ULong, struct.Struct(">B")),
    0x54: (Int, struct.Struct(">b")),
    0x55: (int, struct.Struct(">b")),
    0x56: (_boolean, struct.Struct(">B")),
    0x60: (UShort, struct.Struct(">H")),
    0x61: (Short, struct.Struct(">h")),
    0x70: (UInt, struct.Struct(">I")),
    0x71: (Int, struct.Struct(">i")),
    0x72: (Float, struct.Struct(">f")),
    0x80: (ULong, struct.Struct(">Q")),
    0x81: (int, struct.Struct(">q")),
    0x82: (float, struct.Struct(">d")),
    0x83: (Timestamp, struct.Struct(">q")),
}

_OCTETS: dict[int, tuple[int, Callable[[memoryview], Value]]] = {
    0xA0: (1, bytes),
    0xB0: (4, bytes),
    0xA1: (1, _text),
    0xB1: (4, _text),
    0xA3: (1, _symbol),
    0xB3: (4, _symbol),
}

_COMPOUNDS: dict[int, tuple[int, Callable[[memoryview, int, int, int], _Read]]] = {
    0xC0: (1, _read_list),
    0xD0: (4, _read_list),
    0xC1: (1, _read_map),
    0xD1: (4, _read_map),
    0xE0: (1, _read_array),
    0xF0: (4, _read_array),
}

_KINDS: dict[int, type] = {
    0x50: UByte,
    0x60: UShort,
    0x52: UInt,
    0x70: UInt,
    0x53: ULong,
    0x80: ULong,
    0x54: Int,
    0x71: Int,
    0x55: int,
    0x81: int,
    0x82: float,
    0x83: Timestamp,
    0x98: uuid.UUID,
    0xA0: bytes,
    0xB0: bytes,
    0xA1: str,
    0xB1: str,
    0xA3: Symbol,
    0xB3: Symbol,
}
"""Types that arrays are made of."""
