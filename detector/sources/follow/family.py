"""One partition: a growing file and its predecessors, read one after the other, from oldest to living.

The sequence number of a position counts the bytes handed over under this name, so that it rises over rotations too;
`Mark.base` says where in it the present file begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from detector.domain.delivery import Position
from detector.errors import SourceError
from detector.sources.follow import plain
from detector.sources.follow.facts import FollowFacts
from detector.sources.follow.marks import Fingerprint, Mark, made, mark_of, position_text
from detector.sources.follow.names import LIVING, Entry
from detector.sources.follow.packed import PackedFile
from detector.sources.follow.plain import MORE, NOTE, Changed, Gone, Piece, PlainFile
from detector.sources.follow.shelf import Found, Shelf

_NO_FILE: Final = (0, 0)
_SURE: Final = 2
"""Looks without a file after which it is gone."""
GIVE_UP: Final = 60.0
"""Seconds after which a packed file that is not whole and does not change counts as damaged."""


class Limits(NamedTuple):
    """How much is read at once, and how long is waited."""

    chunk: int
    max_line: int
    rotate_wait: float
    """Seconds that a rotated file must have been quiet before it is left: its writer may still hold it open."""


class Family:
    """The files of one name.

    Args:
        name: Name of the partition.
        limits: See there.
        facts: Told what happens.
        position: How far all was committed by an earlier run.
    """

    def __init__(self, name: str, limits: Limits, facts: FollowFacts, position: Position | None = None) -> None:
        self.name: Final = name
        self.sequence = position.sequence if position is not None else 0
        self.mark = mark_of(name, position) if position is not None else None
        """Where the file stood that is read or, while none is, that was read last."""
        self.reader: PlainFile | PackedFile | None = None
        self._limits: Final = limits
        self._facts: Final = facts
        self._shelf: Final = Shelf()
        self._previous: tuple[Mark, int] | None = None
        """The file before the present one, and how far it was read."""
        self._quiet_since: float | None = None
        self._broken: tuple[float, int, int] | None = None
        self._left: tuple[tuple[int, int], int] | None = None
        self._owed = False
        """Whether the position alone is to be handed over."""
        self._looks = 0
        """Looks since the file was last seen where it should be: one alone may have missed a file being renamed."""
        self._suspect = False
        """Whether the content seemed changed before the last look."""
        self._waiting = 0
        """Bytes in the files that follow the present one."""
        self._known = 0
        """Size of the file as it was seen last, before it may have been emptied."""
        self._told_lost = False
        self._settled: tuple[object, ...] = ()
        """What the file looked like when there was nothing more to do with it."""

    @property
    def idle(self) -> bool:
        """Whether nothing happened since there was nothing more to do: then nobody needs to look into the file."""
        reader = self.reader
        if reader is None:
            return True
        entry = self._shelf.of(reader.file)
        if entry is None or self._owed:
            return False
        return self._settled == (entry.path, *entry.file, entry.modified, entry.size, len(self._shelf.entries))

    @property
    def unread(self) -> int:
        """Bytes that are known to be there and were not handed over; may be asked for from any thread."""
        reader = self.reader
        return 0 if reader is None else max(0, reader.size - reader.at) + self._waiting

    @property
    def file(self) -> tuple[int, int] | None:
        """Device and inode of the file that is read or was read last."""
        if self.reader is not None:
            return self.reader.file
        return (self.mark.device, self.mark.inode) if self.mark is not None else None

    # Where to begin

    def begin(self, entries: Sequence[Entry], *, latest: bool) -> None:
        """The family was never seen before: begins with its oldest file or, for `latest`, behind all that is there."""
        self._shelf.put(entries)
        entry = entries[-1] if latest else entries[0]
        self._facts.file_found(self.name, entry.size)
        self._open(entry, 0, Fingerprint())
        if latest:
            self._previous = (made(0, _NO_FILE, entry.modified, Fingerprint(), ended=True), 0)
        if latest and not entry.packed:
            at = plain.line_start(entry.path, entry.size)
            self._open(entry, at, plain.fingerprint_of(entry.path, at) or Fingerprint())
            self._owe(at)

    def adopt(self, entries: Sequence[Entry], other: Family, at: int, seen: Fingerprint) -> None:
        """The file that was another family's has this name now: it is read on, not again."""
        self._shelf.put(entries)
        self._facts.file_moved(self.name, other.name)
        self._open(entries[0], at, seen)
        self._owe(at)
        other.give_away()

    def give_away(self) -> None:
        """Another family has the file now."""
        self.note()
        if self.reader is not None:
            self.reader.close()
            self.reader = None
        if self.mark is not None:
            self.mark = made(self.mark.base, _NO_FILE, self.mark.modified, Fingerprint(), ended=True)

    def _owe(self, at: int) -> None:
        self.sequence = at
        self.note()
        self._owed = True

    # One look at the directory

    def look(self, entries: Sequence[Entry]) -> None:
        """What is there now; decides what is read next."""
        self._shelf.put(entries)
        self._watch_left()
        reader = self.reader
        if reader is None:
            self._resume()
            return
        if reader.at == 0 and not self._owed:
            reader = self._reconsidered(reader)
        self._looks += 1
        entry = self._shelf.of(reader.file)
        if entry is not None:
            self._looks = 0
            reader.path = entry.path
            if isinstance(reader, PlainFile) and entry.size > reader.size:
                self._known = reader.size = entry.size
        self._waiting = sum(each.size for each in self._newer() if not each.packed)

    def _reconsidered(self, reader: PlainFile | PackedFile) -> PlainFile | PackedFile:
        """Nothing of the present file was read yet: whether there is one to be read before it by now.

        Its content may have been copied to another, and it emptied, before anybody looked.
        """
        first = next(iter(self._shelf.after(*self._previous) if self._previous else self._shelf.entries), None)
        if first is None or first.file == reader.file:
            return reader
        return self._restart(first)

    def _resume(self) -> None:
        """Finds the file of the stored mark among those that are there."""
        mark = self.mark
        if mark is None:
            return
        at = self.sequence - mark.base
        found = self._shelf.holding(mark, at)
        if found is not None:
            self._go_on(found, at)
            if at == 0:
                self._previous = (made(mark.base, _NO_FILE, mark.modified + 1, Fingerprint(), ended=True), 0)
            return
        self._looks += 1
        if self._looks < _SURE:
            return
        if not self._told_lost and not mark.ended:
            self._facts.file_lost(self.name)
        self._told_lost = True
        newer = self._shelf.after(mark, at)
        if newer:
            self._next(newer[0])

    def _open(self, entry: Entry, at: int, seen: Fingerprint) -> PlainFile | PackedFile:
        if self.reader is not None:
            self.reader.close()
        kind = PackedFile if entry.packed else PlainFile
        self.reader = reader = kind(entry, at, seen, chunk=self._limits.chunk, max_line=self._limits.max_line)
        self._quiet_since = None
        self._broken = None
        self._looks = 0
        self._known = reader.size
        self._told_lost = False
        return reader

    # Reading on

    def take(self, monotonic: float) -> Piece | None:
        """The next piece, `MORE` when there is work left without one, or `None` when there is nothing to do now."""
        reader = self.reader
        if reader is None:
            return None
        if self._owed:
            self._owed = False
            return NOTE
        try:
            piece = reader.take()
        except Changed:
            # A copy of what was there may have come after the last look, so nothing is decided before the next.
            sure, self._suspect = self._suspect, True
            return self._changed(reader) if sure else None
        except Gone:
            return self._gone(reader) if self._looks >= _SURE else None
        except (OSError, SourceError) as error:
            return self._failed(reader, error, monotonic)
        self._suspect = False
        self._known = reader.size
        if piece is None:
            return self._at_end(reader, monotonic)
        self._quiet_since = None
        return self._told(piece)

    def position(self) -> Position:
        """Where the next delivery would begin: behind all that was taken."""
        assert self.mark is not None
        return Position(self.sequence, position_text(self.mark))

    def close(self) -> None:
        """Lets go of the file."""
        if self.reader is not None:
            self.reader.close()

    def _told(self, piece: Piece) -> Piece:
        if piece is MORE:
            return piece
        self.note()
        if piece.cut:
            self._facts.line_cut(self.name, piece.cut)
        if piece.unended:
            self._facts.line_ended(self.name, piece.unended)
        return piece

    def note(self) -> None:
        """Writes down where the reader stands."""
        reader = self.reader
        if reader is None or (reader.at > 0 and not reader.seen.head):
            return
        base = self.mark.base if self.mark is not None else 0
        self.sequence = base + reader.at
        ended = reader.finished if isinstance(reader, PackedFile) else reader.at >= reader.size
        self.mark = made(base, reader.file, reader.modified, reader.seen, ended)

    def _at_end(self, reader: PlainFile | PackedFile, monotonic: float) -> Piece | None:
        """All that is there was read: goes on to the next file when this one is sure to be over."""
        newer = self._newer()
        present = self._looks == 0
        if not present and self._find_twin(reader):
            return MORE
        if present and not newer and not self._over(reader):
            self._quiet_since = None
            self._settled = (reader.path, *reader.file, reader.modified, reader.size, len(self._shelf.entries))
            return None
        if not present and self._looks < _SURE:
            return None
        if isinstance(reader, PlainFile) and not self._quiet(monotonic):
            return None
        rest = reader.rest()
        if rest is not None:
            return self._told(rest)
        self.note()
        if newer:
            self._left = (reader.file, reader.size)
            self._next(newer[0])
            return MORE
        if not present:
            self._facts.file_vanished(self.name)
            self._forget(reader)
        return None

    def _over(self, reader: PlainFile | PackedFile) -> bool:
        """Whether the file was rotated, ends within a line, and so may have that handed over although none follows."""
        entry = self._shelf.of(reader.file)
        return entry is not None and entry.rank != LIVING and reader.size > reader.at

    def _quiet(self, monotonic: float) -> bool:
        if self._quiet_since is None:
            self._quiet_since = monotonic
        return monotonic - self._quiet_since >= self._limits.rotate_wait

    def _find_twin(self, reader: PlainFile | PackedFile) -> bool:
        """Looks for the file under another inode: packed or copied by now. True when it was found."""
        self.note()
        return self.mark is not None and self._found(self.mark, reader.at)

    def _found(self, mark: Mark, at: int) -> bool:
        """Goes on in the file that holds what was read, wherever it is. True when there is one."""
        found = self._shelf.holding(mark, at) if at > 0 else None
        if found is None:
            return False
        self._go_on(found, at)
        return True

    def _go_on(self, found: Found, at: int) -> None:
        reader = self._open(found.entry, at, found.seen)
        if isinstance(reader, PackedFile):
            reader.finished = found.over

    def _newer(self) -> list[Entry]:
        """The files that follow the present one."""
        reader = self.reader
        assert reader is not None
        base = self.mark.base if self.mark is not None else 0
        newer = self._shelf.after(made(base, reader.file, reader.modified, reader.seen, ended=False), 0)
        return [entry for entry in newer if entry.file != reader.file]

    def _next(self, entry: Entry) -> None:
        """Begins the next file."""
        self._facts.file_rotated(self.name)
        if self.mark is not None:
            self._previous = (self.mark, self.sequence - self.mark.base)
        self._restart(entry)

    def _restart(self, entry: Entry) -> PlainFile | PackedFile:
        before = self.mark
        reader = self._open(entry, 0, Fingerprint())
        modified = before.modified if before is not None else entry.modified
        self.mark = made(self.sequence, entry.file, modified, Fingerprint(), ended=False)
        return reader

    # When the file is not what it was

    def _changed(self, reader: PlainFile | PackedFile) -> Piece | None:
        """The file was emptied or rewritten, or its name is another's: what was not read may lie in a copy."""
        if self._find_copy(reader):
            return MORE
        here = self._shelf.of(reader.file)
        if here is None:
            return self._gone(reader)
        self._facts.file_truncated(self.name)
        if self._known > reader.at:
            self._facts.file_lost(self.name)
        if self.mark is not None:
            self._previous = (made(self.mark.base, _NO_FILE, self.mark.modified, Fingerprint(), ended=True), 0)
        self._restart(here)
        return MORE

    def _gone(self, reader: PlainFile | PackedFile) -> Piece | None:
        """The file has no name here any more, and was not held open."""
        if self._find_copy(reader):
            return MORE
        if self._known > reader.at or (isinstance(reader, PackedFile) and not reader.finished):
            self._facts.file_lost(self.name)
        else:
            self._facts.file_vanished(self.name)
        newer = self._newer()
        if newer:
            self._next(newer[0])
            return MORE
        self._forget(reader)
        return None

    def _find_copy(self, reader: PlainFile | PackedFile) -> bool:
        """Looks for the content of the file in others. True when it was found."""
        base = self.mark.base if self.mark is not None else 0
        return self._found(made(base, _NO_FILE, 0, reader.seen, ended=False), reader.at)

    def _forget(self, reader: PlainFile | PackedFile) -> None:
        """Nothing is left of the file; its position stays, for another file of this name."""
        reader.close()
        self.reader = None
        self._told_lost = True
        self._looks = 0

    def _failed(self, reader: PlainFile | PackedFile, error: Exception, monotonic: float) -> Piece | None:
        """The file cannot be read now, or is not whole yet: it is tried again when it has changed."""
        entry = self._shelf.of(reader.file)
        state = (0, 0) if entry is None else (entry.size, entry.modified)
        if self._broken is None or self._broken[1:] != state:
            self._broken = (monotonic, *state)
            self._facts.follow_failed(self.name, _problem(error))
            return None
        newer = self._newer()
        if isinstance(error, SourceError) and newer and monotonic - self._broken[0] >= GIVE_UP:
            self._facts.file_lost(self.name)
            self._next(newer[0])
            return MORE
        return None

    def _watch_left(self) -> None:
        """Whether the file that was left last grew after all."""
        if self._left is None:
            return
        file, size = self._left
        entry = self._shelf.of(file)
        if entry is not None and not entry.packed and entry.size > size:
            self._facts.file_grown_late(self.name, entry.size - size)
            self._left = (file, entry.size)


def _problem(error: Exception) -> str:
    if isinstance(error, SourceError):
        return error.message
    return f"It cannot be read ({getattr(error, 'strerror', None) or type(error).__name__})."
