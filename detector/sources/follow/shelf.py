"""The files of one name at the last look, oldest first, and the search for one of them by what was read of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from detector.sources.follow import packed, plain
from detector.sources.follow.marks import Fingerprint, Mark
from detector.sources.follow.names import LIVING, Entry


class Found(NamedTuple):
    """A file, and what it holds up to the position that it was looked for with."""

    entry: Entry
    seen: Fingerprint
    over: bool = False
    """Whether it is packed and holds no more; then `seen` is empty, for it was not unpacked."""


class Shelf:
    """Entries of one family."""

    def __init__(self) -> None:
        self.entries: Sequence[Entry] = ()
        self._known: Final[dict[tuple[Mark, int], Found | None]] = {}

    def put(self, entries: Sequence[Entry]) -> None:
        """What another look found."""
        if tuple(entries) != tuple(self.entries):
            self._known.clear()
        self.entries = entries

    def of(self, file: tuple[int, int]) -> Entry | None:
        """The entry with this device and inode."""
        return next((entry for entry in self.entries if entry.file == file), None)

    def holding(self, mark: Mark, at: int) -> Found | None:
        """The file that holds what the mark was taken of: the same one, else a copy, else one that is packed.

        What was searched once is not searched again before something changes: packed files have to be unpacked for it.
        """
        if (mark, at) not in self._known:
            self._known[mark, at] = self._search(mark, at)
        found = self._known[mark, at]
        # A copy, because whoever reads on adds to it.
        return found and found._replace(seen=Fingerprint(found.seen.head, found.seen.tail))

    def after(self, mark: Mark, at: int) -> list[Entry]:
        """The files that follow one that was read up to `at`, as far as their order tells; else those written later."""
        same = self.of((mark.device, mark.inode))
        if same is None or not (same.packed or at == 0 or plain.holds(same, mark, at)):
            found = self.holding(mark, at) if at > 0 else None
            same = found.entry if found is not None else None
        if same is not None:
            return [entry for entry in self.entries if entry.rank > same.rank and entry.file != same.file]
        return [entry for entry in self.entries if entry.rank == LIVING or entry.modified >= mark.modified]

    def _search(self, mark: Mark, at: int) -> Found | None:
        same = (mark.device, mark.inode)
        for entry in sorted(self.entries, key=lambda each: (each.file != same, each.packed)):
            if entry.packed and at > 0 and packed.is_over(entry, mark, at):
                return Found(entry, Fingerprint(), over=True)
            if at == 0:
                if entry.file == same:
                    return Found(entry, Fingerprint())
            elif entry.packed:
                if (seen := packed.holds(entry, mark, at)) is not None:
                    return Found(entry, seen)
            elif plain.holds(entry, mark, at):
                return Found(entry, plain.fingerprint_of(entry.path, at) or Fingerprint())
        return None
