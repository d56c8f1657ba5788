"""What the process that reads Parquet files and its parent tell each other: pieces of bytes behind their lengths."""

from __future__ import annotations

from typing import IO, Final

import msgspec

_LENGTH: Final = 4
LONGEST: Final = 2**31
"""Bytes of the longest piece."""


class Request(msgspec.Struct):
    """What is to be read; the blocks of the file follow, and an empty one."""

    longest_row: int
    """Bytes; a longer row is refused."""
    folder: str | None
    """Where the file is copied to."""
    only: list[str] | None
    """Names of columns in small letters; all by default."""


class Rows(msgspec.Struct, tag=True):
    """Some rows, each by column name as text."""

    rows: list[dict[str, str]]


class Refused(msgspec.Struct, tag=True):
    """A row that is too long."""

    size: int
    """About its bytes."""
    short: dict[str, str]
    """Those of its columns that are short."""


class Failed(msgspec.Struct, tag=True):
    """It cannot be read (any further)."""

    message: str
    """What is wrong and what to do: a sentence."""


class Ended(msgspec.Struct, tag=True):
    """All rows were told."""


Answer = Rows | Refused | Failed | Ended
ANSWER: Final = msgspec.msgpack.Decoder(Answer)


def write(stream: IO[bytes], piece: bytes) -> None:
    """Writes a piece."""
    stream.write(len(piece).to_bytes(_LENGTH, "little"))
    stream.write(piece)


def read(stream: IO[bytes]) -> bytes:
    """The next piece.

    Raises:
        EOFError: The other side is gone.
    """
    length = int.from_bytes(_exactly(stream, _LENGTH), "little")
    if length > LONGEST:
        raise EOFError
    return _exactly(stream, length)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
