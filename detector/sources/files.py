"""Records at rest: files, directories, archives and pipes, in one order of event time.

Every file is looked at first: what it is packed in, which form it has, and whether its records are about in order
of event time. For that the head of a file is read, and of an unpacked file of JSON lines some samples as well; what is
disordered beyond that shows as late records, and `FileSource.disordered` names the file.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import BinaryIO, Final

from detector.errors import SourceError
from detector.sources.chunk import MAX_LINE_BYTES, Chunk, FileFailure
from detector.sources.documents import document_records
from detector.sources.instants import Glance
from detector.sources.lines import message_lines, record_lines
from detector.sources.ordering import Feed, Room, in_order, in_sorted_order, merged, records_of, times_of
from detector.sources.paths import Found
from detector.sources.sniff import Kind, enough, kind_of
from detector.sources.streams import Input, sample
from detector.sources.tables import table_rows

SAMPLES: Final = 64
_HEAD_BYTES: Final = 128 * 2**10
_SAMPLE_BYTES: Final = 16 * 2**10
_WATCH_BYTES: Final = 256 * 2**10
"""How many bytes pass between two looks at whether an input is in order."""
FOREIGN: Final = (
    "This is neither JSON nor a CSV export with a time column. Give records as JSON lines, JSON or CSV, "
    "plain or packed with gzip or zstd."
)


@dataclass(slots=True)
class _Plan:
    """What is known of one input before its records are read."""

    input: Input
    kind: Kind
    start: float
    """Event time of about the first record in order; `-inf` where that is not known."""
    ordered: bool


class FileSource:
    """The records of files, directories, patterns and standard input (`-`), undecoded, in order of event time.

    Iterate over it once. An input that cannot be read is listed in `failures`; the others are read on.

    Args:
        paths: What to read.
        stdin: What `-` stands for.
        lateness: Seconds that a record may stand behind its successors, as the engine allows.
        max_line_bytes: Longest line or element held in memory; longer ones are refused.
        max_sort_bytes: How much may be held in memory of inputs that must be sorted, unpacked, all together.
        exclude: Files to leave out of directories.
        sort: Sort every input in memory, whatever order its beginning seems to have.
    """

    def __init__(
        self,
        paths: Sequence[str],
        *,
        stdin: BinaryIO | None = None,
        lateness: float = 1200.0,
        max_line_bytes: int = MAX_LINE_BYTES,
        max_sort_bytes: int = 2**30,
        exclude: Collection[str] = (),
        sort: bool = False,
    ) -> None:
        found = Found(paths, exclude)
        self.paths: Final = tuple(found.files)
        self.ignored: Final = tuple(found.ignored)
        """Files in directories that are left alone because of their ending."""
        self.failures: Final = found.failures
        self.disordered: Final[dict[str, int]] = {}
        """Inputs that turned out to be out of order while they streamed by, and how often that was seen."""
        self.sorted_inputs: Final[list[str]] = []
        """Inputs that were sorted in memory."""
        self.bytes_done = 0
        """Bytes read so far, as they lie on the disk."""
        self._stdin = stdin
        self._lateness = lateness
        self._max_line = max_line_bytes
        self._room = Room(max_sort_bytes)
        self._sort = sort
        self._inputs = list(self._opened())
        self.bytes_total: Final = sum(each.size for each in self._inputs)
        """Bytes on the disk; 0 when nothing but pipes is read."""

    def __iter__(self) -> Iterator[Chunk]:
        """The chunks."""
        plans = [plan for each in self._inputs if (plan := self._planned(each)) is not None]
        feeds = [Feed(plan.input.place, plan.start, partial(self._chunks, plan)) for plan in plans]
        return self._watched(merged(feeds, self._failed))

    def _opened(self) -> Iterator[Input]:
        for path in self.paths:
            try:
                yield Input(path, self._stdin if path == "-" else None, self._count)
            except OSError as error:
                self._failed(path, error)

    def _count(self, size: int) -> None:
        self.bytes_done += size

    def _failed(self, place: str, error: Exception) -> None:
        if isinstance(error, SourceError):
            message = error.message
        else:
            reason = getattr(error, "strerror", None) or error
            message = f"The file cannot be read ({reason}). Check that it exists and may be read."
        self.failures.append(FileFailure(place, message))

    # Looking at an input

    def _planned(self, source: Input) -> _Plan | None:
        try:
            head = source.head(enough)
            kind = kind_of(head)
            if kind == "empty":
                return None
            if kind == "foreign":
                raise SourceError(source.place, FOREIGN)
            times = self._times(_read(kind, iter((_whole_lines(head[:_HEAD_BYTES]),)), source.place, self._max_line))
            ordered = not self._sort and in_order(times, self._lateness) and self._samples_in_order(source, kind)
            start = min(times, default=-inf)
            if not ordered:
                self.sorted_inputs.append(source.place)
                start = -inf if source.once else self._least(source, kind)
            return _Plan(source, kind, start, ordered)
        except (SourceError, OSError, zlib.error) as error:
            self._failed(source.place, error)
            return None

    def _times(self, chunks: Iterator[Chunk]) -> list[float]:
        times: list[float] = []
        try:
            for chunk in chunks:
                times += times_of(records_of(chunk), times[-1] if times else -inf)
        except SourceError:
            pass  # the head of a document is a document cut off
        return times

    def _samples_in_order(self, source: Input, kind: Kind) -> bool:
        """Whether a file of lines, not packed, is in order at some places all over it."""
        if not source.plain or kind not in {"messages", "records"} or source.size <= 4 * _SAMPLE_BYTES:
            return True
        glance = Glance()
        step = max(source.size // SAMPLES, _SAMPLE_BYTES)
        times = (glance.first(sample(source.place, at, _SAMPLE_BYTES)) for at in range(0, source.size, step))
        return in_order([time for time in times if time is not None], self._lateness)

    def _least(self, source: Input, kind: Kind) -> float:
        """The least event time in an input that is out of order: it is read once more for that."""
        least = inf
        for chunk in _read(kind, source.blocks(counted=False), source.place, self._max_line):
            if chunk.form != "refused":
                least = min(least, *times_of(records_of(chunk), inf), inf)
        return least

    # Reading it

    def _chunks(self, plan: _Plan) -> Iterator[Chunk]:
        source = plan.input
        chunks = _read(plan.kind, source.blocks(), source.place, self._max_line)
        return chunks if plan.ordered else in_sorted_order(chunks, source.place, self._room)

    def _watched(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """Looks now and then whether an input is further out of order than the engine allows."""
        latest: dict[str, float] = {}
        glance = Glance()
        passed = _WATCH_BYTES
        for chunk in chunks:
            passed += len(chunk.data)
            if passed >= _WATCH_BYTES and chunk.data:
                passed = 0
                time = glance.first(chunk.data)
                place = chunk.place
                if time is not None:
                    if time < latest.get(place, -inf) - self._lateness:
                        self.disordered[place] = self.disordered.get(place, 0) + 1
                    latest[place] = time
            yield chunk


_READERS: Final[dict[Kind, Callable[[Iterator[bytes], str, int], Iterator[Chunk]]]] = {
    "messages": message_lines,
    "records": record_lines,
    "document": document_records,
    "table": lambda blocks, place, _: table_rows(blocks, place),
}


def _read(kind: Kind, blocks: Iterator[bytes], place: str, max_line: int) -> Iterator[Chunk]:
    return _READERS[kind](blocks, place, max_line)


def _whole_lines(head: bytes) -> bytes:
    """Without the line that the head ends in the middle of."""
    return head[: head.rfind(b"\n") + 1] or head
