"""What a source hands on: bytes and where they came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from detector.domain.quarantine import Quarantined

Form = Literal["body", "lines", "rows", "refused"]
"""How a chunk is to be decoded: one message, whole JSON lines, rows of a table; or not at all, see `Chunk.refused`."""

CHUNK_BYTES: Final = 128 * 2**10
"""How much of a file of one-line records travels together: many records, and still within a processor's cache."""
MAX_LINE_BYTES: Final = 32 * 2**20
"""Longest line or array element that is kept in memory; the decoder's own limit for a message."""


class Chunk(msgspec.Struct, gc=False):
    """A few records, undecoded, in the order of their source."""

    data: bytes
    place: str
    """The file, as the person named it; `-` is standard input."""
    form: Form
    line: int = 0
    """Number in the file of the first line (or row), counted from 1; 0 where the order was changed."""
    rows: list[Mapping[str, str]] = []
    """The rows of a table, when `form` is `rows`; `data` is empty then."""
    refused: tuple[Quarantined, ...] = ()
    """Input that is too long to be held in memory, when `form` is `refused`."""


class FileFailure(msgspec.Struct, frozen=True):
    """A file that could not be read, or not to its end."""

    place: str
    message: str
    """What is wrong and what to do: a sentence."""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"
