"""What a store has seen and said, at a glance; also while the service runs."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from detector.domain.findings import SEVERITIES, Severity
from detector.stores import schema
from detector.stores.alerts import FILE, check_format
from detector.stores.checksums import Value, checksum
from detector.stores.database import Database
from detector.stores.errors import StoreCorrupted, StoreError
from detector.stores.records import StateRow


class Raised(NamedTuple):
    """The stored alerts of one detector."""

    detector: str
    alerts: int
    last: float
    """Event time of the latest, seconds since the epoch."""
    last_id: str
    last_severity: Severity


class Overview(NamedTuple):
    """What a store holds."""

    counters: dict[str, int]
    """The account of all records, by fate."""
    raised: dict[str, Raised]
    """By detector; one without a stored alert is not in it."""
    rows: list[StateRow]
    """The rows of memory that were asked for."""


def overview(directory: Path, kinds: Collection[str]) -> Overview:
    """Reads it, with the rows of these kinds. Takes no lock and raises no epoch.

    Raises:
        StoreError: There is no store, or one of another format.
        StoreCorrupted: A row does not match its checksum.
        StoreUnavailable: It cannot be opened.
    """
    path = directory / FILE
    if not path.is_file():
        raise StoreError(f"{directory}: There is no store here. Name the directory that the service keeps it in.")
    with closing(Database(path, "ro")) as database:
        check_format(database, schema.STEPS)
        return Overview(_counters(database), _raised(database), _rows(database, kinds))


def _counters(database: Database) -> dict[str, int]:
    found = {}
    for name, value, crc in database.rows("SELECT name, value, crc FROM counters ORDER BY name"):
        _check("counters", crc, name, value)
        found[name] = value
    return found


def _raised(database: Database) -> dict[str, Raised]:
    found = database.rows(
        "SELECT detector, count(*) OVER (PARTITION BY detector), time, id, severity,"
        " row_number() OVER (PARTITION BY detector ORDER BY time DESC, id DESC) AS place FROM alerts"
    )
    return {
        detector: Raised(detector, alerts, time, identifier, SEVERITIES[severity])
        for detector, alerts, time, identifier, severity, place in found
        if place == 1
    }


def _rows(database: Database, kinds: Collection[str]) -> list[StateRow]:
    marks = ", ".join("?" for _ in kinds)
    found = database.rows(
        f"SELECT kind, tenant, id, version, payload, crc FROM state WHERE kind IN ({marks})",  # noqa: S608 -- marks only
        tuple(kinds),
    )
    rows = []
    for kind, tenant, identifier, version, payload, crc in found:
        _check("state", crc, kind, tenant, identifier, version, payload)
        rows.append(StateRow(kind, tenant, identifier, payload, version))
    return rows


def _check(table: str, crc: int, *values: Value) -> None:
    if checksum(*values) != crc:
        raise StoreCorrupted(f"A row of {table} does not match its checksum. Start the service again: it restores one.")
