"""What the two ends say to each other: performatives, always in full length.

AMQP 1.0 lets a sender leave out trailing nulls of a composite. The client under test reads fields by index without
looking at the length, so this server writes every field, null or not. On reading, missing fields are null.
Field lists: OASIS AMQP 1.0, part 2 (transport), part 3 (source, target), part 5 (SASL).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, cast

from tests.hub.amqp.decoding import decode
from tests.hub.amqp.encoding import encode
from tests.hub.amqp.types import Array, Described, Symbol, UByte, UInt, ULong, UShort, Value, WireError

SENDER, RECEIVER = False, True
"""Role in an attach or a disposition."""


class Open(NamedTuple):
    """Negotiates a connection."""

    container_id: str
    hostname: str | None = None
    max_frame_size: int | None = None
    channel_max: int | None = None
    idle_time_out: int | None = None
    outgoing_locales: Value = None
    incoming_locales: Value = None
    offered_capabilities: Value = None
    desired_capabilities: Value = None
    properties: Value = None


class Begin(NamedTuple):
    """Begins a session on a channel."""

    remote_channel: int | None
    next_outgoing_id: int
    incoming_window: int
    outgoing_window: int
    handle_max: int | None = None
    offered_capabilities: Value = None
    desired_capabilities: Value = None
    properties: Value = None


class Attach(NamedTuple):
    """Attaches a link to a session."""

    name: str
    handle: int
    role: bool
    snd_settle_mode: int | None = None
    rcv_settle_mode: int | None = None
    source: Value = None
    target: Value = None
    unsettled: Value = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: Value = None
    desired_capabilities: Value = None
    properties: Value = None


class Flow(NamedTuple):
    """State of the windows of a session, and of the credit of a link if a handle is given."""

    next_incoming_id: int | None
    incoming_window: int
    next_outgoing_id: int
    outgoing_window: int
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool | None = None
    echo: bool | None = None
    properties: Value = None


class Transfer(NamedTuple):
    """A message, or a part of one; the payload follows the performative."""

    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: int | None = None
    state: Value = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


class Disposition(NamedTuple):
    """What became of deliveries."""

    role: bool
    first: int
    last: int | None = None
    settled: bool | None = None
    state: Value = None
    batchable: bool | None = None


class Detach(NamedTuple):
    """Detaches a link; `closed` says for good."""

    handle: int
    closed: bool | None = None
    error: Value = None


class End(NamedTuple):
    """Ends a session."""

    error: Value = None


class Close(NamedTuple):
    """Closes a connection."""

    error: Value = None


class SaslMechanisms(NamedTuple):
    """Mechanisms that the server offers."""

    mechanisms: Value


class SaslInit(NamedTuple):
    """The mechanism that the client chose."""

    mechanism: str
    initial_response: bytes | None = None
    hostname: str | None = None


class SaslOutcome(NamedTuple):
    """0 is success, 1 is wrong credentials."""

    code: int
    additional_data: bytes | None = None


Performative = (
    Open
    | Begin
    | Attach
    | Flow
    | Transfer
    | Disposition
    | Detach
    | End
    | Close
    | SaslMechanisms
    | SaslInit
    | SaslOutcome
)

Kind = Callable[[Any], Value]


def _as_is(value: Value) -> Value:
    return value


def _symbols(names: Iterable[str] | Array | Symbol) -> Value:
    """A field that may hold several symbols: an array, or as it came.

    None at all is null: the client under test misreads an array without elements.
    """
    if isinstance(names, Array | Symbol):
        return names
    symbols = tuple(map(Symbol, names))
    return Array(Symbol, symbols) if symbols else None


def _fields(properties: dict[str, Value]) -> dict[Symbol, Value]:
    return {Symbol(name): value for name, value in properties.items()}


class Shape(NamedTuple):
    """How a performative is written: its descriptor, and the type of each field."""

    code: int
    kinds: tuple[Kind, ...]


SHAPES: dict[type, Shape] = {
    Open: Shape(0x10, (str, str, UInt, UShort, UInt, _symbols, _symbols, _symbols, _symbols, _fields)),
    Begin: Shape(0x11, (UShort, UInt, UInt, UInt, UInt, _symbols, _symbols, _fields)),
    Attach: Shape(
        0x12,
        (str, UInt, bool, UByte, UByte, _as_is, _as_is, _as_is, bool, UInt, ULong, _symbols, _symbols, _fields),
    ),
    Flow: Shape(0x13, (UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt, bool, bool, _fields)),
    Transfer: Shape(0x14, (UInt, UInt, bytes, UInt, bool, bool, UByte, _as_is, bool, bool, bool)),
    Disposition: Shape(0x15, (bool, UInt, UInt, bool, _as_is, bool)),
    Detach: Shape(0x16, (UInt, bool, _as_is)),
    End: Shape(0x17, (_as_is,)),
    Close: Shape(0x18, (_as_is,)),
    SaslMechanisms: Shape(0x40, (_symbols,)),
    SaslInit: Shape(0x41, (Symbol, bytes, str)),
    SaslOutcome: Shape(0x44, (UByte, bytes)),
}

_BY_CODE: dict[int, type] = {shape.code: kind for kind, shape in SHAPES.items()}


def write(performative: Performative) -> bytes:
    """The performative with every field, also the trailing null ones."""
    shape = SHAPES[type(performative)]
    values = [None if value is None else kind(value) for kind, value in zip(shape.kinds, performative, strict=True)]
    return encode(Described(ULong(shape.code), values))


def read(body: bytes | memoryview) -> tuple[Performative, memoryview]:
    """The performative at the head of a frame body, and the payload after it.

    Raises:
        WireError: Not a performative that this server knows, or too many fields, or a mandatory one missing.
    """
    described, position = decode(body)
    if not isinstance(described, Described) or not isinstance(described.value, list):
        raise WireError("a frame body that is no performative")
    kind = _BY_CODE.get(described.descriptor) if isinstance(described.descriptor, int) else None
    if kind is None:
        raise WireError(f"unknown performative {described.descriptor!r}")
    width = len(SHAPES[kind].kinds)
    if len(described.value) > width:
        raise WireError(f"{kind.__name__} with {len(described.value)} fields, it has {width}")
    padded = described.value + [None] * (width - len(described.value))
    return cast(Performative, kind(*padded)), memoryview(body)[position:]


# ------------------------------------------------------------------------------------------- composites


class Terminus(NamedTuple):
    """Source or target of a link, as far as this server reads it."""

    address: str
    filters: dict[str, Value]


def terminus(value: Value) -> Terminus | None:
    """Address and filters of a source (0x28) or target (0x29); nothing if the field is null or of another kind."""
    if not isinstance(value, Described) or value.descriptor not in {0x28, 0x29} or not value.value:
        return None
    fields = value.value
    address = fields[0]
    filters = fields[7] if value.descriptor == 0x28 and len(fields) > 7 and isinstance(fields[7], dict) else {}
    return Terminus(address if isinstance(address, str) else "", {str(name): item for name, item in filters.items()})


def failure(condition: str, description: str) -> Described:
    """An error: its condition and a sentence (part 2, section 2.8.14)."""
    return Described(ULong(0x1D), [Symbol(condition), description, None])


def accepted() -> Described:
    """The outcome of a delivery that was taken."""
    return Described(ULong(0x24), [])


def rejected(error: Described) -> Described:
    """The outcome of a delivery that was refused, with the reason."""
    return Described(ULong(0x25), [error])
