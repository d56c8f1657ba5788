"""Inputs that are out of order, sorted by event time: in memory, and beyond a bound in runs on the disk."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from operator import itemgetter
from tempfile import TemporaryFile
from typing import IO, Final

import msgspec

from detector.errors import SourceError
from detector.sources.chunk import CHUNK_BYTES, Chunk
from detector.sources.ordering import Record, Timed, packed, records_of, times_of

_LEAST_RUN: Final = 4 * 2**20
"""Bytes that an input may hold even when others have taken all the room, so that runs do not become too many."""
_OVERHEAD: Final = 100
"""Bytes that a record costs besides its own, roughly."""
_LENGTH: Final = 4
_BUFFER: Final = 64 * 2**10
_TIME: Final = itemgetter(0)
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(tuple[float, bytes | dict[str, str]])


class Room:
    """Memory for sorting, shared by all inputs that need it.

    Args:
        size: Bytes.
        folder: Where runs go that do not fit; the system's folder for temporary files by default.
    """

    def __init__(self, size: int, folder: str | None = None) -> None:
        self.size: Final = size
        self.folder: Final = folder
        self.used = 0


def in_sorted_order(chunks: Iterator[Chunk], place: str, room: Room) -> Iterator[Chunk]:
    """All records of an input, sorted by event time; records of equal times keep their order.

    Raises:
        SourceError: What the input raises, behind the records before it; or the disk has no room for what does not fit
            in memory.
    """
    runs: list[IO[bytes]] = []
    timed: list[Timed] = []
    held, before = 0, float("-inf")
    failure: list[SourceError | OSError] = []
    try:
        for chunk in _until_failure(chunks, failure):
            if chunk.form == "refused":
                yield chunk
                continue
            records = records_of(chunk)
            size = sum(map(_size, records))
            if held + size > max(room.size - room.used + held, _LEAST_RUN) and timed:
                runs.append(_spilled(timed, place, room.folder))
                room.used -= held
                timed, held = [], 0
            held += size
            room.used += size
            times = times_of(records, before)
            before = times[-1] if times else before
            timed.extend(zip(times, records, strict=True))
        timed.sort(key=_TIME)
        if not runs:
            yield from packed([record for _, record in timed], place)
        else:
            # Ties go to the earlier run: equal times keep the order of the input.
            yield from _repacked(heapq.merge(*map(_unspilled, runs), timed, key=_TIME), place)
        if failure:
            raise failure[0]
    finally:
        room.used -= held
        for run in runs:
            run.close()


def _until_failure(chunks: Iterator[Chunk], failure: list[SourceError | OSError]) -> Iterator[Chunk]:
    """The chunks before the first that cannot be read; what went wrong is put by."""
    try:
        yield from chunks
    except (SourceError, OSError) as error:
        failure.append(error)


def _size(record: Record) -> int:
    if isinstance(record, bytes):
        return len(record) + _OVERHEAD
    return sum(map(len, record.values())) + _OVERHEAD * len(record)


def _spilled(timed: list[Timed], place: str, folder: str | None) -> IO[bytes]:
    """A file without a name that holds the records sorted; it is gone when it is closed, or the process dies."""
    timed.sort(key=_TIME)
    try:
        run = TemporaryFile(buffering=_BUFFER, dir=folder)  # noqa: SIM115 -- read, later, and closed by the caller
        for pair in timed:
            data = _ENCODER.encode(pair)
            run.write(len(data).to_bytes(_LENGTH, "little"))
            run.write(data)
        run.seek(0)
    except OSError as error:
        raise SourceError(
            place,
            f"The records are not in order of time, and there is no room on the disk to sort them ({error.strerror}). "
            "Set TMPDIR to a folder with room, or split the file.",
        ) from None
    return run


def _unspilled(run: IO[bytes]) -> Iterator[Timed]:
    while length := run.read(_LENGTH):
        yield _DECODER.decode(run.read(int.from_bytes(length, "little")))


def _repacked(timed: Iterator[Timed], place: str) -> Iterator[Chunk]:
    records: list[Record] = []
    size = 0
    for _, record in timed:
        records.append(record)
        size += _size(record)
        if size >= CHUNK_BYTES:
            yield from packed(records, place)
            records, size = [], 0
    yield from packed(records, place)
