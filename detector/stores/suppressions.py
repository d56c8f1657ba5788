"""Alerts that somebody has decided not to be told about, for a while.

A suppression names one subject by its exact id, and has an owner, a reason and an end. It is judged by the event time
of an alert, never by a clock: so a replay, or a restart from a snapshot, comes to the same answer. The alert is
stored and counted; only no sink gets it.
"""

from __future__ import annotations

import re
import sqlite3
from math import isfinite
from typing import Any, Final

from detector.errors import UsageError
from detector.stores.checksums import checked, checksum
from detector.stores.errors import StoreCorrupted
from detector.stores.records import NewAlert, Suppression

LONGEST: Final = 180 * 86_400.0
"""Seconds that a suppression may last."""
SHORT: Final = 7 * 86_400.0
"""Seconds: who makes a suppression for no longer than this is not reminded of its end."""
IN_FORCE: Final = (
    "SELECT count(*), min(CASE WHEN expires - created > ? THEN expires END) FROM suppressions WHERE expires > ?"
)
"""How many there are, and the first end of those that last longer than `SHORT`; by that and the time now."""
COLUMNS: Final = ", ".join(Suppression._fields)
_ID: Final = re.compile("-".join(f"[0-9a-f]{{{digits}}}" for digits in (8, 4, 4, 4, 12)))
_MAX_TEXT: Final = 500


def add(connection: sqlite3.Connection, wanted: Suppression) -> Suppression:
    """Stores a suppression under the next number.

    Raises:
        UsageError: It is too broad, too long, or nobody stands for it.
    """
    checked_form = wanted._replace(
        id=connection.execute("SELECT coalesce(max(id), 0) + 1 FROM suppressions").fetchone()[0],
        subject=_subject(wanted.subject),
        detector=_text("detector", wanted.detector) if wanted.detector is not None else None,
        owner=_text("owner", wanted.owner),
        reason=_text("reason", wanted.reason),
        hits=0,
    )
    _check_span(checked_form)
    connection.execute("INSERT INTO suppressions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", checked(*checked_form))
    return checked_form


def applied(connection: sqlite3.Connection, alert: NewAlert) -> int | None:
    """The first suppression that an alert falls under, its hit counted; `None` when there is none."""
    for columns in connection.execute(
        f"SELECT {COLUMNS}, crc FROM suppressions WHERE subject = ? ORDER BY id",  # noqa: S608 -- names of our own
        (alert.subject.lower(),),
    ).fetchall():
        suppression = read(*columns)
        if suppression.detector in {None, alert.detector} and suppression.starts <= alert.time < suppression.expires:
            _write(connection, suppression._replace(hits=suppression.hits + 1))
            return suppression.id
    return None


def lift(connection: sqlite3.Connection, number: int, now: float) -> Suppression:
    """Ends a suppression now; what it kept back stays unsent.

    Raises:
        UsageError: There is none of that number, or it has ended already.
    """
    columns = connection.execute(
        f"SELECT {COLUMNS}, crc FROM suppressions WHERE id = ?",  # noqa: S608 -- names of our own
        (number,),
    ).fetchone()
    if columns is None:
        raise UsageError(f"There is no suppression {number}. `alerts suppressions` lists them.")
    suppression = read(*columns)
    if suppression.expires <= now:
        raise UsageError(f"Suppression {number} has ended already.")
    lifted = suppression._replace(expires=max(now, suppression.starts))
    _write(connection, lifted)
    return lifted


def read(*columns: Any) -> Suppression:  # noqa: ANN401 -- as SQLite gives them
    """A row with its checksum behind it.

    Raises:
        StoreCorrupted: It does not match.
    """
    *values, crc = columns
    suppression = Suppression._make(values)
    if checksum(*suppression) != crc:
        raise StoreCorrupted("A suppression does not match its checksum. Start the service again.")
    return suppression


def _subject(text: str) -> str:
    subject = text.strip().lower()
    if not _ID.fullmatch(subject):
        raise UsageError(
            "A suppression takes the object id or app id of its subject, like 00000000-0000-0000-0000-000000000000. "
            "A display name proves nothing: whoever makes an agent chooses it."
        )
    return subject


def _text(what: str, text: str) -> str:
    stripped = text.strip()
    if not stripped:
        raise UsageError(f"A suppression needs its {what}.")
    if len(stripped) > _MAX_TEXT:
        raise UsageError(f"The {what} of a suppression has at most {_MAX_TEXT} characters.")
    return stripped


def _check_span(suppression: Suppression) -> None:
    if not (isfinite(suppression.starts) and isfinite(suppression.expires)):
        raise UsageError("A suppression begins and ends at real times.")
    if suppression.expires <= suppression.starts or suppression.expires <= suppression.created:
        raise UsageError("A suppression must end later than it begins, and later than now.")
    if suppression.expires - suppression.starts > LONGEST:
        raise UsageError(
            f"A suppression lasts at most {LONGEST / 86_400:.0f} days. Choose an earlier end; it can be made again."
        )


def _write(connection: sqlite3.Connection, suppression: Suppression) -> None:
    connection.execute(
        "UPDATE suppressions SET expires = ?, hits = ?, crc = ? WHERE id = ?",
        (suppression.expires, suppression.hits, checksum(*suppression), suppression.id),
    )
