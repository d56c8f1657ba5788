"""Whether a database file holds what was written into it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from detector.stores import schema
from detector.stores.checksums import checksum
from detector.stores.errors import StoreCorrupted, StoreTooNew, StoreUnavailable
from detector.stores.wal import log_of

_HEADER: Final = b"SQLite format 3\x00"
_WAL: Final = b"\x02\x02"
_ROLLBACK: Final = b"\x01\x01"


def inspect(path: Path, steps: tuple[schema.Step, ...]) -> int:
    """Reads all of a database, without changing it, and returns its format; 0 when there is nothing in it yet.

    SQLite's integrity check sees damage to its structures; the checksum of each row sees a changed value; the totals
    see a row that is missing or older than the others; the comparison of the schema sees a changed trigger.

    Raises:
        StoreCorrupted: Something does not hold. The message says what and quotes no content.
        StoreTooNew: All of a newer format.
        StoreUnavailable: It cannot be read.
    """
    try:
        if not path.stat().st_size:
            return 0
        _check_header(path)
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA cell_size_check = ON")
            return _inspect(connection, path, steps)
    except (StoreCorrupted, StoreTooNew, StoreUnavailable):
        raise
    except OSError as error:
        raise StoreUnavailable(f"{path}: The store cannot be read ({error.strerror}).") from None
    except sqlite3.OperationalError as error:
        name = getattr(error, "sqlite_errorname", None) or ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_NOMEM", "SQLITE_IOERR")):
            raise StoreUnavailable(f"{path}: The store cannot be read ({name}).") from None
        raise StoreCorrupted(f"It cannot be read ({name or 'undecodable text'}).") from None
    except Exception as error:  # noqa: BLE001 -- damage shows as UnicodeDecodeError, OverflowError, ... too
        name = getattr(error, "sqlite_errorname", None) or type(error).__name__
        raise StoreCorrupted(f"It cannot be read ({name}).") from None


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(_HEADER):
        raise StoreCorrupted("It is no SQLite database, or cut off.")
    log = log_of(path)
    logged = log.exists() and log.stat().st_size > 0
    if header[18:20] != _WAL and (logged or header[18:20] != _ROLLBACK):
        # SQLite would read on without the log, as if what is in it had never happened.
        raise StoreCorrupted("Its header denies the write-ahead log.")


def _inspect(connection: sqlite3.Connection, path: Path, steps: tuple[schema.Step, ...]) -> int:
    marks = connection.execute("SELECT * FROM pragma_application_id, pragma_user_version").fetchone()
    found = schema.objects(connection)
    if not found and marks == (0, 0):
        return 0
    if marks[0] != schema.APPLICATION_ID:
        raise StoreCorrupted("It is not a store of this program.")
    number: int = marks[1]
    if schema.get_meta(connection, "format") != number:
        raise StoreCorrupted("Its header and its table disagree about the format.")
    if number > len(steps):
        raise StoreTooNew(
            f"{path}: The store has format {number}, this release knows up to {len(steps)}. Use the release that "
            "wrote it or a later one, or restore a snapshot from before the upgrade."
        )
    if found != schema.expected(steps[:number]):
        raise StoreCorrupted("Its tables are not those of its format.")
    _check_structure(connection)
    for table, columns in schema.columns(connection):
        _check_rows(connection, table, columns)
    return number


def _check_structure(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if found != [("ok",)]:
        raise StoreCorrupted("SQLite's integrity check fails.")


def _check_rows(connection: sqlite3.Connection, table: str, columns: list[str]) -> None:
    rows = crcs = 0
    names = ", ".join(columns)
    for *values, crc in connection.execute(f"SELECT {names}, crc FROM {table}"):  # noqa: S608 -- names of our own
        if checksum(*values) != crc:
            raise StoreCorrupted(f"A row of {table} does not match its checksum.")
        rows += 1
        crcs += crc
    totals = connection.execute("SELECT rows, crcs FROM totals WHERE name = ?", (table,)).fetchone()
    if totals != (rows, crcs):
        raise StoreCorrupted(f"Rows of {table} are missing, or of different commits.")
