"""The parts of a commit. Each works inside a transaction that the caller holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from detector.domain.delivery import Position
from detector.domain.findings import SEVERITIES
from detector.stores import alerts, outbox, suppressions
from detector.stores.checksums import checked, checked_state
from detector.stores.records import HELD, Committed, CoreRow, NewAlert, StateRow

_UPSERT_STATE = (
    "INSERT INTO state VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, tenant, id) DO UPDATE SET "
    "version = excluded.version, payload = excluded.payload, crc = excluded.crc"
)
_UPSERT_CORE = (
    "INSERT INTO core VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
    "version = excluded.version, payload = excluded.payload, crc = excluded.crc"
)
_FORWARD = (
    "INSERT INTO positions VALUES (?, ?, ?, ?) ON CONFLICT (partition) DO UPDATE SET "
    "sequence = excluded.sequence, mark = excluded.mark, crc = excluded.crc "
    "WHERE excluded.sequence >= positions.sequence"
)
_UPSERT_IDENTITY = (
    "INSERT INTO identities VALUES (?, ?, ?) ON CONFLICT (source) DO UPDATE SET "
    "identity = excluded.identity, crc = excluded.crc"
)
_UPSERT_COUNTER = (
    "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value, crc = excluded.crc"
)


def write_state(connection: sqlite3.Connection, rows: Sequence[StateRow]) -> None:
    """Stores touched rows; deletes those without a payload. Of several rows of one key the last one holds."""
    last = {row[:3]: row for row in rows}
    connection.executemany(
        _UPSERT_STATE,
        (
            checked_state(kind, tenant, identifier, version, payload)
            for kind, tenant, identifier, payload, version in last.values()
            if payload is not None
        ),
    )
    connection.executemany(
        "DELETE FROM state WHERE kind = ? AND tenant = ? AND id = ?",
        [key for key, row in last.items() if row.payload is None],
    )


def write_core(connection: sqlite3.Connection, rows: Iterable[CoreRow]) -> None:
    """Stores the rows that hang under no key; deletes those without a payload."""
    for name, payload, version in rows:
        if payload is None:
            connection.execute("DELETE FROM core WHERE name = ?", (name,))
        else:
            connection.execute(_UPSERT_CORE, checked(name, version, payload))


def write_positions(connection: sqlite3.Connection, positions: Mapping[str, Position]) -> list[str]:
    """Moves positions forward; the partitions whose stored position was ahead already, and stays."""
    return [
        partition
        for partition, position in positions.items()
        if not connection.execute(_FORWARD, checked(partition, position.sequence, position.offset)).rowcount
    ]


def write_identities(connection: sqlite3.Connection, identities: Mapping[str, str]) -> None:
    """Stores what tells a hub from one made anew."""
    connection.executemany(_UPSERT_IDENTITY, [checked(source, identity) for source, identity in identities.items()])


def write_counters(connection: sqlite3.Connection, counters: Mapping[str, int]) -> None:
    """Stores totals."""
    connection.executemany(_UPSERT_COUNTER, [checked(name, int(value)) for name, value in counters.items()])


def write_alerts(connection: sqlite3.Connection, raised: Iterable[NewAlert], now: float) -> Committed:
    """Stores the alerts that are new, and puts those that are not held back or suppressed in line for their sinks."""
    new, suppressed, known = [], [], []
    for alert in raised:
        if alerts.known(connection, alert.id):
            known.append(alert.id)
            continue
        suppression = HELD if alert.held else suppressions.applied(connection, alert)
        alerts.insert(connection, alert, suppression, now)
        if suppression is not None:
            suppressed.append(alert.id)
        else:
            new.append(alert.id)
            outbox.enqueue(connection, alert, SEVERITIES.index(alert.severity), now)
    return Committed(tuple(new), tuple(suppressed), tuple(known))
