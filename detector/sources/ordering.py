"""Records of many inputs in one order of event time.

A file whose records are about in order streams by; its chunks are cut only where another file's records belong
between. A file in any other order (newest first, as Graph and Log Analytics export) is sorted, see
`detector.sources.sorting`. So the merge is exact for sorted inputs, and adds no lateness to that which the inputs have
themselves: a record is as far behind the newest one as it is in its own file, and no further (than a tolerance, where
one is allowed).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from math import inf
from typing import Final

import msgspec

from detector.errors import SourceError
from detector.sources.chunk import CHUNK_BYTES, Chunk
from detector.sources.documents import elements
from detector.sources.instants import Glance, row_time, time_of
from detector.sources.tables import ROWS

FEW: Final = 0.1
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


def in_order(times: Sequence[float], lateness: float, few: float = FEW) -> bool:
    """Whether few times lie further behind their predecessors than a record may be late.

    A few do in every capture of a stream: what was delivered late once must not make a long file be sorted. `few` is
    the share that is suffered.
    """
    latest, behind = -inf, 0
    for time in times:
        if time < latest - lateness:
            behind += 1
        latest = max(latest, time)
    return behind <= len(times) * few


class FeedPosition(msgspec.Struct, frozen=True):
    """How far one input was taken."""

    opened: bool = False
    ended: bool = False
    chunks: int = 0
    """Chunks taken whole."""
    records: int = 0
    """Records taken of the chunk behind them, which was cut."""
    key: float = -inf
    """See `Feed.key`."""


class Feed:
    """The chunks of one input, cut where the merge needs it.

    Args:
        place: The name of the input.
        start: Event time of about its first record; `-inf` where that is not known.
        chunks: Opens it. It must give the same chunks each time.
        position: How far it was taken before; what is behind follows exactly as it would have then.
    """

    __slots__ = (
        "_chunk",
        "_chunks",
        "_failure",
        "_glance",
        "_keys",
        "_last",
        "_number",
        "_open",
        "_position",
        "_records",
        "_removed",
        "earliest",
        "ended",
        "key",
        "latest",
        "place",
    )

    def __init__(
        self, place: str, start: float, chunks: Callable[[], Iterator[Chunk]], position: FeedPosition | None = None
    ) -> None:
        self.place = place
        self.key = start
        """Event time of the next record; before the input is opened, about that of the first."""
        self.earliest = inf
        """About the least event time so far."""
        self.latest = -inf
        """About the greatest event time so far."""
        self.ended = False
        """Whether everything was taken."""
        self._open = chunks
        self._chunks: Iterator[Chunk] | None = None
        self._chunk: Chunk | None = None
        self._number = -1
        """Of `_chunk`, from 0."""
        self._records: list[Record] = []
        """What is left of `_chunk` once it was cut, and `_keys`, by which they wait for other inputs."""
        self._keys: list[float] = []
        self._removed = 0
        """Records taken from `_chunk`."""
        self._last = -inf
        """About the last time in `_chunk`."""
        self._glance: Glance | None = None
        self._failure: SourceError | OSError | None = None
        self._position = position
        if position is not None:
            self.key, self.ended = position.key, position.ended

    @property
    def position(self) -> FeedPosition:
        """How far it was taken."""
        if self._position is not None:
            return self._position
        opened = self._chunks is not None
        return FeedPosition(opened, self.ended, max(self._number, 0), self._removed, self.key)

    def restore(self) -> None:
        """Goes to the position that it was given; raises what the input raises."""
        position, self._position = self._position, None
        if position is None or position.ended or not position.opened:
            return
        self._chunks = self._open()
        while self._number < position.chunks and self._failure is None and not self.ended:
            self._advance()
        if self.ended:
            raise SourceError(self.place, "It has become shorter since the replay was interrupted. Begin anew.")
        if position.records and self._chunk is not None:
            self._cut(self._chunk)
            self._remove(position.records)
        self.key = position.key

    def take(self, limit: float, tolerance: float = 0.0) -> list[Chunk]:
        """What comes before the other inputs, which have nothing before `limit`; raises what the input raises.

        Args:
            limit: Event time, seconds since the epoch, UTC.
            tolerance: Seconds beyond `limit` up to which records may be taken too, so that less is cut.
        """
        if self._failure is not None:
            raise self._failure
        if self._chunks is None:
            self._chunks = self._open()
            self._advance()
            if self._chunk is None or self.key > limit:
                return []
        chunk = self._chunk
        if chunk is None:
            return []
        if not self._records:
            if chunk.form == "refused" or self._last <= limit + (tolerance or -_OUTLIER):
                self._advance()
                return [chunk]
            self._cut(chunk)
        count = next((at for at, key in enumerate(self._keys) if key > limit + tolerance), len(self._keys))
        if not self._removed and count == len(self._keys):
            taken = [chunk]
        else:
            taken = list(packed(self._records[:count], chunk.place))
        self._remove(count)
        return taken

    def _remove(self, count: int) -> None:
        del self._records[:count], self._keys[:count]
        self._removed += count
        if self._keys:
            self.key = self._keys[0]
        else:
            self._advance()

    def _advance(self) -> None:
        """The next chunk. What goes wrong is raised by the next `take`: what was read before comes first."""
        assert self._chunks is not None
        self._records, self._keys, self._removed = [], [], 0
        self._number += 1
        try:
            self._chunk = next(self._chunks, None)
        except (SourceError, OSError) as error:
            self._chunk, self._failure = None, error
            return
        if self._chunk is None:
            self.ended, self._glance = True, None
        else:
            self.key, self._last = self._bounds(self._chunk)
            if self.key > -inf:
                self.earliest = min(self.earliest, self.key)
                self.latest = max(self.latest, self._last)

    def _bounds(self, chunk: Chunk) -> tuple[float, float]:
        """The time by which a chunk waits, and about its greatest one."""
        if self._glance is None:
            self._glance = Glance()
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


class MergePosition(msgspec.Struct):
    """How far a merge has come; what follows is the same as without an interruption."""

    feeds: dict[str, FeedPosition] = {}
    """By place."""


class Merge:
    """All chunks in order of event time; at equal times in the order of `feeds`.

    Cutting chunks where another input's records belong between costs much when inputs of equal density lie side by
    side. So chunks may be out of place by `tolerance`, which should be a small part of the lateness that the engine
    allows: a record that needs all of that counts as late.

    Args:
        feeds: The inputs, each with a name of its own.
        failed: Told of an input that cannot be read (any further); the others go on.
        tolerance: Seconds; 0 merges exactly.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        failed: Callable[[str, Exception], None],
        tolerance: float = 0.0,
    ) -> None:
        self.feeds = feeds
        self.only: Collection[str] | None = None
        """Places of the feeds that are read on; all by default."""
        self._failed = failed
        self._tolerance = tolerance

    @property
    def position(self) -> MergePosition:
        """How far it has come: behind the turn that was given last."""
        return MergePosition({feed.place: feed.position for feed in self.feeds})

    def turns(self) -> Iterator[list[Chunk]]:
        """The chunks, turn by turn of the inputs; some turns are empty."""
        heap = []
        for number, feed in enumerate(self.feeds):
            if self._restored(feed):
                heap.append((feed.key, number))
        heapify(heap)
        while heap:
            _, number = heappop(heap)
            feed = self.feeds[number]
            if self.only is not None and feed.place not in self.only:
                continue
            try:
                turn = feed.take(heap[0][0] if heap else inf, self._tolerance)
            except (SourceError, OSError) as error:
                feed.ended = True
                self._failed(feed.place, error)
                continue
            if not feed.ended:
                heappush(heap, (feed.key, number))
            yield turn

    def _restored(self, feed: Feed) -> bool:
        try:
            feed.restore()
        except (SourceError, OSError) as error:
            feed.ended = True
            self._failed(feed.place, error)
        return not feed.ended
