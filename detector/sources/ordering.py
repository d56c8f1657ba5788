"""Records of many inputs in one order of event time.

A file whose records are about in order streams by; its chunks are cut only where another file's records belong
between. A file in any other order (newest first, as Graph and Log Analytics export) is sorted in memory, within a
bound. So the merge is exact for sorted inputs, and adds no lateness to that which the inputs have themselves: a
record is as far behind the newest one as it is in its own file, and no further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from math import inf
from typing import Final

from detector.errors import SourceError
from detector.sources.chunk import CHUNK_BYTES, Chunk
from detector.sources.documents import elements
from detector.sources.instants import Glance, row_time, time_of
from detector.sources.tables import ROWS

_FEW: Final = 0.1
"""Share of records behind their time up to which an input is taken to be in order."""

_OUTLIER: Final = 86400.0
"""Seconds by which a record must be ahead of its neighbours for its time to be disbelieved."""

Record = bytes | Mapping[str, str]
Timed = tuple[float, Record]


def records_of(chunk: Chunk) -> list[Record]:
    """The records of a chunk, one by one; a message that cannot be cut stays whole."""
    if chunk.form == "rows":
        return list(chunk.rows)
    if chunk.form == "body":
        found = elements(chunk.data)
        return list(found) if found else [chunk.data]
    return [line for line in chunk.data.split(b"\n") if line.strip()]


def times_of(records: Sequence[Record], before: float) -> list[float]:
    """Event times of records; one without a time has that of the record before it."""
    times = []
    for record in records:
        time = time_of(record) if isinstance(record, bytes) else row_time(record)
        if time is not None:
            before = time
        times.append(before)
    return times


def packed(records: Sequence[Record], place: str) -> Iterator[Chunk]:
    """Records as chunks again, in their order."""
    rows = [record for record in records if not isinstance(record, bytes)]
    for start in range(0, len(rows), ROWS):
        yield Chunk(b"", place, "rows", rows=rows[start : start + ROWS])
    lines: list[bytes] = []
    size = 0
    for record in records:
        if isinstance(record, bytes):
            lines.append(record)
            size += len(record)
            if size >= CHUNK_BYTES:
                yield Chunk(b"\n".join(lines), place, "lines")
                lines, size = [], 0
    if lines:
        yield Chunk(b"\n".join(lines), place, "lines")


def in_order(times: Sequence[float], lateness: float) -> bool:
    """Whether few times lie further behind their predecessors than a record may be late.

    A few do in every capture of a stream: what was delivered late once must not make a long file be sorted.
    """
    latest, behind = -inf, 0
    for time in times:
        if time < latest - lateness:
            behind += 1
        latest = max(latest, time)
    return behind <= len(times) * _FEW


class Room:
    """Memory for sorting, shared by all inputs that need it."""

    def __init__(self, size: int) -> None:
        self.size: Final = size
        self.used = 0

    def take(self, size: int, place: str) -> None:
        """Reserves some bytes; raises `SourceError` when there are too few."""
        self.used += size
        if self.used > self.size:
            raise SourceError(
                place,
                f"The records are not in order of time, and sorting them would take more than "
                f"{self.size / 2**20:,.0f} MiB. Sort the file by event time, or split it into files of a day each.",
            )


def in_sorted_order(chunks: Iterator[Chunk], place: str, room: Room) -> Iterator[Chunk]:
    """All records of an input, sorted by event time in memory; records of equal times keep their order."""
    timed: list[Timed] = []
    taken, before = 0, -inf
    for chunk in chunks:
        if chunk.form == "refused":
            yield chunk
            continue
        records = records_of(chunk)
        size = sum(len(r) if isinstance(r, bytes) else sum(map(len, r.values())) + 100 * len(r) for r in records)
        taken += size
        room.take(size, place)
        times = times_of(records, before)
        before = times[-1] if times else before
        timed.extend(zip(times, records, strict=True))
    timed.sort(key=lambda pair: pair[0])
    yield from packed([record for _, record in timed], place)
    room.used -= taken


class Feed:
    """The chunks of one input, cut where the merge needs it.

    Args:
        place: The name of the input.
        start: Event time of about its first record; `-inf` where that is not known.
        chunks: Opens it.
    """

    def __init__(self, place: str, start: float, chunks: Callable[[], Iterator[Chunk]]) -> None:
        self.place = place
        self.key = start
        """Event time of the next record; before the input is opened, about that of the first."""
        self._open = chunks
        self._chunks: Iterator[Chunk] | None = None
        self._chunk: Chunk | None = None
        self._records: list[Record] = []
        """What is left of `_chunk` once it was cut, and `_keys`, by which they wait for other inputs."""
        self._keys: list[float] = []
        self._whole = False
        """Whether nothing was taken from `_records` yet."""
        self._last = -inf
        """About the last time in `_chunk`."""
        self._glance = Glance()

    def take(self, limit: float) -> Iterator[Chunk]:
        """What comes before the other inputs, which have nothing before `limit`; raises what the input raises."""
        if self._chunks is None:
            self._chunks = self._open()
            self._advance()
            if self._chunk is None or self.key > limit:
                return
        chunk = self._chunk
        if chunk is None:
            return
        if not self._records:
            if chunk.form == "refused" or self._last + _OUTLIER < limit:
                yield chunk
                self._advance()
                return
            self._cut(chunk)
        count = next((at for at, key in enumerate(self._keys) if key > limit), len(self._keys))
        if self._whole and count == len(self._keys):
            yield chunk
        else:
            yield from packed(self._records[:count], chunk.place)
        self._whole = False
        del self._records[:count], self._keys[:count]
        if self._keys:
            self.key = self._keys[0]
        else:
            self._advance()

    def rest(self) -> Iterator[Chunk]:
        """Everything that is left, without looking at times: for the last input that has something to give."""
        if self._chunks is None:
            self._chunks = self._open()
        elif self._chunk is not None:
            if self._records and not self._whole:
                yield from packed(self._records, self._chunk.place)
            else:
                yield self._chunk
        self._chunk = None
        yield from self._chunks

    @property
    def ended(self) -> bool:
        """Whether everything was taken."""
        return self._chunks is not None and self._chunk is None

    def _advance(self) -> None:
        assert self._chunks is not None
        self._records, self._keys = [], []
        self._chunk = next(self._chunks, None)
        if self._chunk is not None:
            self.key, self._last = self._bounds(self._chunk)

    def _bounds(self, chunk: Chunk) -> tuple[float, float]:
        """The time by which a chunk waits, and about its greatest one."""
        if chunk.form == "rows":
            first, last = (row_time(chunk.rows[at]) for at in (0, -1))
        else:
            first, last = self._glance.first(chunk.data), self._glance.last(chunk.data)
        first = self.key if first is None else first
        last = first if last is None else last
        return (last if first > last + _OUTLIER else first), max(first, last)

    def _cut(self, chunk: Chunk) -> None:
        """Records and their keys: their times, except that one far in the future does not hold up those behind it."""
        self._records = records_of(chunk)
        times = times_of(self._records, self.key)
        before = self.key
        for at in range(len(times) - 1):
            if times[at] > times[at + 1] + _OUTLIER and times[at + 1] > before - _OUTLIER:
                times[at] = before
            before = times[at]
        self._keys = times
        self._whole = True


def merged(feeds: Sequence[Feed], failed: Callable[[str, Exception], None]) -> Iterator[Chunk]:
    """All chunks in order of event time; at equal times in the order of `feeds`.

    An input that cannot be read (any further) is told to `failed`; the others go on.
    """
    heap = [(feed.key, number) for number, feed in enumerate(feeds)]
    heapify(heap)
    while heap:
        _, number = heappop(heap)
        feed = feeds[number]
        try:
            yield from feed.take(heap[0][0]) if heap else feed.rest()
        except (SourceError, OSError) as error:
            failed(feed.place, error)
            continue
        if not feed.ended:
            heappush(heap, (feed.key, number))
