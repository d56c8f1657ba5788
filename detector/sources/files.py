"""Records at rest: files, directories, archives, blobs and pipes, in one order of event time.

Every input is looked at first: what it is packed in, which form it has, and whether its records are about in order
of event time. For that the head of a file is read, and of an unpacked file of JSON lines some samples as well; what is
disordered beyond that shows as late records, and `FileSource.disordered` names the file. An archived file whose name
says its hour is not looked at before the merge comes near that hour: so an archive of any size needs few open files
and little memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import BinaryIO, Final

import msgspec

from detector.errors import SourceError
from detector.sources.capture import captured_messages
from detector.sources.chunk import MAX_LINE_BYTES, Chunk, FileFailure
from detector.sources.documents import document_records
from detector.sources.instants import TIME_COLUMNS, Glance
from detector.sources.layout import HOUR, Slot, Wanted, slot_of
from detector.sources.lines import message_lines, record_lines
from detector.sources.ordering import FEW, Feed, FeedPosition, Merge, MergePosition, in_order, records_of, times_of
from detector.sources.parquet.reader import ParquetReader
from detector.sources.paths import Found
from detector.sources.reading import NOTHING, Hasher, Reading
from detector.sources.sniff import Kind, enough, kind_of
from detector.sources.sorting import Room, in_sorted_order
from detector.sources.streams import CHANGED, Input
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
_EARLY: Final = 2 * HOUR
"""Seconds before the hour of its name from which on an archived file is looked at: it may hold earlier events."""
_MAX_SORT: Final = 192 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an archive is read; the defaults suit a few files."""

    wanted: Wanted = field(default_factory=Wanted)
    """Which archived files are read at all."""
    tolerance: float = 0.0
    """Seconds by which records of different inputs may be out of place, see `Merge`."""
    hashed: bool = False
    """Whether every input is hashed."""
    folder: str | None = None
    """Where records are sorted that do not fit in memory; `None` for the system's folder for temporary files."""
    position: SourcePosition | None = None
    """Where an earlier reading stopped."""


class SourcePosition(msgspec.Struct):
    """How far a source was read: with it, another one reads on with the very next record."""

    merge: MergePosition
    readings: list[Reading]
    """Of all inputs; those that lie at rest must be as they were."""
    failures: list[FileFailure]
    disordered: dict[str, int]
    sorted_inputs: list[str]


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
        max_sort_bytes: How much may be held in memory of inputs that must be sorted, unpacked, all together; what is
            beyond goes to the disk.
        exclude: Files to leave out of directories.
        sort: Sort every input, whatever order its beginning seems to have.
        more: Inputs that are no files, such as blobs.
        manner: See there.
    """

    def __init__(  # noqa: PLR0913 - everything that a reading depends on, by name
        self,
        paths: Sequence[str],
        *,
        stdin: BinaryIO | None = None,
        lateness: float = 1200.0,
        max_line_bytes: int = MAX_LINE_BYTES,
        max_sort_bytes: int = _MAX_SORT,
        exclude: Collection[str] = (),
        sort: bool = False,
        more: Sequence[Input] = (),
        manner: Manner | None = None,
    ) -> None:
        found = Found(paths, exclude)
        self._manner: Final = manner or Manner()
        before = self._manner.position
        self.paths: Final = tuple(found.files)
        self.ignored: Final = tuple(found.ignored)
        """Files in directories that are left alone because of their ending."""
        self.left_out = 0
        """Archived files that are not wanted, see `Manner.wanted`."""
        self.appeared: Final[list[str]] = []
        """Inputs that were not there when the reading began that this one continues; they are not read."""
        self.failures: Final = found.failures if before is None else list(before.failures)
        self.disordered: Final[dict[str, int]] = {} if before is None else dict(before.disordered)
        """Inputs that turned out to be out of order while they streamed by, and how often that was seen."""
        self.sorted_inputs: Final[list[str]] = [] if before is None else list(before.sorted_inputs)
        """Inputs that were sorted."""
        self.bytes_done = 0
        """Bytes read so far, as they lie at rest."""
        self._readings: Final[dict[str, Reading]] = {}
        self._feeds: Final[dict[str, Feed]] = {}
        self._merge: Merge | None = None
        self._between = True
        """Whether all chunks of a turn of the merge were given."""
        self._stdin = stdin
        self._lateness = lateness
        self._max_line = max_line_bytes
        self._room = Room(max_sort_bytes, self._manner.folder)
        self._sort = sort
        self._parquet = ParquetReader(self._manner.folder)
        self._inputs = list(self._chosen([*self._opened(), *more]))
        self.bytes_total: Final = sum(each.size for each in self._inputs)
        """Bytes at rest; 0 when nothing but pipes is read."""

    def __iter__(self) -> Iterator[Chunk]:
        """The chunks."""
        with ExitStack() as stack:
            stack.enter_context(closing(self._parquet))
            hasher = stack.enter_context(closing(Hasher())) if self._manner.hashed else None
            for each in self._inputs:
                self._watch(each, hasher)
            before = self._manner.position
            places = {} if before is None else before.merge.feeds
            feeds = [feed for each in self._inputs if (feed := self._feed(each, places.get(each.place))) is not None]
            self._feeds.update((feed.place, feed) for feed in feeds)
            self._merge = Merge(feeds, self._failed, self._manner.tolerance)
            yield from self._watched(self._flat(self._merge))

    @property
    def position(self) -> SourcePosition | None:
        """How far it was read, by whoever has taken the last chunk; `None` while that is no place to go on from."""
        if not self._between or self._merge is None:
            return None
        merge = self._merge.position
        before = self._manner.position
        if before is not None:
            merge.feeds = {**before.merge.feeds, **merge.feeds}
        return SourcePosition(
            merge, self.readings, list(self.failures), dict(self.disordered), list(self.sorted_inputs)
        )

    def finish(self, places: Collection[str]) -> None:
        """From now on only these inputs are read, to their end: so they have a hash, and nothing else is fetched."""
        assert self._merge is not None, "the source is being read"
        self._merge.only = places

    @property
    def readings(self) -> list[Reading]:
        """What became of each input so far."""
        for place, feed in self._feeds.items():
            self._readings[place].covers(feed.earliest, feed.latest)
        return [msgspec.structs.replace(reading) for reading in self._readings.values()]

    def _opened(self) -> Iterator[Input]:
        for path in self.paths:
            try:
                yield Input(path, self._stdin if path == "-" else None)
            except OSError as error:
                self._failed(path, error)

    def _chosen(self, inputs: Sequence[Input]) -> Iterator[Input]:
        """The inputs that are read, each with an account."""
        before = (
            None if self._manner.position is None else {each.place: each for each in self._manner.position.readings}
        )
        for each in inputs:
            slot = slot_of(each.place)
            if slot is not None and not self._manner.wanted.keeps(slot):
                self.left_out += 1
            elif before is None:
                self._readings[each.place] = _reading(each, slot)
                yield each
            elif each.place not in before:
                self.appeared.append(each.place)
            elif self._pinned(each, msgspec.structs.replace(before.pop(each.place))):
                yield each
        for gone in (before or {}).values():
            self._readings[gone.place] = msgspec.structs.replace(gone)
            if gone.status in ("waiting", "partly"):
                self._failed(gone.place, SourceError(gone.place, "It is gone since the replay was interrupted."))

    def _pinned(self, each: Input, reading: Reading) -> bool:
        """Whether an input can be read on."""
        self._readings[each.place] = reading
        if reading.status in ("read", "failed"):
            return True
        reading.read = 0
        try:
            if each.raw is None:
                raise SourceError(each.place, CHANGED)
            each.raw.pin(reading.size, reading.version)
        except SourceError as error:
            self._failed(each.place, error)
            return False
        return True

    def _watch(self, each: Input, hasher: Hasher | None) -> None:
        """Counts and hashes what is read of an input."""

        def seen(block: bytes) -> None:
            self._readings[each.place].read += len(block)
            self.bytes_done += len(block)

        each.seen, each.hasher = seen, hasher

    def _failed(self, place: str, error: Exception) -> None:
        if isinstance(error, SourceError):
            message = error.message
        else:
            reason = getattr(error, "strerror", None) or error
            message = f"The file cannot be read ({reason}). Check that it exists and may be read."
        self.failures.append(FileFailure(place, message))
        if place in self._readings:
            reading = self._readings[place]
            reading.problem = message
            feed = self._feeds.get(place)
            reading.status = "partly" if feed is not None and feed.position.chunks else "failed"

    # Looking at an input

    def _feed(self, each: Input, position: FeedPosition | None) -> Feed | None:
        if position is not None and position.ended:
            return Feed(each.place, -inf, lambda: iter(()), position)
        slot = slot_of(each.place)
        if slot is not None:
            return Feed(each.place, slot.start - _EARLY, partial(self._chunks_of, each), position)
        try:
            plan = self._planned(each)
        except (SourceError, OSError, zlib.error) as error:
            self._failed(each.place, error)
            return None
        return None if plan is None else Feed(each.place, plan.start, partial(self._chunks, plan), position)

    def _planned(self, source: Input) -> _Plan | None:
        """What an input is; `None` when it is empty. Raises what the input raises."""
        reading = self._readings[source.place]
        archived = reading.slot is not None
        head = source.head(enough)
        kind = kind_of(head)
        reading.form = kind
        if kind == "empty":
            self._ended(source)
            return None
        if kind == "foreign":
            raise SourceError(source.place, FOREIGN)
        # A table with its index at its end has no head; sorted, it is unpacked at once, so that few are open at a time.
        whole = kind == "parquet"
        times = [] if whole else self._times(self._read(kind, iter((_whole_lines(head[:_HEAD_BYTES]),)), source.place))
        ordered = (
            not self._sort
            and not whole
            and in_order(times, self._lateness, 0.0 if archived else FEW)
            and self._samples_in_order(source, kind, head, strict=archived)
        )
        start = min(times, default=-inf)
        reading.sorted = not ordered
        if not ordered:
            self.sorted_inputs.append(source.place)
            start = -inf if source.once or archived else self._least(source, kind)
        return _Plan(source, kind, start, ordered)

    def _times(self, chunks: Iterator[Chunk]) -> list[float]:
        times: list[float] = []
        try:
            for chunk in chunks:
                times += times_of(records_of(chunk), times[-1] if times else -inf)
        except SourceError:
            pass  # the head of a document is a document cut off
        return times

    def _samples_in_order(self, source: Input, kind: Kind, head: bytes, *, strict: bool) -> bool:
        """Whether a file of lines, not packed, is in order at some places all over it.

        An archived hour is small enough to be sorted for one place that is not; what was appended to it late stands at
        its end, so that is one of the places.
        """
        if not source.plain or kind not in {"messages", "records"} or source.size <= 4 * _SAMPLE_BYTES:
            return True
        assert source.raw is not None, "only what lies at rest is plain"
        glance = Glance()
        whole = len(head) >= source.size
        take: Callable[[int, int], bytes] = partial(_slice, head) if whole else source.raw.sample
        samples = SAMPLES if whole else source.raw.samples
        step = max(source.size // samples, _SAMPLE_BYTES)
        places = [*range(0, source.size - _SAMPLE_BYTES, step), source.size - _SAMPLE_BYTES]
        times = [time for at in places if (time := glance.first(take(at, _SAMPLE_BYTES))) is not None]
        if strict and times:
            end = take(source.size - _SAMPLE_BYTES, _SAMPLE_BYTES)
            times += times_of(records_of(Chunk(end[end.find(b"\n") + 1 :], source.place, "lines")), times[-1])
        return in_order(times, self._lateness, 0.0 if strict else FEW)

    def _least(self, source: Input, kind: Kind) -> float:
        """The least event time in an input that is out of order: it is read once more for that."""
        least = inf
        try:
            for chunk in self._read(kind, source.blocks(counted=False), source.place, only=TIME_COLUMNS):
                if chunk.form != "refused":
                    least = min(least, *times_of(records_of(chunk), inf), inf)
        except SourceError:
            pass  # it will be told when the records before are read
        return least

    # Reading it

    def _chunks_of(self, each: Input) -> Iterator[Chunk]:
        """The chunks of an input that nobody has looked at."""
        try:
            plan = self._planned(each)
        except zlib.error as error:
            raise SourceError(each.place, f"The file is damaged ({error}). Copy it again.") from None
        if plan is not None:
            yield from self._chunks(plan)

    def _chunks(self, plan: _Plan) -> Iterator[Chunk]:
        source = plan.input
        chunks = self._read(plan.kind, source.blocks(), source.place)
        self._readings[source.place].status = "partly"
        yield from chunks if plan.ordered else in_sorted_order(chunks, source.place, self._room)
        self._ended(source)

    def _read(
        self, kind: Kind, blocks: Iterator[bytes], place: str, only: Collection[str] | None = None
    ) -> Iterator[Chunk]:
        """Chunks of bytes; `only` names the columns that matter, to a reader that can leave out others."""
        if kind == "parquet":
            return self._parquet.rows(blocks, place, self._max_line, only)
        return _READERS[kind](blocks, place, self._max_line)

    def _ended(self, source: Input) -> None:
        reading = self._readings[source.place]
        reading.status = "read"
        digest, source.digest = source.digest, None
        if source.raw is not None:
            reading.grown = source.raw.grown
        if digest is not None and reading.read >= reading.size:
            reading.sha256 = digest.hexdigest()
        elif self._manner.hashed and not reading.size:
            reading.sha256 = NOTHING

    def _flat(self, merge: Merge) -> Iterator[Chunk]:
        for turn in merge.turns():
            last = len(turn) - 1
            for number, chunk in enumerate(turn):
                self._between = number == last
                yield chunk
        self._between = True

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
    "capture": captured_messages,
}


def _reading(each: Input, slot: Slot | None) -> Reading:
    reading = Reading(each.place, each.size, "" if each.raw is None else each.raw.version)
    if slot is not None:
        reading.category, reading.tenant, reading.slot = slot.category, slot.tenant, slot.start
    return reading


def _slice(head: bytes, at: int, length: int) -> bytes:
    return head[at : at + length]


def _whole_lines(head: bytes) -> bytes:
    """Without the line that the head ends in the middle of."""
    return head[: head.rfind(b"\n") + 1] or head
