"""Frames and protocol headers (OASIS AMQP 1.0, part 2, sections 2.2 and 2.3)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from tests.hub.amqp.performatives import Performative, write
from tests.hub.amqp.types import WireError

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
TLS_HEADER = b"AMQP\x02\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"

AMQP, SASL = 0, 1
"""Types of frames."""

HEAD = 8
"""Octets of the head of every frame."""

EMPTY = b"\x00\x00\x00\x08\x02\x00\x00\x00"
"""A frame without a body keeps a connection alive."""

MIN_MAX_FRAME_SIZE = 512

_HEAD = struct.Struct(">IBBH")
_TRANSFER = struct.Struct(">IBBH4sBBBIBIBB4sBBB5s")
TRANSFER_OVERHEAD = _TRANSFER.size
"""Octets of a transfer frame besides its payload."""

_NULL, _TRUE, _FALSE, _UINT, _UINT_ZERO, _BINARY = 0x40, 0x41, 0x42, 0x70, 0x43, 0xA0
_FIELDS = 11


class Head(NamedTuple):
    """Head of a frame."""

    size: int
    kind: int
    channel: int
    skip: int
    """Octets of extended header before the body."""


def frame(channel: int, performative: Performative, payload: bytes = b"", *, kind: int = AMQP) -> bytes:
    """A frame that carries a performative, and a payload after it."""
    body = write(performative)
    return _HEAD.pack(HEAD + len(body) + len(payload), 2, kind, channel) + body + payload


def transfer_head(channel: int, handle: int, delivery: int, size: int, *, settled: bool, more: bool) -> bytes:
    """Head and performative of a transfer frame for a payload of that size, every field written.

    The same octets as `frame(channel, Transfer(...))`, without building the values: this is the hot path. The delivery
    tag is the delivery's number.
    """
    return _TRANSFER.pack(
        TRANSFER_OVERHEAD + size, 2, AMQP, channel,
        b"\x00\x53\x14\xc0", TRANSFER_OVERHEAD - HEAD - 5, _FIELDS,
        _UINT, handle,
        _UINT, delivery,
        _BINARY, 4, delivery.to_bytes(4, "big"),
        _UINT_ZERO,
        _TRUE if settled else _FALSE,
        _TRUE if more else _FALSE,
        bytes((_NULL,)) * 5,
    )  # fmt: skip


def read_head(octets: bytes) -> Head:
    """Head of a frame.

    Raises:
        WireError: Shorter than its own head.
    """
    size, offset, kind, channel = _HEAD.unpack(octets)
    if size < HEAD or offset < 2 or offset * 4 > size:
        raise WireError(f"a frame of {size} octets with its body at {offset * 4}")
    return Head(size, kind, channel, offset * 4 - HEAD)
