"""The alerts that were raised, and what people decided about them; also while the service runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from detector.domain.findings import SEVERITIES, Severity
from detector.errors import UsageError
from detector.stores import schema, suppressions
from detector.stores.checksums import checked, checksum
from detector.stores.database import Database
from detector.stores.errors import StoreCorrupted, StoreError, StoreTooNew
from detector.stores.records import Acknowledgement, Dispatch, InForce, NewAlert, StoredAlert, Suppression

FILE: Final = "store.db"
_MAX_NOTE: Final = 2_000
_ALERT: Final = "id, time, severity, detector, subject, suppressed_by, created, document, crc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which alerts; a setting that is `None` leaves out none."""

    least: Severity = "info"
    """Least severity."""
    detector: str | None = None
    subject: str | None = None
    """Exact id."""
    since: float = -inf
    """Event time, seconds since the epoch, UTC."""
    until: float = inf
    """Event time, exclusive."""
    acknowledged: bool | None = None
    suppressed: bool | None = None
    limit: int = 1_000
    """The newest so many."""


def insert(connection: sqlite3.Connection, alert: NewAlert, suppressed_by: int | None, now: float) -> bool:
    """Stores an alert; whether it is new. One that is known stays as it was first told."""
    row = checked(
        alert.id,
        float(alert.time),
        SEVERITIES.index(alert.severity),
        alert.detector,
        alert.subject,
        suppressed_by,
        float(now),
        bytes(alert.document),
    )
    return connection.execute("INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row).rowcount == 1


def known(connection: sqlite3.Connection, alert_id: str) -> bool:
    """Whether an alert is stored."""
    return connection.execute("SELECT 1 FROM alerts WHERE id = ?", (alert_id,)).fetchone() is not None


def rewrite(connection: sqlite3.Connection, alert: NewAlert) -> None:
    """Gives a stored alert another document, time and severity; only for a roll-up, which grows while it waits."""
    suppressed_by, created = connection.execute(
        "SELECT suppressed_by, created FROM alerts WHERE id = ?", (alert.id,)
    ).fetchone()
    severity, document = SEVERITIES.index(alert.severity), bytes(alert.document)
    columns = (alert.id, float(alert.time), severity, alert.detector, alert.subject, suppressed_by, created, document)
    connection.execute(
        "UPDATE alerts SET time = ?, severity = ?, detector = ?, subject = ?, document = ?, crc = ? WHERE id = ?",
        (float(alert.time), severity, alert.detector, alert.subject, document, checksum(*columns), alert.id),
    )


def forget(connection: sqlite3.Connection, most: int) -> int:
    """Forgets the alerts with the oldest event time beyond `most`, never one that waits to be sent; how many."""
    (rows,) = connection.execute("SELECT rows FROM totals WHERE name = 'alerts'").fetchone()
    if rows <= most:
        return 0
    ids = connection.execute(
        "SELECT id FROM alerts WHERE NOT EXISTS"
        " (SELECT 1 FROM outbox WHERE alert_id = alerts.id AND status = 'pending') ORDER BY time, id LIMIT ?",
        (rows - most,),
    ).fetchall()
    for table, column in (("outbox", "alert_id"), ("acknowledgements", "alert_id"), ("alerts", "id")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", ids)  # noqa: S608 -- names of our own
    return len(ids)


class Alerts:
    """Lists and marks alerts. Every method may be called from any thread; from another process too, see `open`."""

    def __init__(self, reader: Database, writer: Database | None, *, now: Callable[[], float]) -> None:
        self._reader = reader
        self._writer = writer
        self._now = now

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        now: Callable[[], float],
        writable: bool = False,
        steps: tuple[schema.Step, ...] = schema.STEPS,
    ) -> Self:
        """The alerts of a store that a service may have open: takes no lock and raises no epoch.

        Raises:
            StoreError: There is no store, or one of another format.
            StoreUnavailable: It cannot be opened.
        """
        path = directory / FILE
        if not path.is_file():
            raise StoreError(f"{directory}: There is no store here. Name the directory that the service keeps it in.")
        reader = Database(path, "ro")
        try:
            check_format(reader, steps)
            writer = Database(path, "rw") if writable else None
        except BaseException:
            reader.close()
            raise
        return cls(reader, writer, now=now)

    def close(self) -> None:
        """Closes the connections."""
        self._reader.close()
        if self._writer is not None:
            self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def find(self, wanted: Filter) -> list[StoredAlert]:
        """Alerts in order of event time, the newest last.

        Raises:
            StoreCorrupted: A row does not match its checksum.
        """
        parameters = {**asdict(wanted), "least": SEVERITIES.index(wanted.least)}
        rows = self._reader.rows(
            f"SELECT {_ALERT} FROM alerts WHERE severity >= :least"  # noqa: S608 -- names of our own
            " AND time >= :since AND time < :until"
            " AND (:detector IS NULL OR detector = :detector) AND (:subject IS NULL OR subject = :subject)"
            " AND (:suppressed IS NULL OR (suppressed_by IS NOT NULL) = :suppressed)"
            " AND (:acknowledged IS NULL OR :acknowledged ="
            " EXISTS (SELECT 1 FROM acknowledgements WHERE alert_id = alerts.id))"
            " ORDER BY time DESC, id DESC LIMIT :limit",
            parameters,
        )
        return [self._complete(row) for row in reversed(rows)]

    def get(self, alert_id: str) -> StoredAlert:
        """One alert.

        Raises:
            UsageError: There is none of that id; says which may be meant.
        """
        rows = self._reader.rows(f"SELECT {_ALERT} FROM alerts WHERE id = ?", (alert_id,))  # noqa: S608 -- as above
        if not rows:
            raise UsageError(self._unknown(alert_id))
        return self._complete(rows[0])

    def acknowledge(self, alert_ids: Iterable[str], *, who: str, note: str = "") -> list[Acknowledgement]:
        """Notes that somebody has seen to alerts: all of them or, when one is not known, none.

        Raises:
            UsageError: An alert is not known, or nobody is named.
        """
        if not who.strip():
            raise UsageError("An acknowledgement needs a name: say who has seen to the alert.")
        if len(who) > _MAX_NOTE or len(note) > _MAX_NOTE:
            raise UsageError(f"Name and note have at most {_MAX_NOTE} characters.")
        at = float(self._now())
        made = [Acknowledgement(each, who.strip(), at, note.strip()) for each in dict.fromkeys(alert_ids)]
        with self._writing().transaction() as connection:
            for acknowledgement in made:
                if not known(connection, acknowledgement.alert_id):
                    raise UsageError(self._unknown(acknowledgement.alert_id))
                connection.execute(
                    "INSERT INTO acknowledgements VALUES (?, ?, ?, ?, ?) ON CONFLICT (alert_id, who, at) DO NOTHING",
                    checked(*acknowledgement),
                )
        return made

    def suppress(
        self,
        subject: str,
        *,
        owner: str,
        reason: str,
        expires: float,
        detector: str | None = None,
        starts: float | None = None,
    ) -> Suppression:
        """Keeps alerts about a subject from being sent, by event time from `starts` (now) up to `expires`.

        Raises:
            UsageError: It is too broad or too long, or nobody stands for it.
        """
        now = float(self._now())
        begins = now if starts is None else float(starts)
        wanted = Suppression(0, subject, detector, owner, reason, begins, float(expires), now, 0)
        with self._writing().transaction() as connection:
            return suppressions.add(connection, wanted)

    def lift(self, number: int) -> Suppression:
        """Ends a suppression now.

        Raises:
            UsageError: There is none of that number in force.
        """
        with self._writing().transaction() as connection:
            return suppressions.lift(connection, number, float(self._now()))

    def suppressions(self, *, ended: bool = False) -> list[Suppression]:
        """Suppressions in force, and those that have ended too if asked; by number.

        Raises:
            StoreCorrupted: A row does not match its checksum.
        """
        rows = self._reader.rows(f"SELECT {suppressions.COLUMNS}, crc FROM suppressions ORDER BY id")  # noqa: S608
        now = self._now()
        return [each for row in rows if (each := suppressions.read(*row)).expires > now or ended]

    def in_force(self) -> InForce:
        """How many suppressions are in force, and when the first ends of which one is reminded."""
        ((count, expiry),) = self._reader.rows(suppressions.IN_FORCE, (suppressions.SHORT, self._now()))
        return InForce(count, expiry)

    def _writing(self) -> Database:
        if self._writer is None:
            raise StoreError("The store was opened for reading only.")
        return self._writer

    def _complete(self, row: tuple[Any, ...]) -> StoredAlert:
        *values, crc = row
        if checksum(*values) != crc:
            raise StoreCorrupted(
                "An alert does not match its checksum. Start the service again: it restores a snapshot."
            )
        number, time, severity, detector, subject, suppressed_by, created, document = values
        return StoredAlert(
            number,
            time,
            SEVERITIES[severity],
            detector,
            subject,
            suppressed_by,
            created,
            document,
            tuple(
                Acknowledgement._make(found)
                for found in self._reader.rows(
                    "SELECT alert_id, who, at, note FROM acknowledgements WHERE alert_id = ? ORDER BY at, who",
                    (number,),
                )
            ),
            tuple(
                Dispatch._make(found)
                for found in self._reader.rows(
                    "SELECT sink, status, attempts, changed, reason FROM outbox WHERE alert_id = ? ORDER BY sink",
                    (number,),
                )
            ),
        )

    def _unknown(self, alert_id: str) -> str:
        wanted = alert_id.strip().lower()
        if not wanted or not wanted.isalnum() or len(wanted) > 64:
            return "That is no alert id. Ids are 32 hex digits; `alerts list` shows them."
        found = self._reader.rows(
            "SELECT id FROM alerts WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 2", (len(wanted), wanted)
        )
        hint = "`alerts list` shows the ids."
        if len(found) == 1:
            hint = f"Did you mean {found[0][0]}?"
        elif found:
            hint = "Several begin like this: write more of it."
        return f"There is no alert {wanted}. {hint}"


def check_format(reader: Database, steps: tuple[schema.Step, ...]) -> None:
    """Refuses a file that is no store of this format.

    Raises:
        StoreError: It is another file, or a store of another format.
    """
    ((number, mark),) = reader.rows("SELECT * FROM pragma_user_version, pragma_application_id")
    if mark != schema.APPLICATION_ID:
        raise StoreError(f"{reader.path}: It is not a store of this program, or the service has not started yet.")
    if number > len(steps):
        raise StoreTooNew(f"{reader.path}: The store has format {number}, this release knows up to {len(steps)}.")
    if number < len(steps):
        raise StoreError(f"{reader.path}: The store is of an older release. Start the service once: it converts it.")
