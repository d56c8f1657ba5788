"""The raw records behind alerts, found again in an archive, byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from detector.decode.decoded import Decoded
from detector.decode.decoder import Decoder
from detector.runtime.replay import decode_chunk
from detector.sources.chunk import Chunk
from detector.sources.files import FileSource


class RawRecord(msgspec.Struct, frozen=True):
    """One record as it lies in the archive."""

    id: str
    place: str
    """The file."""
    line: int
    """Line (or row) of the file, counted from 1; 0 where the order was changed."""
    data: bytes
    exact: bool
    """Whether `data` are the bytes of the archive; a row of a table is told as a JSON object instead."""

    @property
    def sha256(self) -> str:
        """Of `data`."""
        return hashlib.sha256(self.data).hexdigest()


class _Message(msgspec.Struct):
    """A message of several records, undecoded: as Event Hubs has it, or as a page of Microsoft Graph."""

    records: list[msgspec.Raw] = []
    value: list[msgspec.Raw] = []


_MESSAGE: Final = msgspec.json.Decoder(_Message)
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])


def raw_records(source: FileSource, decoder: Decoder, wanted: Iterable[str]) -> Iterator[RawRecord]:
    """The records of the wanted ids, each once, in the order of the archive.

    When all are found, the inputs in which they were are read to their end, so that they have a hash; others are not.

    Args:
        source: The archive.
        decoder: Recognises them as a replay does, whatever form they have.
        wanted: Record ids.
    """
    missing = set(wanted)
    places: set[str] = set()
    for chunk in source:
        if not missing:
            source.finish(places)
            continue
        if missing.isdisjoint(_ids(decode_chunk(decoder, chunk))):
            continue
        for raw, decoded in _pieces(chunk, decoder):
            for identifier in sorted(missing.intersection(_ids(decoded))):
                missing.discard(identifier)
                places.add(chunk.place)
                yield msgspec.structs.replace(raw, id=identifier)


def _ids(decoded: Decoded) -> set[str]:
    return {event.record_id for event in decoded.events}


def _pieces(chunk: Chunk, decoder: Decoder) -> Iterator[tuple[RawRecord, Decoded]]:
    """Each record of a chunk by itself."""
    if chunk.form == "rows":
        for number, row in enumerate(chunk.rows):
            raw = msgspec.json.encode(dict(row))
            yield RawRecord("", chunk.place, _line(chunk, number), raw, False), decoder.rows([row], chunk.place)
        return
    lines = chunk.data.split(b"\n") if chunk.form == "lines" else [chunk.data]
    for number, line in enumerate(lines):
        for piece in _records(line.strip()):
            yield RawRecord("", chunk.place, _line(chunk, number), piece, True), decoder.lines(piece, chunk.place)


def _line(chunk: Chunk, number: int) -> int:
    return chunk.line + number if chunk.line else 0


def _records(text: bytes) -> list[bytes]:
    """The records of a text: itself, or those of the message that it is."""
    try:
        if text.startswith(b"["):
            return [bytes(each) for each in _ARRAY.decode(text)]
        message = _MESSAGE.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return [text]
    return [bytes(each) for each in (*message.records, *message.value)] or [text]
