"""Parquet files as chunks of rows; what reads them is another process, see `detector.sources.parquet`."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Collection, Generator, Iterator
from importlib.util import find_spec
from typing import Final

import msgspec
import orjson

from detector.domain.quarantine import MAX_BYTES, Quarantined
from detector.errors import SourceError
from detector.sources.chunk import Chunk
from detector.sources.parquet import frames
from detector.sources.parquet.frames import ANSWER, Ended, Failed, Refused, Request

MISSING: Final = (
    "This is a Parquet file, and the library that reads it is not installed. "
    "Install entra-agent-detector[parquet], or export JSON lines or CSV."
)
BROKE: Final = (
    "The Parquet file broke the library that reads it: it is damaged, or needs too much memory; rows before were read. "
    "Copy it again, or write it in smaller row groups."
)
_ENCODER: Final = msgspec.msgpack.Encoder()


class ParquetReader:
    """Reads Parquet files; keeps the process that does it for the next one. To be closed.

    Args:
        folder: Where a file is copied to while it is read, for its index stands at its end; `None` for the system's
            folder for temporary files.
    """

    def __init__(self, folder: str | None = None) -> None:
        self._folder: Final = folder
        self._idle: subprocess.Popen[bytes] | None = None

    def rows(
        self, blocks: Iterator[bytes], place: str, longest_row: int, only: Collection[str] | None = None
    ) -> Iterator[Chunk]:
        """Chunks of rows, each row by column name as text.

        Args:
            blocks: The file from its beginning.
            place: How it is called in messages.
            longest_row: Bytes; a longer row is refused.
            only: Names of columns in small letters; all by default.

        Raises:
            SourceError: The library is missing; the file is damaged, cut off, or needs too much memory; the disk is
                full.
        """
        if find_spec("pyarrow") is None:
            raise SourceError(place, MISSING)
        process, self._idle = self._idle or _started(), None
        request = Request(longest_row, self._folder, None if only is None else sorted(only))
        failure: str | None = BROKE
        try:
            if _told(process, request, blocks):
                failure = yield from _answered(process, place)
        finally:
            if failure == BROKE or self._idle is not None:
                _end(process)
            else:
                self._idle = process
        if failure is not None:
            raise SourceError(place, failure)

    def close(self) -> None:
        """Ends the process."""
        if self._idle is not None:
            _end(self._idle)
            self._idle = None


def _started() -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),  # the same modules, and none out of this folder
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # gives back what is free, and is what the limit counts
    }
    return subprocess.Popen(
        (sys.executable, "-P", "-m", "detector.sources.parquet.worker"),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass
    process.stdout.close()
    process.wait()


def _told(process: subprocess.Popen[bytes], request: Request, blocks: Iterator[bytes]) -> bool:
    """Hands over a file; whether it was taken."""
    assert process.stdin is not None
    try:
        frames.write(process.stdin, _ENCODER.encode(request))
        for block in blocks:
            if block:
                frames.write(process.stdin, block)
        frames.write(process.stdin, b"")
        process.stdin.flush()
    except BrokenPipeError:
        return False
    return True


def _answered(process: subprocess.Popen[bytes], place: str) -> Generator[Chunk, None, str | None]:
    """Chunks; returns what went wrong."""
    assert process.stdout is not None
    number = 1
    while True:
        try:
            answer = ANSWER.decode(frames.read(process.stdout))
        except (EOFError, msgspec.MsgspecError):
            return BROKE
        match answer:
            case Ended():
                return None
            case Failed(message=message):
                return message
            case Refused():
                yield Chunk(b"", place, "refused", number, refused=(_account(answer, place),))
                number += 1
            case _:
                yield Chunk(b"", place, "rows", number, rows=list(answer.rows))
                number += len(answer.rows)


def _account(refused: Refused, place: str) -> Quarantined:
    data = orjson.dumps(refused.short)[:MAX_BYTES]
    return Quarantined(
        reason="too_large",
        detail="the row is longer than what is read at once; its long columns were left out",
        data=data,
        size=refused.size,
        sha256=hashlib.sha256(data).hexdigest(),
        place=place,
    )
