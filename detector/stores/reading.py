"""Everything an engine needs, out of the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from detector.domain.delivery import Position
from detector.stores import digests, inflight
from detector.stores.checksums import checksum
from detector.stores.database import Database
from detector.stores.errors import StoreCorrupted
from detector.stores.records import CoreRow, Loaded, Opening, StateRow


def load(database: Database, opening: Opening) -> Loaded:
    """See `Loaded`.

    Raises:
        StoreCorrupted: A row does not match its checksum.
        StoreUnavailable: The disk refused.
    """
    with database.reading() as connection:
        core = _rows(connection, "core", "name, version, payload")
        return Loaded(
            opening=opening,
            state=_state(database),
            core={name: CoreRow(name, payload, version) for name, version, payload in core},
            positions={
                partition: Position(sequence, mark)
                for partition, sequence, mark in _rows(connection, "positions", "partition, sequence, mark")
            },
            identities=dict(_rows(connection, "identities", "source, identity")),
            digests=digests.load(connection),
            counters=dict(_rows(connection, "counters", "name, value")),
            inflight=inflight.load(connection),
        )


def _rows(connection: sqlite3.Connection, table: str, columns: str) -> Iterator[Any]:
    for *values, crc in connection.execute(f"SELECT {columns}, crc FROM {table}"):  # noqa: S608 -- names of our own
        _check(table, crc, *values)
        yield values


def _state(database: Database) -> Iterator[StateRow]:
    with database.reading() as connection:
        rows = connection.execute("SELECT kind, tenant, id, version, payload, crc FROM state ORDER BY rowid")
        for kind, tenant, identifier, version, payload, crc in rows:
            _check("state", crc, kind, tenant, identifier, version, payload)
            yield StateRow(kind, tenant, identifier, payload, version)


def _check(table: str, crc: int, *values: Any) -> None:  # noqa: ANN401 -- as SQLite gives them
    if checksum(*values) != crc:
        raise StoreCorrupted(f"A row of {table} does not match its checksum. Start again: a snapshot is restored.")
