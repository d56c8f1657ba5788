"""Tables, and how a store of an older format becomes one of this format.

Every table is STRICT and ends in `crc`, the checksum of the other columns (`detector.stores.checksums`). Triggers keep
in `totals` how many rows each table has and the sum of their checksums, so that a row which is missing, or which is
there in an older version, is noticed as well.

A store is always made by running all steps one after the other: so the text of its schema is the same however old
it is, and can be compared. A step that has run in the field is never edited; a new format is a new step.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

from detector.stores.checksums import checked, checksum

APPLICATION_ID: Final = 0x41474454
"""Header mark of our files: `AGDT`."""

Step = Callable[[sqlite3.Connection], None]
"""From one format to the next, inside a transaction that the caller holds; must not commit."""

_FORMAT_1: Final = {
    "meta": "name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL",
    "state": """kind TEXT NOT NULL, tenant TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
        payload BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (kind, tenant, id)""",
    "core": "name TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL, payload BLOB NOT NULL",
    "positions": "partition TEXT NOT NULL PRIMARY KEY, sequence INTEGER NOT NULL, mark TEXT NOT NULL",
    "identities": "source TEXT NOT NULL PRIMARY KEY, identity TEXT NOT NULL",
    "digests": """hour INTEGER NOT NULL, level INTEGER NOT NULL, part INTEGER NOT NULL, ids BLOB NOT NULL,
        crc INTEGER NOT NULL, PRIMARY KEY (hour, level, part)""",
    "counters": "name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL",
    "inflight": """partition TEXT NOT NULL PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL,
        crashes INTEGER NOT NULL, alone INTEGER NOT NULL, begun_first INTEGER, begun_last INTEGER""",
    "alerts": """id TEXT NOT NULL PRIMARY KEY, time REAL NOT NULL, severity INTEGER NOT NULL, detector TEXT NOT NULL,
        subject TEXT NOT NULL, suppressed_by INTEGER, created REAL NOT NULL, document BLOB NOT NULL""",
    "outbox": """alert_id TEXT NOT NULL, sink TEXT NOT NULL, severity INTEGER NOT NULL, subject TEXT NOT NULL,
        turn INTEGER NOT NULL, status TEXT NOT NULL, attempts INTEGER NOT NULL, created REAL NOT NULL,
        changed REAL NOT NULL, reason TEXT, crc INTEGER NOT NULL, PRIMARY KEY (alert_id, sink)""",
    "acknowledgements": """alert_id TEXT NOT NULL, who TEXT NOT NULL, at REAL NOT NULL, note TEXT NOT NULL,
        crc INTEGER NOT NULL, PRIMARY KEY (alert_id, who, at)""",
    "suppressions": """id INTEGER NOT NULL PRIMARY KEY, subject TEXT NOT NULL, detector TEXT, owner TEXT NOT NULL,
        reason TEXT NOT NULL, starts REAL NOT NULL, expires REAL NOT NULL, created REAL NOT NULL,
        hits INTEGER NOT NULL""",
    "quarantine": """id INTEGER NOT NULL PRIMARY KEY, reason TEXT NOT NULL, detail TEXT NOT NULL, place TEXT NOT NULL,
        size INTEGER NOT NULL, sha256 TEXT NOT NULL, received REAL NOT NULL, through INTEGER NOT NULL,
        data BLOB NOT NULL""",
}

_INDEXES_1: Final = (
    "CREATE INDEX alerts_time ON alerts (time, id)",
    "CREATE INDEX suppressions_subject ON suppressions (subject)",
    "CREATE INDEX outbox_order ON outbox (sink, severity DESC, turn, created, alert_id) WHERE status = 'pending'",
    "CREATE INDEX outbox_turns ON outbox (sink, severity, subject, turn) WHERE status = 'pending'",
)


def _first(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE totals (name TEXT NOT NULL PRIMARY KEY, rows INTEGER NOT NULL, crcs INTEGER NOT NULL) STRICT"
    )
    for table, columns in _FORMAT_1.items():
        create_table(connection, table, columns)
    for statement in _INDEXES_1:
        connection.execute(statement)


STEPS: Final[tuple[Step, ...]] = (_first,)
"""Step n makes format n + 1."""


def create_table(connection: sqlite3.Connection, table: str, columns: str) -> None:
    """Makes a table with its checksum and the triggers that keep its totals; for steps."""
    if "crc INTEGER" not in columns:
        columns += ", crc INTEGER NOT NULL"
    connection.execute(f"CREATE TABLE {table} ({columns}) STRICT")
    for event, change in (
        ("INSERT", "rows = rows + 1, crcs = crcs + NEW.crc"),
        ("UPDATE", "crcs = crcs + NEW.crc - OLD.crc"),
        ("DELETE", "rows = rows - 1, crcs = crcs - OLD.crc"),
    ):
        connection.execute(
            f"CREATE TRIGGER {table}_{event.lower()} AFTER {event} ON {table} BEGIN "  # noqa: S608 -- names of our own
            f"UPDATE totals SET {change} WHERE name = '{table}'; END"
        )
    connection.execute("INSERT INTO totals VALUES (?, 0, 0)", (table,))


def upgrade(connection: sqlite3.Connection, steps: tuple[Step, ...], found: int) -> None:
    """Runs the steps behind format `found` (0 is an empty file); the caller holds the transaction."""
    if found == 0:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    for step in steps[found:]:
        step(connection)
    connection.execute(f"PRAGMA user_version = {len(steps)}")
    set_meta(connection, "format", len(steps))


def set_meta(connection: sqlite3.Connection, name: str, value: int) -> None:
    """Writes one of the store's own numbers."""
    connection.execute(
        "INSERT INTO meta VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value, crc = excluded.crc",
        checked(name, value),
    )


def get_meta(connection: sqlite3.Connection, name: str) -> int | None:
    """One of the store's own numbers; `None` where it is not there or does not check."""
    row = connection.execute("SELECT value, crc FROM meta WHERE name = ?", (name,)).fetchone()
    return row[0] if row is not None and row[1] == checksum(name, row[0]) else None


def objects(connection: sqlite3.Connection) -> set[tuple[str, str, str, str | None]]:
    """Tables, indexes and triggers with the text that made them."""
    return set(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"))


def expected(steps: tuple[Step, ...]) -> set[tuple[str, str, str, str | None]]:
    """What `objects` must be of a store made by these steps."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for step in steps:
            step(connection)
        return objects(connection)


def columns(connection: sqlite3.Connection) -> Iterator[tuple[str, list[str]]]:
    """Every checked table and its columns but the checksum, in their order."""
    for (table,) in connection.execute("SELECT name FROM totals ORDER BY name").fetchall():
        found = connection.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,))
        yield table, [name for (name,) in found if name != "crc"]
