"""A file packed with gzip or zstd, which grows no more: read once, from a position in its unpacked bytes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final, TypeAlias

import zstandard

from detector.errors import SourceError
from detector.sources.follow.marks import HEAD, TAIL, Fingerprint, Mark, digest
from detector.sources.follow.names import Entry
from detector.sources.follow.plain import Changed, Gone, Piece
from detector.sources.streams import Input

_Read: TypeAlias = tuple[Piece, int, Fingerprint | None]
"""A piece, how many bytes it stands for, and their fingerprint where it does not hold all of them."""


class PackedFile:
    """A packed file; the interface is that of `PlainFile`.

    Args:
        entry: Where it is.
        at: Unpacked bytes that were handed over.
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
        self.size = at
        """As far as is known: nobody can say how much is left without unpacking it."""
        self.finished = False
        """Whether its end was reached."""
        self._chunk: Final = chunk
        self._max_line: Final = max_line
        self._pieces: Iterator[_Read] | None = None
        self._ahead: _Read | Exception | None = None
        """Read in advance, so that it is known of the last piece that it is the last."""

    @property
    def is_open(self) -> bool:
        """Whether the file is held open."""
        return self._pieces is not None

    def take(self) -> Piece | None:
        """The next piece; `None` at the end.

        Raises:
            Changed: The file does not hold what was read of it.
            Gone: It is not where it was.
            SourceError: It is damaged or not whole yet.
            OSError: It cannot be read.
        """
        if self.finished:
            return None
        if self._pieces is None:
            self._pieces = self._read()
            self._ahead = self._next(self._pieces)
        read, self._ahead = self._ahead, None
        if isinstance(read, Exception):
            self._pieces = None
            raise read
        if read is not None:
            self._ahead = self._next(self._pieces)
        if self._ahead is None:
            self.finished = True
            self._pieces = None
        return self._taken(*read) if read is not None else None

    @staticmethod
    def _next(pieces: Iterator[_Read]) -> _Read | Exception | None:
        """The next piece, `None` at the end, or why there is none."""
        try:
            return next(pieces, None)
        except FileNotFoundError:
            return Gone()
        except (Changed, SourceError, OSError) as error:
            return error

    def _taken(self, piece: Piece, size: int, seen: Fingerprint | None) -> Piece:
        self.at += size
        self.size = self.at
        if seen is None:
            self.seen.add(piece.body)
        else:
            self.seen.head = (self.seen.head + seen.head)[:HEAD]
            self.seen.tail = (self.seen.tail + seen.tail)[-TAIL:]
        return piece

    def rest(self) -> Piece | None:
        """Nothing: a last line without a line feed is a piece like others."""
        return None

    def linked(self) -> bool:
        """Whether the file still has a name: nobody holds it open for long."""
        return True

    def close(self) -> None:
        """Lets go of the file."""
        self._pieces = self._ahead = None

    def _read(self) -> Iterator[_Read]:
        blocks = Input(self.path).blocks(counted=False)
        first, seen = _skipped(blocks, self.at)
        if (seen.head, seen.tail) != (self.seen.head[: len(seen.head)], self.seen.tail):
            raise Changed
        yield from _pieces(first, blocks, self._chunk, self._max_line)


def holds(entry: Entry, mark: Mark, at: int) -> Fingerprint | None:
    """What a packed file holds before a position, when the position was taken of it."""
    try:
        _, seen = _skipped(Input(entry.path).blocks(counted=False), at)
    except (SourceError, OSError, Changed):
        return None
    return seen if seen.fits(mark) else None


def is_over(entry: Entry, mark: Mark, at: int) -> bool:
    """Whether a position was taken at the end of a file with this content, without unpacking all of it.

    It begins the same, and says of itself that it is as long: gzip in its last four bytes (RFC 1952, ISIZE), zstd in
    the head of its frame (RFC 8878, Frame_Content_Size). One that does not say has to be unpacked.
    """
    if entry.file == (mark.device, mark.inode) and entry.modified != mark.modified:
        return False
    try:
        return _stated_size(entry.path) == at and digest(_head(entry.path, at)) == mark.head
    except (SourceError, OSError, zstandard.ZstdError):
        return False


def _stated_size(path: str) -> int:
    with open(path, "rb") as file:
        head = file.read(18)
        if head.startswith(b"\x1f\x8b"):
            file.seek(-4, os.SEEK_END)
            return int.from_bytes(file.read(4), "little")
    return zstandard.get_frame_parameters(head).content_size


def _head(path: str, at: int) -> bytes:
    head = b""
    for block in Input(path).blocks(counted=False):
        head += block
        if len(head) >= min(HEAD, at):
            break
    return head[: min(HEAD, at)]


def _skipped(blocks: Iterator[bytes], at: int) -> tuple[bytes, Fingerprint]:
    """Passes over so many bytes; gives the rest of the last block, and what was passed."""
    seen = Fingerprint()
    while at > 0:
        block = next(blocks, b"")
        if not block:
            raise Changed
        seen.add(block[:at])
        if len(block) > at:
            return block[at:], seen
        at -= len(block)
    return b"", seen


def _pieces(begun: bytes, blocks: Iterator[bytes], chunk: int, max_line: int) -> Iterator[_Read]:
    """Pieces, how many bytes each stands for, and their fingerprint where the piece does not hold all of them."""
    for block in blocks:
        begun += block
        while (end := _cut(begun, chunk)) > 0:
            yield _whole(begun[:end], chunk, max_line)
            begun = begun[end:]
        if len(begun) > max_line:
            piece, size, seen, begun = _overlong(begun, blocks, max_line)
            yield piece, size, seen
    while (end := _cut(begun, chunk)) > 0:
        yield _whole(begun[:end], chunk, max_line)
        begun = begun[end:]
    if begun:
        yield Piece(begun, 0, len(begun)), len(begun), None


def _whole(lines: bytes, chunk: int, max_line: int) -> _Read:
    """Lines that fit a chunk, or one line that does not and may be beyond the limit."""
    size = len(lines)
    if size <= max(chunk, max_line):
        return Piece(lines), size, None
    seen = Fingerprint()
    seen.add(lines)
    return Piece(lines[: max_line + 1], size), size, seen


def _cut(data: bytes, chunk: int) -> int:
    """The last line end within a chunk, or the first one behind it; 0 when there is none."""
    return data.rfind(b"\n", 0, chunk) + 1 or data.find(b"\n") + 1


def _overlong(begun: bytes, blocks: Iterator[bytes], max_line: int) -> tuple[Piece, int, Fingerprint, bytes]:
    seen = Fingerprint()
    seen.add(begun)
    body, size = begun[: max_line + 1], len(begun)
    for block in blocks:
        line, end, rest = block.partition(b"\n")
        seen.add(line + end)
        size += len(line) + len(end)
        if end:
            return Piece(body, size), size, seen, rest
    return Piece(body, size), size, seen, b""
