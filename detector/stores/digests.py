"""Hashes of record ids by hour of event time: a few blobs an hour, never a row a record.

Each batch adds a blob. When an hour has `FAN` blobs of one level they become one blob of the next, so an hour of any
length has few rows and each hash is rewritten only a few times.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from detector.stores.checksums import checked, checksum
from detector.stores.errors import StoreCorrupted

FAN: Final = 32
_WIDTH: Final = 8


def append(connection: sqlite3.Connection, digests: Mapping[int, bytes]) -> None:
    """Adds the hashes of a batch.

    Raises:
        ValueError: A blob is not made of whole 64-bit numbers.
    """
    for hour, ids in digests.items():
        if len(ids) % _WIDTH:
            raise ValueError(f"{len(ids)} bytes are no whole number of 64-bit hashes")
        if ids:
            _insert(connection, hour, 0, bytes(ids))


def forget(connection: sqlite3.Connection, before: int) -> None:
    """Forgets all hours before `before`."""
    connection.execute("DELETE FROM digests WHERE hour < ?", (before,))


def load(connection: sqlite3.Connection) -> dict[int, bytes]:
    """Hour to its hashes, packed.

    Raises:
        StoreCorrupted: A row does not match its checksum.
    """
    parts: dict[int, list[bytes]] = {}
    for hour, level, part, ids, crc in connection.execute("SELECT hour, level, part, ids, crc FROM digests"):
        if checksum(hour, level, part, ids) != crc:
            raise StoreCorrupted("A row of digests does not match its checksum. Start again.")
        parts.setdefault(hour, []).append(ids)
    return {hour: b"".join(blobs) for hour, blobs in parts.items()}


def _insert(connection: sqlite3.Connection, hour: int, level: int, ids: bytes) -> None:
    count, last = connection.execute(
        "SELECT count(*), max(part) FROM digests WHERE hour = ? AND level = ?", (hour, level)
    ).fetchone()
    if count >= FAN - 1:
        older = connection.execute("SELECT ids FROM digests WHERE hour = ? AND level = ?", (hour, level)).fetchall()
        connection.execute("DELETE FROM digests WHERE hour = ? AND level = ?", (hour, level))
        _insert(connection, hour, level + 1, b"".join([*(blob for (blob,) in older), ids]))
        return
    part = 0 if last is None else last + 1
    connection.execute("INSERT INTO digests VALUES (?, ?, ?, ?, ?)", checked(hour, level, part, ids))
