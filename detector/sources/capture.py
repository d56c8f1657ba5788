"""Event Hubs Capture: Avro object container files, one row for each message that the hub took in.

Format: https://avro.apache.org/docs/1.11.1/specification/#object-container-files. The container is taken apart here and
not by the library, which unpacks a block whatever size that gives; a row is read by the library, with the schema that
the file brings along. A message is the column `Body`:
https://learn.microsoft.com/azure/event-hubs/explore-captured-avro-files.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from detector.errors import SourceError
from detector.sources.chunk import Chunk
from detector.sources.streams import AVRO

_SYNC: Final = 16
_LONGEST_HEAD: Final = 2**20
_LONGEST_BLOCK: Final = 64 * 2**20
"""Bytes of a block, unpacked or not; the hub writes blocks of at most a few MiB."""
_LONGEST_NUMBER: Final = 10
"""Bytes of a 64-bit number in Avro's variable length."""
_DAMAGED: Final = "The Avro file is damaged here; messages before were read. Copy it again."
_CUT_OFF: Final = "The Avro file is cut off; messages before were read. Copy it again."
_OTHER: Final = "This Avro file is not of Event Hubs Capture: it has no column Body. Export its records as JSON lines."


def captured_messages(blocks: Iterator[bytes], place: str, max_message: int) -> Iterator[Chunk]:
    """The messages of a file, one to a chunk; empty ones are left out.

    Raises:
        SourceError: The file is damaged, cut off, or none of Event Hubs Capture.
    """
    text = _Text(blocks, place)
    read_row, codec, sync = _head(text, place)
    number = 0
    while not text.ended:
        rows, size = text.number(), text.number()
        if not 0 <= rows <= _LONGEST_BLOCK or not 0 <= size <= _LONGEST_BLOCK:
            raise SourceError(place, _DAMAGED)
        data = text.take(size)
        if text.take(_SYNC) != sync:
            raise SourceError(place, _DAMAGED)
        block = io.BytesIO(_unpacked(data, codec, place))
        for _ in range(rows):
            number += 1
            body = _body(read_row, block, place)
            if len(body) > max_message:
                raise SourceError(place, f"Message {number:,} is longer than {max_message:,} bytes.")
            if body:
                yield Chunk(body, place, "body")


class _Row:
    """Reads rows of one schema."""

    def __init__(self, schema: object, place: str) -> None:
        import fastavro

        self._read: Final[Any] = fastavro.schemaless_reader
        try:
            self._schema: Final = fastavro.parse_schema(schema)  # type: ignore[arg-type] # refused there if unfit
        except Exception:  # noqa: BLE001 -- whatever the library says of a foreign schema
            raise SourceError(place, _OTHER) from None

    def __call__(self, block: io.BytesIO) -> Any:  # noqa: ANN401 -- what the schema says
        return self._read(block, self._schema, None)


def _head(text: _Text, place: str) -> tuple[_Row, str, bytes]:
    """How rows are read, how blocks are packed, and what stands behind each block."""
    if text.take(len(AVRO)) != AVRO:
        raise SourceError(place, _DAMAGED)
    members = _members(text, place)
    codec = members.get("avro.codec", b"null").decode("ascii", "replace") or "null"
    if codec not in ("null", "deflate"):
        raise SourceError(place, "The Avro file is packed in a way that Event Hubs Capture does not use.")
    try:
        schema = orjson.loads(members.get("avro.schema", b""))
    except orjson.JSONDecodeError:
        raise SourceError(place, _DAMAGED) from None
    fields = schema.get("fields") if isinstance(schema, dict) else None
    names = [each.get("name") for each in fields if isinstance(each, dict)] if isinstance(fields, list) else []
    if "Body" not in names:
        raise SourceError(place, _OTHER)
    return _Row(schema, place), codec, text.take(_SYNC)


def _members(text: _Text, place: str) -> Mapping[str, bytes]:
    """The map of metadata."""
    members: dict[str, bytes] = {}
    left = _LONGEST_HEAD
    while count := text.number():
        if count < 0:
            text.number()  # bytes of the part that follows, for those who skip it
        for _ in range(abs(count)):
            pair = []
            for _ in range(2):
                size = text.number()
                left -= size + 1
                if size < 0 or left < 0:
                    raise SourceError(place, _DAMAGED)
                pair.append(text.take(size))
            members[pair[0].decode("utf-8", "replace")] = pair[1]
    return members


def _unpacked(data: bytes, codec: str, place: str) -> bytes:
    if codec == "null":
        return data
    unpack = zlib.decompressobj(-15)
    try:
        block = unpack.decompress(data, _LONGEST_BLOCK)
    except zlib.error:
        raise SourceError(place, _DAMAGED) from None
    if not unpack.eof:
        raise SourceError(place, _DAMAGED)
    return block


def _body(read_row: _Row, block: io.BytesIO, place: str) -> bytes:
    try:
        body = read_row(block)["Body"]
    except Exception:  # noqa: BLE001 -- the library raises whatever comes of damaged bytes
        raise SourceError(place, _DAMAGED) from None
    if body is None:
        return b""
    if not isinstance(body, bytes):
        raise SourceError(place, _OTHER)
    return body


class _Text:
    """Bytes that come in blocks, taken in pieces."""

    def __init__(self, blocks: Iterator[bytes], place: str) -> None:
        self._blocks: Final = blocks
        self._place: Final = place
        self._held = bytearray()

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return not self._holds(1)

    def take(self, size: int) -> bytes:
        """The next bytes."""
        if not self._holds(size):
            raise SourceError(self._place, _CUT_OFF)
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    def number(self) -> int:
        """The next number: seven bits a byte, the lowest first, signs alternating (zig-zag)."""
        value = 0
        for at in range(_LONGEST_NUMBER):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * at
            if byte < 0x80:
                return value >> 1 ^ -(value & 1)
        raise SourceError(self._place, _DAMAGED)

    def _holds(self, size: int) -> bool:
        while len(self._held) < size:
            block = next(self._blocks, None)
            if block is None:
                return False
            self._held += block
        return True
