"""Files of JSON lines: cut into chunks at line ends, never read as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import chain

from detector.decode.compiled import line_ends
from detector.domain.quarantine import MAX_BYTES, Quarantined
from detector.sources.chunk import CHUNK_BYTES, MAX_LINE_BYTES, Chunk

_LONGEST = CHUNK_BYTES + CHUNK_BYTES // 2
"""Whole lines up to this length stay together: a block that was read, with the line that its forerunner ended in."""


def record_lines(blocks: Iterator[bytes], place: str, max_line: int = MAX_LINE_BYTES) -> Iterator[Chunk]:
    """Lines that are records each: many to a chunk, of about `CHUNK_BYTES`."""
    line = 1
    for piece in _whole_lines(blocks, place, max_line):
        if isinstance(piece, Quarantined):
            yield Chunk(b"", place, "refused", line, refused=(piece,))
            line += 1
            continue
        yield Chunk(piece, place, "lines", line)
        line += line_ends(piece)


def message_lines(blocks: Iterator[bytes], place: str, max_line: int = MAX_LINE_BYTES) -> Iterator[Chunk]:
    """Lines that are messages of many records each: one to a chunk; blank lines are left out."""
    line = 0
    for piece in _whole_lines(blocks, place, max_line):
        if isinstance(piece, Quarantined):
            line += 1
            yield Chunk(b"", place, "refused", line, refused=(piece,))
            continue
        for data in piece.removesuffix(b"\n").split(b"\n"):
            line += 1
            if data and not data.isspace():
                yield Chunk(data, place, "body", line)


def _whole_lines(blocks: Iterator[bytes], place: str, max_line: int) -> Iterator[bytes | Quarantined]:
    """Bytes that end at a line end (or at the end of the file), about `CHUNK_BYTES` of them if lines are shorter.

    A line beyond `max_line` is refused, not gathered.
    """
    begun: list[bytes] = []
    size = 0
    for block in blocks:
        first = block.find(b"\n") + 1
        if size + (first or len(block)) > max_line:
            refused, block = _overlong(chain(begun, (block,), blocks), place, max_line)  # noqa: PLW2901 -- the rest
            yield refused
            begun, size = [], 0
            first = block.find(b"\n") + 1
        if not first:
            begun.append(block)
            size += len(block)
            continue
        cut = block.rfind(b"\n") + 1
        start = _end(block, 0, cut, max(0, CHUNK_BYTES - size))
        yield b"".join((*begun, memoryview(block)[:start]))  # a view: what is large is copied once
        while start < cut:
            end = _end(block, start, cut, CHUNK_BYTES)
            yield block[start:end]
            start = end
        begun, size = [block[cut:]], len(block) - cut
    last = b"".join(begun)
    if last:
        yield last


def _end(block: bytes, start: int, cut: int, most: int) -> int:
    """Where a piece ends that begins at `start`, at a line end not behind `cut`."""
    if cut - start <= _LONGEST:
        return cut
    return block.rfind(b"\n", start, start + most) + 1 or block.find(b"\n", start) + 1


def _overlong(pieces: Iterator[bytes], place: str, max_line: int) -> tuple[Quarantined, bytes]:
    """Reads on to the end of the line; gives its account, and what follows it in the last piece that was read."""
    digest = hashlib.sha256()
    head, rest = b"", b""
    size = 0
    for piece in pieces:
        line, end, rest = piece.partition(b"\n")
        digest.update(line)
        size += len(line)
        head += line[: MAX_BYTES - len(head)]
        if end:
            break
    refused = Quarantined(
        reason="too_large",
        detail=f"the line is longer than {max_line:,} bytes",
        data=head,
        size=size,
        sha256=digest.hexdigest(),
        place=place,
    )
    return refused, rest
