"""Whether the end of the write-ahead log was lost: SQLite drops what does not check, and says nothing.

What is left is the store as of an earlier commit, as after a loss of power: sound, and read on from there. It is told,
not repaired. Layout of log and index: https://www.sqlite.org/walformat.html and https://www.sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import sqlite3
import struct
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC: Final = {0x377F0682: "<", 0x377F0683: ">"}
"""Mark of a log and the order of bytes that its checksums read in."""
_MX_FRAME: Final = 16
"""Offset in the index of the number of the last frame that counts."""


def log_of(path: Path) -> Path:
    """The write-ahead log that belongs to a database."""
    return path.with_name(path.name + "-wal")


def commits_lost(path: Path) -> int:
    """How many commits stand in the log behind the place where SQLite stopped reading it.

    One may be the trace of a commit that power failed in; more are damage. A log that was cut off leaves no trace.
    """
    log = log_of(path)
    if not log.exists() or log.stat().st_size < _HEADER.size:
        return 0
    with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # reads the log and writes the index
        with path.with_name(path.name + "-shm").open("rb") as index:
            index.seek(_MX_FRAME)
            valid = int.from_bytes(index.read(4), sys.byteorder)
    return sum(_commits(log, valid))


def _commits(log: Path, valid: int) -> Iterator[bool]:
    """Of each frame of the present round behind frame `valid`, whether it ends a commit."""
    with log.open("rb") as file:
        header = file.read(_HEADER.size)
        page = _HEADER.unpack(header)[2]
        if page not in {2**power for power in range(9, 17)}:
            page = 4096
        salts = header[16:24] if _sound(header) else _first_salts(file.read(_FRAME.size))
        number = valid
        while True:
            file.seek(_HEADER.size + number * (_FRAME.size + page))
            frame = file.read(_FRAME.size)
            if len(frame) < _FRAME.size:
                return
            if frame[8:16] == salts:
                yield frame[4:8] != b"\0\0\0\0"
            number += 1


def _first_salts(frame: bytes) -> bytes:
    """What marks the present round, when the header is damaged."""
    return frame[8:16]


def _sound(header: bytes) -> bool:
    """Whether the checksum of the log's header holds."""
    words = _HEADER.unpack(header)
    order = _MAGIC.get(words[0])
    if order is None:
        return False
    one = two = 0
    data = struct.unpack(f"{order}6I", header[:24])
    for even, odd in zip(data[::2], data[1::2], strict=True):
        one = (one + even + two) & 0xFFFFFFFF
        two = (two + odd + one) & 0xFFFFFFFF
    return (one, two) == words[6:8]
