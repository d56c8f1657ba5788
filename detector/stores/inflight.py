"""Which messages are in work, written down before they are: who finds the mark after a crash knows the suspects.

A row says two things: the suspected range with how often the process died on it, and the range in work now. On the
next start a range in work becomes the suspected one, and its count rises. A commit that passes the suspected range
clears it; one that passes only part of it narrows it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final, NamedTuple

from detector.domain.delivery import Position
from detector.stores.checksums import checked
from detector.stores.records import Inflight

_READ: Final = "SELECT partition, first, last, crashes, alone, begun_first, begun_last FROM inflight"


class _Row(NamedTuple):
    partition: str
    first: int
    last: int
    crashes: int
    alone: int
    begun_first: int | None
    begun_last: int | None


def begin(connection: sqlite3.Connection, partition: str, first: int, last: int) -> None:
    """Marks messages `first` to `last` (sequence numbers, inclusive) of a partition as in work."""
    row = _row(connection, partition)
    if row is None or last < row.first or first > row.last:
        row = _Row(partition, first, last, 0, 0, None, None)
    _write(connection, row._replace(begun_first=first, begun_last=last))


def pass_by(connection: sqlite3.Connection, positions: Mapping[str, Position]) -> None:
    """A commit has reached these positions: what lies before them is no suspect."""
    for partition, position in positions.items():
        row = _row(connection, partition)
        if row is None or (row.begun_first is not None and position.sequence < row.begun_first):
            continue
        if position.sequence >= row.last or not row.crashes:
            connection.execute("DELETE FROM inflight WHERE partition = ?", (partition,))
        else:
            narrowed = max(row.first, position.sequence + 1)
            alone = row.alone if narrowed == row.first else 0
            _write(connection, row._replace(first=narrowed, alone=alone, begun_first=None, begun_last=None))


def leave(connection: sqlite3.Connection) -> None:
    """The process stops by itself: what is in work did not kill it."""
    for row in map(_Row._make, connection.execute(_READ).fetchall()):
        if not row.crashes:
            connection.execute("DELETE FROM inflight WHERE partition = ?", (row.partition,))
        elif row.begun_first is not None:
            _write(connection, row._replace(begun_first=None, begun_last=None))


def suspect(connection: sqlite3.Connection) -> None:
    """The process starts: what is still marked as in work was so when the last one died."""
    for row in map(_Row._make, connection.execute(_READ).fetchall()):
        if row.begun_first is None or row.begun_last is None:
            continue
        first, last = row.begun_first, row.begun_last
        alone = (row.alone if first == row.first else 0) + 1 if first == last else 0
        _write(connection, _Row(row.partition, first, last, row.crashes + 1, alone, None, None))


def load(connection: sqlite3.Connection) -> dict[str, Inflight]:
    """The suspects, by partition."""
    rows = map(_Row._make, connection.execute(_READ).fetchall())
    return {row.partition: Inflight(*row[:5]) for row in rows if row.crashes}


def _row(connection: sqlite3.Connection, partition: str) -> _Row | None:
    found = connection.execute(f"{_READ} WHERE partition = ?", (partition,)).fetchone()
    return _Row._make(found) if found is not None else None


def _write(connection: sqlite3.Connection, row: _Row) -> None:
    connection.execute(
        "INSERT INTO inflight VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (partition) DO UPDATE SET "
        "first = excluded.first, last = excluded.last, crashes = excluded.crashes, alone = excluded.alone, "
        "begun_first = excluded.begun_first, begun_last = excluded.begun_last, crc = excluded.crc",
        checked(*row),
    )
