"""A file that may grow: whole lines from a position on, and the proof that it is still the same file."""

from __future__ import annotations

import os
import stat
from typing import Final, NamedTuple

from detector.sources.follow.marks import HEAD, TAIL, Fingerprint, Mark
from detector.sources.follow.names import Entry

_SCAN: Final = 2**20


class Piece(NamedTuple):
    """What can be handed over."""

    body: bytes
    """Whole lines; or the beginning of one that is beyond the limit; or the end of a file without a line feed."""
    cut: int = 0
    """Length of a line beyond the limit, else 0."""
    unended: int = 0
    """Length of a last line that has no line feed, else 0."""


MORE: Final = Piece(b"", -1)
"""Nothing to hand over yet, but work was done and more is there."""
NOTE: Final = Piece(b"")
"""Nothing but the position is to be handed over."""


class Changed(Exception):  # noqa: N818 -- a fact about a file, not an error
    """What was read of the file is not in it any more: it was emptied or rewritten."""


class Gone(Exception):  # noqa: N818 -- a fact about a file, not an error
    """The file is not where it was: it was renamed or deleted."""


class PlainFile:
    """A file that lies as it was written.

    Args:
        entry: Where it is.
        at: Bytes of it that were handed over.
        seen: What those were.
        chunk: About how many bytes a piece has.
        max_line: Longest line that is handed over whole.
    """

    def __init__(self, entry: Entry, at: int, seen: Fingerprint, *, chunk: int, max_line: int) -> None:
        self.path = entry.path
        self.file: Final = entry.file
        self.at = at
        self.seen: Final = seen
        self.modified = entry.modified
        self.size = entry.size
        self.finished: Final = False
        self._chunk: Final = chunk
        self._max_line: Final = max_line
        self._scanned = 0
        self._descriptor: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether the file is held open."""
        return self._descriptor is not None

    def take(self) -> Piece | None:
        """The next piece; `None` while there is no whole line.

        Raises:
            Changed: What was read is not in it any more.
            Gone: It is not where it was.
            OSError: It cannot be read.
        """
        data = self._from_here(self._chunk)
        whole = data.rfind(b"\n") + 1
        if whole:
            return self._taken(data[:whole])
        return None if len(data) < self._chunk else self._long_line()

    def rest(self) -> Piece | None:
        """What follows the last line end of a file that grows no more."""
        data = self._from_here(self._max_line + 1)
        size = self.size - self.at
        if not data:
            return None
        self._jump(self.size)
        cut = size if size > self._max_line else 0
        return Piece(data, cut, 0 if cut else size)

    def linked(self) -> bool:
        """Whether the file still has a name somewhere."""
        return self._descriptor is None or os.fstat(self._descriptor).st_nlink > 0

    def close(self) -> None:
        """Lets go of the file; it is opened again when it is read."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _from_here(self, size: int) -> bytes:
        """Bytes from the position on, read in one go with those before it, which prove that all is as it was."""
        descriptor = self._opened()
        status = os.fstat(descriptor)
        self.size, self.modified = status.st_size, status.st_mtime_ns
        before = self.seen.tail
        data = os.pread(descriptor, len(before) + size, self.at - len(before))
        if not data.startswith(before):
            raise Changed
        return data[len(before) :]

    def _opened(self) -> int:
        if self._descriptor is None:
            try:
                descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except FileNotFoundError:
                raise Gone from None
            status = os.fstat(descriptor)
            if (status.st_dev, status.st_ino) != self.file or not stat.S_ISREG(status.st_mode):
                os.close(descriptor)
                raise Gone
            self._descriptor = descriptor
        return self._descriptor

    def _taken(self, body: bytes) -> Piece:
        self.at += len(body)
        self.seen.add(body)
        return Piece(body)

    def _long_line(self) -> Piece | None:
        """Looks on for the end of a line that is longer than a chunk; what was looked at is not looked at again."""
        descriptor = self._opened()
        self._scanned = max(self._scanned, self.at)
        data = os.pread(descriptor, _SCAN, self._scanned)
        end = data.find(b"\n") + 1
        if not end:
            self._scanned += len(data)
            return MORE if len(data) == _SCAN else None
        end += self._scanned
        size = end - self.at
        if size <= self._max_line:
            return self._taken(os.pread(descriptor, size, self.at))
        body = os.pread(descriptor, self._max_line + 1, self.at)
        self._jump(end)
        return Piece(body, size)

    def _jump(self, to: int) -> None:
        descriptor = self._opened()
        self.seen.head = os.pread(descriptor, min(HEAD, to), 0)
        self.seen.tail = os.pread(descriptor, min(TAIL, to), to - min(TAIL, to))
        self.at = to


def fingerprint_of(path: str, at: int) -> Fingerprint | None:
    """What a file holds where a position says that it was read; `None` when it is too short or cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(min(HEAD, at))
            file.seek(at - min(TAIL, at))
            tail = file.read(min(TAIL, at))
    except OSError:
        return None
    return Fingerprint(head, tail) if len(head) == min(HEAD, at) and len(tail) == min(TAIL, at) else None


def line_start(path: str, size: int) -> int:
    """The last line end at or before `size`: where one begins who wants only what is new."""
    with open(path, "rb", buffering=0) as file:
        end = size
        while end > 0:
            start = max(0, end - _SCAN)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n") + 1
            if found:
                return start + found
            end = start
    return 0


def holds(entry: Entry, mark: Mark, at: int) -> bool:
    """Whether a plain file holds what a position was taken of."""
    if entry.size < at:
        return False
    seen = fingerprint_of(entry.path, at)
    return seen is not None and seen.fits(mark)
