"""Records that could not be used: a ring, bounded in rows and in bytes, byte-exact."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import cast

from detector.domain.quarantine import Quarantined, Reason
from detector.stores.checksums import checked
from detector.stores.database import Database


def keep(
    connection: sqlite3.Connection, records: Iterable[Quarantined], *, now: float, max_rows: int, max_bytes: int
) -> int:
    """Adds records and forgets the oldest beyond the bounds; returns how many were forgotten.

    `through` counts the bytes of all rows up to each, ever: the difference of two tells what lies between them.
    """
    number, through = connection.execute("SELECT id, through FROM quarantine ORDER BY id DESC LIMIT 1").fetchone() or (
        0,
        0,
    )
    for record in records:
        number += 1
        through += len(record.data)
        connection.execute(
            "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            checked(
                number,
                record.reason,
                _storable(record.detail),
                _storable(record.place),
                record.size,
                record.sha256,
                now,
                through,
                record.data,
            ),
        )
    fits = connection.execute(
        "SELECT id FROM quarantine WHERE id > ? AND through - length(data) >= ? ORDER BY id LIMIT 1",
        (number - max_rows, through - max_bytes),
    ).fetchone()
    first = fits[0] if fits is not None else number + 1
    return connection.execute("DELETE FROM quarantine WHERE id < ?", (first,)).rowcount


def read(database: Database) -> Iterator[Quarantined]:
    """What is kept, oldest first."""
    for reason, detail, data, size, digest, place in database.rows(
        "SELECT reason, detail, data, size, sha256, place FROM quarantine ORDER BY id"
    ):
        yield Quarantined(cast("Reason", reason), detail, data, size, digest, place)


def _storable(text: str) -> str:
    """File names may hold bytes that are no text: SQLite refuses the surrogates that stand for them."""
    return text.encode("utf-8", "backslashreplace").decode()
