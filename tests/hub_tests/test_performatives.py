"""Performatives and frames: full length on writing, any length on reading; the real client's decoder agrees."""

from __future__ import annotations

from typing import Any

import pytest
from azure.eventhub._pyamqp._decode import decode_frame, decode_payload  # the other end's own reading of our octets
from hypothesis import given
from hypothesis import strategies as st

from tests.hub.amqp import frames
from tests.hub.amqp.encoding import encode
from tests.hub.amqp.performatives import (
    SHAPES,
    Attach,
    Begin,
    Close,
    Detach,
    Flow,
    Open,
    Transfer,
    accepted,
    failure,
    read,
    rejected,
    terminus,
    write,
)
from tests.hub.amqp.sections import (
    ANNOTATIONS,
    DATA,
    PROPERTIES,
    data_head,
    decode_message,
    encode_reply,
    section,
    symbol_keys,
)
from tests.hub.amqp.types import Array, Described, Symbol, ULong, WireError

_EXAMPLES = [
    Open("hub"),
    Begin(1, 0, 100, 100),
    Attach("link", 3, False),
    Flow(1, 100, 1, 100, 3, 0, 300),
    Transfer(3, 1, b"\x00", 0, False, True),
    Detach(3, True, failure("amqp:not-found", "No.")),
    Close(),
]


@pytest.mark.parametrize("performative", _EXAMPLES, ids=lambda value: type(value).__name__)
def test_every_field_is_written_and_the_client_sees_all(performative: Any) -> None:
    shape = SHAPES[type(performative)]
    code, fields = decode_frame(memoryview(write(performative)))
    assert code == shape.code
    assert len(fields) == len(shape.kinds) + (1 if isinstance(performative, Transfer) else 0)


@pytest.mark.parametrize("performative", _EXAMPLES, ids=lambda value: type(value).__name__)
def test_what_is_written_is_read_again(performative: Any) -> None:
    again, payload = read(write(performative) + b"payload")
    assert again == performative
    assert bytes(payload) == b"payload"


@pytest.mark.parametrize("performative", _EXAMPLES, ids=lambda value: type(value).__name__)
def test_a_peer_may_leave_out_trailing_nulls(performative: Any) -> None:
    values = [
        None if value is None else kind(value)
        for kind, value in zip(SHAPES[type(performative)].kinds, performative, strict=True)
    ]
    while values and values[-1] is None:
        values.pop()
    again, _ = read(encode(Described(ULong(SHAPES[type(performative)].code), values)))
    assert again == performative


@pytest.mark.parametrize(
    "value",
    [
        None,
        Described(ULong(0x99), []),
        Described(ULong(0x18), [None] * 2),
        Described(ULong(0x18), 1),
        Described("x", []),
    ],
    ids=repr,
)
def test_what_is_no_performative_is_refused(value: Any) -> None:
    with pytest.raises(WireError):
        read(encode(value))


@given(
    channel=st.integers(0, 0xFFFF),
    handle=st.integers(0, 0xFFFFFFFF),
    delivery=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=50),
    settled=st.booleans(),
    more=st.booleans(),
)
def test_the_quick_transfer_is_a_transfer(
    channel: int, handle: int, delivery: int, payload: bytes, settled: bool, more: bool
) -> None:
    quick = frames.transfer_head(channel, handle, delivery, len(payload), settled=settled, more=more) + payload
    head = frames.read_head(quick[: frames.HEAD])
    assert (head.size, head.kind, head.channel) == (len(quick), frames.AMQP, channel)
    again, rest = read(quick[frames.HEAD :])
    assert again == Transfer(handle, delivery, delivery.to_bytes(4, "big"), 0, settled, more)
    assert bytes(rest) == payload
    _, fields = decode_frame(memoryview(quick[frames.HEAD :]))
    assert fields[:6] == [handle, delivery, delivery.to_bytes(4, "big"), 0, settled, more]
    assert bytes(fields[11]) == payload


@pytest.mark.parametrize("octets", ["0000000702000000", "0000000801000000", "0000000803000000"])
def test_a_head_that_contradicts_itself_is_refused(octets: str) -> None:
    with pytest.raises(WireError):
        frames.read_head(bytes.fromhex(octets))


def test_no_capabilities_are_null_because_the_client_misreads_an_empty_array() -> None:
    assert read(write(Attach("link", 0, True, offered_capabilities=())))[0].offered_capabilities is None  # type: ignore[union-attr]
    kept = read(write(Attach("link", 0, True, offered_capabilities=("a", "b"))))[0]
    assert kept.offered_capabilities == Array(Symbol, (Symbol("a"), Symbol("b")))  # type: ignore[union-attr]


def test_outcomes_as_the_client_knows_them() -> None:
    message = section(0x77, accepted()) + section(0x72, {"x": rejected(failure("amqp:not-found", "No."))})
    decoded = decode_payload(memoryview(message))
    assert decoded.value == {"accepted": []}
    assert decoded.message_annotations == {b"x": {"rejected": [[b"amqp:not-found", b"No.", None]]}}


# ---------------------------------------------------------------------------------------------- messages


@given(bodies=st.lists(st.binary(max_size=400), min_size=1, max_size=4), key=st.text(max_size=20))
def test_the_sections_of_a_message_are_read_again(bodies: list[bytes], key: str) -> None:
    annotations = section(ANNOTATIONS, symbol_keys({"x-opt-partition-key": key}))
    bare = section(PROPERTIES, [None] * 13) + b"".join(data_head(len(body)) + body for body in bodies)
    message = decode_message(annotations + bare)
    assert message.annotations == {"x-opt-partition-key": key}
    assert message.data == tuple(bodies)
    assert message.bare == bare
    client = decode_payload(memoryview(annotations + bare))
    assert list(client.data or ()) == bodies


def test_a_data_section_is_the_same_with_the_head_apart() -> None:
    for body in (b"", b"x" * 255, b"x" * 256):
        assert data_head(len(body)) + body == section(DATA, body)


def test_a_reply_is_correlated_and_carries_a_status() -> None:
    message = decode_message(encode_reply("id-1", {"status-code": 200}, {"name": "agents"}))
    assert message.property(5) == "id-1"
    assert message.application == {"status-code": 200}
    assert message.value == {"name": "agents"}


@pytest.mark.parametrize("octets", [b"\x40", section(0x72, [1]), section(DATA, "text"), section(0x73, {})], ids=repr)
def test_a_malformed_message_is_refused(octets: bytes) -> None:
    with pytest.raises(WireError):
        decode_message(octets)


def test_a_terminus_tells_address_and_filters() -> None:
    source = Described(ULong(0x28), ["hub/x", None, None, None, None, None, None, {Symbol("f"): 1}])
    assert terminus(source) == ("hub/x", {"f": 1})
    assert terminus(Described(ULong(0x29), ["hub"])) == ("hub", {})
    assert terminus(None) is None
    assert terminus(Described(ULong(0x28), [])) is None
