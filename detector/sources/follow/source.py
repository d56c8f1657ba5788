"""The live source for files: a directory of JSON lines that grow while they are read.

The directory is looked at every so often instead of being watched with inotify: that tells nothing of changes that
other machines make on a network volume, and loses events when its queue runs over (inotify(7)), so that a follower has
to look anyway. One look at a thousand files takes a few milliseconds.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeVar

from detector.domain.delivery import Delivery, Position
from detector.sources.chunk import MAX_LINE_BYTES
from detector.sources.follow import plain
from detector.sources.follow.facts import FollowFacts, Silent
from detector.sources.follow.family import Family, Limits
from detector.sources.follow.names import Entry, Place
from detector.sources.follow.packed import PackedFile
from detector.sources.follow.plain import MORE, Piece

MAX_OPEN: Final = 128
"""Files that are held open at once."""
BREATH: Final = 0.05
"""Seconds to wait when there is room for no file."""
PACKED_AT_ONCE: Final = 2
"""Packed files that are unpacked side by side: each takes some memory."""


Done = TypeVar("Done")


async def _away(work: Callable[..., Done], *arguments: object) -> Done:
    """Does work in a thread, and stays until it is over even when cancelled: nobody closes a file that it reads."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowOptions:
    """How files are followed."""

    start: Literal["earliest", "latest"] = "earliest"
    """Where to begin with files found at the first look when nothing was ever committed; later ones begin at their
    beginning. `latest` is for the very first start of a store only: what comes between two starts would be missed."""
    poll_seconds: float = 1.0
    """Time between two looks."""
    rotate_wait_seconds: float = 5.0
    """How long a rotated file must have been quiet before its successor is begun."""
    chunk_bytes: int = 256 * 2**10
    """About how much is handed over at once."""
    max_line_bytes: int = MAX_LINE_BYTES
    """Longest line that is handed over whole. Of a longer one a byte more than this is handed over: a decoder that has
    the same limit for a message refuses it as too large."""
    max_files: int = 10_000
    """Files of different names that are followed."""


class FileState(NamedTuple):
    """How far one partition is."""

    sequence: int
    """Bytes handed over under this name, over all rotations."""
    unread: int
    """Bytes known to be there and not handed over; packed ones are not counted."""
    present: bool
    """Whether a file of this name is being read."""


class FollowSource:
    """Hands over the lines of growing files.

    A partition is the name of a file. Its `Position.sequence` counts the bytes handed over under that name and rises
    over rotations; its `Position.offset` says which file that was. A delivery holds whole lines; one with an empty body
    has no records and is there for its position only.

    Args:
        path: A directory, or a directory with a pattern for names: `logs/*.jsonl`. Folders below are not read.
        positions: What was committed, by partition.
        deliver: Takes a delivery over; while it waits, nothing more is read.
        wanted: Whether there is room for more of a partition. Those for which there is none are passed over meanwhile,
            so that one of which more is needed is not held up by another.
        now: Wall clock, seconds since the epoch.
        monotonic: Seconds that only rise.
        facts: Told what happens, from whichever thread reads.
        options: See there.

    Raises:
        SourceError: A stored position is not one of a followed file.
        ValueError: The directory part of the path holds a pattern.
    """

    def __init__(
        self,
        path: str,
        *,
        positions: Mapping[str, Position],
        deliver: Callable[[Delivery], Awaitable[None]],
        now: Callable[[], float],
        monotonic: Callable[[], float],
        facts: FollowFacts | None = None,
        options: FollowOptions | None = None,
        wanted: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._place: Final = Place(path)
        self._deliver: Final = deliver
        self._wanted: Final = wanted
        self._now: Final = now
        self._monotonic: Final = monotonic
        self._facts: Final[FollowFacts] = facts if facts is not None else Silent()
        self._options: Final = options if options is not None else FollowOptions()
        self._limits: Final = Limits(
            self._options.chunk_bytes, self._options.max_line_bytes, self._options.rotate_wait_seconds
        )
        self._families: Final = {
            name: Family(name, self._limits, self._facts, position) for name, position in positions.items()
        }
        self._first = not positions
        self._refused = 0
        self._failing = ""
        self._open: Final[OrderedDict[str, None]] = OrderedDict()
        self._stopping: Final = asyncio.Event()

    async def run(self) -> None:
        """Follows until `stop`; what `deliver` raises ends it too."""
        try:
            while not self._stopping.is_set():
                if await self.poll():
                    continue
                try:
                    await asyncio.wait_for(self._stopping.wait(), self._options.poll_seconds)
                except TimeoutError:
                    pass
        finally:
            for family in self._families.values():
                family.close()

    async def stop(self) -> None:
        """Ends `run` after the delivery at hand."""
        self._stopping.set()

    def state(self) -> dict[str, FileState]:
        """How far each partition is; may be asked for from any thread."""
        return {
            name: FileState(family.sequence, family.unread, family.reader is not None)
            for name, family in list(self._families.items())
        }

    async def poll(self) -> bool:
        """Looks once, and hands over what is there, a piece of each file in turn, until it is time for another look.

        Returns whether more was there by then.
        """
        begun = self._monotonic()
        await _away(self._look)
        waiting = [name for name, family in self._families.items() if not family.idle]
        while waiting and not self._stopping.is_set():
            waiting = await self._round(waiting)
            if self._monotonic() - begun >= self._options.poll_seconds:
                break
        return bool(waiting)

    async def _round(self, waiting: list[str]) -> list[str]:
        """A piece of each file whose turn it is; the files of which there may be more."""
        turn, left, full = {*self._turn(waiting)}, [], True
        for name in waiting:
            if name not in turn or not self._wanted(name):
                left.append(name)
                continue
            full = False
            if await self._advance(self._families[name]):
                left.append(name)
        if full:
            await asyncio.sleep(BREATH)
        return left

    # Looking

    def _look(self) -> None:
        try:
            found = self._place.look()
        except OSError as error:
            problem = f"The directory cannot be listed ({error.strerror})."
            if problem != self._failing:
                self._facts.follow_failed("", problem)
            self._failing = problem
            return
        self._failing = ""
        unknown = sorted(found.keys() - self._families.keys())
        self._refuse(len(found) - self._options.max_files)
        room = max(0, self._options.max_files - len(found.keys() & self._families.keys()))
        for name in unknown[:room]:
            self._begin(name, found)
        self._first = False
        for name, family in self._families.items():
            family.look(found.get(name, ()))
        self._facts.looked(
            sum(family.reader is not None for family in self._families.values()),
            sum(family.unread for family in self._families.values()),
        )

    def _begin(self, name: str, found: Mapping[str, list[Entry]]) -> None:
        family = Family(name, self._limits, self._facts)
        entries = found[name]
        other = self._former(entries[0], found)
        if other is not None:
            other.note()
            assert other.mark is not None
            at = other.sequence - other.mark.base
            seen = plain.fingerprint_of(entries[0].path, at)
            if seen is not None and seen.fits(other.mark):
                family.adopt(entries, other, at, seen)
                self._families[name] = family
                return
        family.begin(entries, latest=self._first and self._options.start == "latest")
        self._families[name] = family

    def _former(self, entry: Entry, found: Mapping[str, list[Entry]]) -> Family | None:
        """The family that this file belonged to under another name."""
        for name, family in self._families.items():
            if family.file == entry.file and all(each.file != entry.file for each in found.get(name, ())):
                return family
        return None

    def _refuse(self, number: int) -> None:
        if number > 0 and number != self._refused:
            self._facts.files_refused(number)
        self._refused = max(0, number)

    # Reading

    def _turn(self, waiting: list[str]) -> list[str]:
        """Whose turn it is: everybody's, but only of so many packed files."""
        turn, packed = [], 0
        for name in waiting:
            reader = self._families[name].reader
            if isinstance(reader, PackedFile) and not reader.finished:
                packed += 1
                if packed > PACKED_AT_ONCE:
                    continue
            turn.append(name)
        return turn

    async def _advance(self, family: Family) -> bool:
        """One piece of one file; whether there may be more."""
        if self._stopping.is_set():
            return False
        piece, enqueued = await _away(self._take, family)
        if piece is None:
            return False
        if piece is not MORE:
            await self._deliver(Delivery(family.name, family.position(), enqueued, piece.body))
        return True

    def _take(self, family: Family) -> tuple[Piece | None, float]:
        enqueued = self._now()
        piece = family.take(self._monotonic())
        if family.reader is not None and family.reader.is_open:
            self._open[family.name] = None
            self._open.move_to_end(family.name)
            if len(self._open) > MAX_OPEN:
                self._families[self._open.popitem(last=False)[0]].close()
        return piece, enqueued
