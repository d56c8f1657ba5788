"""Alerts on their way to sinks: a row for each alert and sink, until the sink has it or refuses it for good."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from detector.domain.findings import SEVERITIES
from detector.stores import alerts
from detector.stores.checksums import checked, checksum
from detector.stores.database import Database
from detector.stores.errors import StoreCorrupted
from detector.stores.facts import StoreFacts
from detector.stores.failpoints import At
from detector.stores.records import DeliveryStatus, Depth, NewAlert, OutboxRow

_MAX_REASON: Final = 500


class _Row(NamedTuple):
    alert_id: str
    sink: str
    severity: int
    subject: str
    turn: int
    status: DeliveryStatus
    attempts: int
    created: float
    changed: float
    reason: str | None


_COLUMNS: Final = ", ".join(_Row._fields)


def enqueue(connection: sqlite3.Connection, alert: NewAlert, severity: int, now: float) -> None:
    """Puts a new alert in line for each of its sinks.

    The turn makes the line fair: of the subjects that wait, each is served once before any is served again. A subject
    joins at the turn that is being served; each further alert of it stands one turn behind its last.
    """
    for sink in dict.fromkeys(alert.sinks):
        last = connection.execute(
            "SELECT max(turn) FROM outbox WHERE sink = ? AND severity = ? AND subject = ? AND status = 'pending'",
            (sink, severity, alert.subject),
        ).fetchone()[0]
        if last is None:
            served = connection.execute(
                "SELECT min(turn) FROM outbox WHERE sink = ? AND severity = ? AND status = 'pending'", (sink, severity)
            ).fetchone()[0]
            turn = served or 0
        else:
            turn = last + 1
        connection.execute(
            "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            checked(*_Row(alert.id, sink, severity, alert.subject, turn, "pending", 0, now, now, None)),
        )


class Outbox:
    """What sinks still have to get. Every method may be called from any thread.

    Reading uses a connection of its own, so it never waits for a commit; marking takes its turn with the commits.
    """

    def __init__(
        self, reader: Database, writer: Database, *, now: Callable[[], float], facts: StoreFacts, at: At
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._now = now
        self._facts = facts
        self._at = at

    def pending(self, sink: str, limit: int = 100) -> list[OutboxRow]:
        """What to send next: the most severe first, then in fair turns between subjects, then the oldest.

        Raises:
            StoreCorrupted: A row does not match its checksum.
            StoreUnavailable: The disk refused.
        """
        found = self._reader.rows(
            f"SELECT {_COLUMNS}, crc, (SELECT document FROM alerts WHERE id = alert_id) FROM outbox "  # noqa: S608
            "WHERE sink = ? AND status = 'pending' ORDER BY severity DESC, turn, created, alert_id LIMIT ?",
            (sink, limit),
        )
        return [_read(*columns) for columns in found]

    def depths(self) -> dict[str, Depth]:
        """How much waits, by sink; a sink with nothing waiting is left out."""
        found = self._reader.rows(
            "SELECT sink, count(*), min(created) FROM outbox WHERE status = 'pending' GROUP BY sink"
        )
        return {sink: Depth(rows, oldest) for sink, rows, oldest in found}

    def dead_letters(self) -> dict[str, int]:
        """How many alerts each sink refused for good; a sink that refused none is left out."""
        return dict(self._reader.rows("SELECT sink, count(*) FROM outbox WHERE status = 'dead' GROUP BY sink"))

    def mark_sent(self, sink: str, alert_ids: Iterable[str]) -> None:
        """The sink has these alerts. Lost with power: then they are sent again, under the same ids.

        Raises:
            StoreUnavailable: The disk refused; try again, or the alerts are sent again.
        """
        count = self._mark(sink, alert_ids, status="sent", reason=None)
        self._facts.alerts_sent(sink, count)

    def mark_failed(self, sink: str, alert_ids: Iterable[str], reason: str) -> None:
        """The sink will never take these alerts: they are kept as dead letters, and no longer tried."""
        count = self._mark(sink, alert_ids, status="dead", reason=reason)
        self._facts.alerts_refused(sink, count)

    def mark_tried(self, sink: str, alert_ids: Iterable[str], reason: str) -> None:
        """Sending failed for now: counted, and still to be sent."""
        self._mark(sink, alert_ids, status="pending", reason=reason)

    def hold_back(self, sink: str, alert_ids: Iterable[str], roll_up: NewAlert) -> None:
        """Makes dead letters (reason `held_back`) of alerts, and puts one that stands for them in line, all or nothing.

        A roll-up of the same id that still waits is replaced; one that the sink has, or refused, stays as it is.

        Raises:
            StoreUnavailable: The disk refused; nothing has changed.
        """
        self._at("before_mark_sent")
        now = float(self._now())
        with self._writer.brief() as connection:
            for alert_id in alert_ids:
                self._change(connection, sink, alert_id, status="dead", reason="held_back", since="pending", now=now)
            row = _row(connection, roll_up.id, sink)
            if not alerts.known(connection, roll_up.id):
                alerts.insert(connection, roll_up, None, now)
            elif row is not None and row.status == "pending":
                alerts.rewrite(connection, roll_up)
            if row is None:
                enqueue(connection, roll_up._replace(sinks=(sink,)), SEVERITIES.index(roll_up.severity), now)
            self._at("in_mark_sent")

    def abandon(self, sink: str, reason: str) -> int:
        """Makes dead letters of all that waits for a sink, e.g. one that is no longer configured; how many."""
        waiting = self._reader.rows("SELECT alert_id FROM outbox WHERE sink = ? AND status = 'pending'", (sink,))
        count = self._mark(sink, [alert_id for (alert_id,) in waiting], status="dead", reason=reason)
        if count:
            self._facts.alerts_refused(sink, count)
        return count

    def requeue(self, sink: str) -> int:
        """Sends the dead letters of a sink again; how many there are."""
        dead = self._reader.rows("SELECT alert_id FROM outbox WHERE sink = ? AND status = 'dead'", (sink,))
        return self._mark(sink, [alert_id for (alert_id,) in dead], status="pending", reason=None, since="dead")

    def _mark(
        self,
        sink: str,
        alert_ids: Iterable[str],
        *,
        status: DeliveryStatus,
        reason: str | None,
        since: DeliveryStatus = "pending",
    ) -> int:
        self._at("before_mark_sent")
        ids = list(alert_ids)
        if not ids:
            return 0
        now = float(self._now())
        with self._writer.brief() as connection:
            changed = [
                self._change(connection, sink, each, status=status, reason=reason, since=since, now=now) for each in ids
            ]
            self._at("in_mark_sent")
        return sum(changed)

    def _change(
        self,
        connection: sqlite3.Connection,
        sink: str,
        alert_id: str,
        *,
        status: DeliveryStatus,
        reason: str | None,
        since: DeliveryStatus,
        now: float,
    ) -> bool:
        row = _row(connection, alert_id, sink)
        if row is None or row.status != since:
            return False
        attempts = row.attempts + (reason is not None)
        said = reason[:_MAX_REASON].encode("utf-8", "backslashreplace").decode() if reason is not None else None
        _write(connection, row._replace(status=status, attempts=attempts, changed=now, reason=said))
        return True


def _read(*columns: Any) -> OutboxRow:  # noqa: ANN401 -- as SQLite gives them
    *values, crc, document = columns
    row = _Row._make(values)
    if checksum(*row) != crc or document is None:
        raise StoreCorrupted("A row of the outbox does not match its checksum. Start again.")
    return OutboxRow(row.alert_id, SEVERITIES[row.severity], row.subject, document, row.attempts, row.created)


def _row(connection: sqlite3.Connection, alert_id: str, sink: str) -> _Row | None:
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM outbox WHERE alert_id = ? AND sink = ?",  # noqa: S608 -- names of our own
        (alert_id, sink),
    ).fetchone()
    return _Row._make(found) if found is not None else None


def _write(connection: sqlite3.Connection, row: _Row) -> None:
    connection.execute(
        "UPDATE outbox SET status = ?, attempts = ?, changed = ?, reason = ?, crc = ? WHERE alert_id = ? AND sink = ?",
        (row.status, row.attempts, row.changed, row.reason, checksum(*row), row.alert_id, row.sink),
    )
