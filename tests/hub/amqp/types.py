"""The AMQP 1.0 type system: the values that Python does not tell apart (OASIS AMQP 1.0, part 1, section 1.6).

A plain Python value stands for the type that carries it most naturally: `int` is long, `float` is double, `str` is
string, `bytes` is binary, `list` is list, `dict` is map. Types that Python does not tell apart have a class of their
own here, which compares equal to the plain value, so that readers need not care.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class WireError(ValueError):
    """The bytes, or the value, are not AMQP 1.0 as this server speaks it."""


class UByte(int):
    """Unsigned, 8 bits."""


class UShort(int):
    """Unsigned, 16 bits."""


class UInt(int):
    """Unsigned, 32 bits."""


class ULong(int):
    """Unsigned, 64 bits."""


class Byte(int):
    """Signed, 8 bits."""


class Short(int):
    """Signed, 16 bits."""


class Int(int):
    """Signed, 32 bits."""


class Timestamp(int):
    """Milliseconds since the epoch, UTC."""


class Float(float):
    """Binary floating point, 32 bits."""


class Symbol(str):
    """A name out of a fixed vocabulary, ASCII."""

    __slots__ = ()


class Described(NamedTuple):
    """A value with a descriptor that says what it means."""

    descriptor: Any
    value: Any


class Array(NamedTuple):
    """Values of one type, without a constructor each."""

    kind: type
    items: tuple[Any, ...]


Value = Any
"""Any AMQP value in its Python form."""
