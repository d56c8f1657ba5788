"""Laws of the codec: what is written is read again, in value and in type, and no octets make it fail otherwise."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hub.amqp.decoding import MAX_DEPTH, decode
from tests.hub.amqp.encoding import encode
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
    WireError,
)


def _whole(kind: type, bits: int, *, signed: bool) -> st.SearchStrategy[Any]:
    least = -(1 << (bits - 1)) if signed else 0
    return st.integers(least, least + (1 << bits) - 1).map(kind)


_BY_KIND: dict[type, st.SearchStrategy[Any]] = {
    UByte: _whole(UByte, 8, signed=False),
    UShort: _whole(UShort, 16, signed=False),
    UInt: _whole(UInt, 32, signed=False),
    ULong: _whole(ULong, 64, signed=False),
    Int: _whole(Int, 32, signed=True),
    int: _whole(int, 64, signed=True),
    float: st.floats(allow_nan=False),
    Timestamp: _whole(Timestamp, 64, signed=True),
    bytes: st.binary(max_size=300),
    str: st.text(max_size=100),
    Symbol: st.text(st.characters(max_codepoint=127), max_size=300).map(Symbol),
}

_NUMBERS = st.one_of(
    _whole(Byte, 8, signed=True), _whole(Short, 16, signed=True), st.floats(width=32, allow_nan=False).map(Float)
)
_SCALARS = st.one_of(st.none(), st.booleans(), st.uuids(), _NUMBERS, *_BY_KIND.values())
_ARRAYS = st.sampled_from(list(_BY_KIND)).flatmap(
    lambda kind: st.lists(_BY_KIND[kind], min_size=1, max_size=20).map(lambda items: Array(kind, tuple(items)))
)
_VALUES = st.recursive(
    st.one_of(_SCALARS, _ARRAYS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=8),
        st.dictionaries(st.text(max_size=20), inner, max_size=8),
        st.builds(Described, _BY_KIND[ULong], inner),
    ),
    max_leaves=30,
)


def _same(left: Any, right: Any) -> bool:
    """Equal in value and in type, all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(map(_same, left.values(), right.values()))
    return bool(left == right)


@given(_VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    octets = encode(value)
    read, end = decode(octets)
    assert _same(read, value)
    assert end == len(octets)


@given(_VALUES, st.binary(max_size=20), st.binary(max_size=20))
def test_a_value_is_read_from_wherever_it_stands(value: Any, before: bytes, after: bytes) -> None:
    octets = before + encode(value) + after
    read, end = decode(octets, len(before))
    assert _same(read, value)
    assert end == len(octets) - len(after)


@given(st.binary(max_size=400))
def test_no_octets_do_more_than_raise_a_wire_error(octets: bytes) -> None:
    try:
        decode(octets)
    except WireError:
        pass


@given(_VALUES, st.data())
def test_a_truncated_value_is_refused(value: Any, data: st.DataObject) -> None:
    octets = encode(value)
    length = data.draw(st.integers(0, len(octets) - 1))
    with pytest.raises(WireError):
        decode(octets[:length])


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        # Encodings of the standard's table, part 1, section 1.6.
        (None, "40"),
        (True, "41"),
        (False, "42"),
        (UInt(0), "43"),
        (UInt(255), "52ff"),
        (UInt(256), "7000000100"),
        (ULong(0), "44"),
        (ULong(0x14), "5314"),
        (-1, "55ff"),
        (1 << 40, "810000010000000000"),
        (Int(300), "710000012c"),
        (Timestamp(1), "830000000000000001"),
        (1.5, "823ff8000000000000"),
        ("\u00e9", "a102c3a9"),
        (Symbol("amqp"), "a304616d7170"),
        (b"\x00\x01", "a0020001"),
        ([], "45"),
        ([True, None], "c003024140"),
        ({"a": True}, "c10502a1016141"),
        (Described(ULong(0x24), []), "00532445"),
        (Array(Symbol, (Symbol("x"),)), "e00701b30000000178"),
    ],
)
def test_encodings_of_the_standard(value: Any, octets: str) -> None:
    assert encode(value).hex() == octets


@pytest.mark.parametrize(
    "value",
    [UByte(256), UInt(-1), Int(1 << 31), 1 << 63, Symbol("\u00e9"), object(), {1, 2}, Array(dict, ({},))],
    ids=["ubyte", "uint", "int", "long", "symbol", "object", "set", "array"],
)
def test_what_has_no_encoding_is_refused(value: Any) -> None:
    with pytest.raises(WireError):
        encode(value)


def test_large_values_use_the_wide_encodings() -> None:
    assert encode(b"x" * 256)[:5] == b"\xb0" + struct.pack(">I", 256)
    assert encode([None] * 300)[:1] == b"\xd0"
    assert _same(decode(encode([None] * 300))[0], [None] * 300)


def test_nesting_has_a_limit() -> None:
    value: Any = None
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(WireError, match="nested"):
        decode(encode(value))


def test_not_a_number_travels() -> None:
    value, _ = decode(encode(math.nan))
    assert math.isnan(value)


def test_a_map_key_must_be_a_scalar() -> None:
    with pytest.raises(WireError, match="key"):
        decode(bytes.fromhex("c103024541"))
