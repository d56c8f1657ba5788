"""How a file is recognised again, whatever it is called by then and however it is packed.

A position names the file by device and inode, which is quick, and by what was read of it: its first bytes and the bytes
just before the position. The content decides: inodes are used again, and a copy has another one.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from detector.domain.delivery import Position
from detector.errors import SourceError

HEAD: Final = 1_024
"""How many of the first bytes are looked at."""
TAIL: Final = 256
"""How many of the bytes before the position are looked at."""
_VERSION: Final = 1


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """The opaque text of a position, as a structure."""

    version: int
    base: int
    """Sequence number at which the file begins: bytes handed over before, of other files of the same name."""
    device: int
    inode: int
    modified: int
    """Nanoseconds since the epoch; which files are newer, when this one is gone."""
    head: str
    tail: str
    ended: bool
    """Whether nothing was left to read at that moment."""


class Fingerprint:
    """The first and the last bytes of what was read of a file, unpacked."""

    def __init__(self, head: bytes = b"", tail: bytes = b"") -> None:
        self.head = head
        self.tail = tail

    def add(self, data: bytes) -> None:
        """More was read."""
        if len(self.head) < HEAD:
            self.head += data[: HEAD - len(self.head)]
        self.tail = data[-TAIL:] if len(data) >= TAIL else (self.tail + data)[-TAIL:]

    def fits(self, mark: Mark) -> bool:
        """Whether a position was taken of the same content."""
        return digest(self.head) == mark.head and digest(self.tail) == mark.tail


def digest(data: bytes) -> str:
    """A short name of some bytes."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def position_text(mark: Mark) -> str:
    """The opaque text of a position."""
    return msgspec.json.encode(mark).decode()


def mark_of(partition: str, position: Position) -> Mark:
    """The mark in a stored position.

    Raises:
        SourceError: The position was written by another kind of source, or another version.
    """
    try:
        mark = msgspec.json.decode(position.offset, type=Mark)
    except msgspec.DecodeError:
        mark = None
    if mark is None or mark.version != _VERSION or not 0 <= mark.base <= position.sequence:
        raise SourceError(partition, "Its stored position is not one of a followed file. Start with another store.")
    return mark


def made(base: int, file: tuple[int, int], modified: int, seen: Fingerprint, ended: bool) -> Mark:
    """A mark of this version; `file` is device and inode."""
    return Mark(_VERSION, base, *file, modified, digest(seen.head), digest(seen.tail), ended)
