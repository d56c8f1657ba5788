"""A connection to the database file: its settings, its transactions, and errors as sentences."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Final, Literal, NoReturn
from urllib.parse import quote

from detector.stores.errors import StoreCorrupted, StoreUnavailable

Mode = Literal["ro", "rw", "rwc"]
"""Read only; read and write; the same, and make the file when there is none. As in SQLite's URI."""

_TRANSIENT: Final = {
    "SQLITE_AUTH": "may not be used",
    "SQLITE_BUSY": "is busy",
    "SQLITE_CANTOPEN": "cannot be opened",
    "SQLITE_FULL": "cannot grow: the disk is full",
    "SQLITE_INTERRUPT": "was interrupted",
    "SQLITE_IOERR": "cannot be read or written: the disk reports an error",
    "SQLITE_LOCKED": "is locked",
    "SQLITE_NOLFS": "is too large for the file system",
    "SQLITE_NOMEM": "needs more memory than there is",
    "SQLITE_PERM": "may not be used",
    "SQLITE_PROTOCOL": "is busy",
    "SQLITE_READONLY": "cannot be written: the file or its file system is read-only",
}
"""Names of primary result codes after which the same call may succeed (https://www.sqlite.org/rescode.html)."""
_DAMAGE: Final = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})


class Database:
    """One connection that several threads may use, one after the other.

    Args:
        path: The database file.
        mode: See `Mode`.
        full_sync: Whether a commit waits until the disk has it (`synchronous=FULL`); else a loss of power, but no
            crash of a process, may undo the last commits.
        cache_bytes: Memory for pages.
        busy_seconds: How long to wait for another process that writes.

    Raises:
        StoreUnavailable: The file cannot be opened.
        StoreCorrupted: It is no database.
    """

    def __init__(
        self,
        path: Path,
        mode: Mode,
        *,
        full_sync: bool = True,
        cache_bytes: int = 2 * 2**20,
        busy_seconds: float = 10.0,
    ) -> None:
        self.path: Final = path
        self._sync: Final = "FULL" if full_sync else "NORMAL"
        self.lock: Final = RLock()
        with self._translated():
            self.connection: Final = sqlite3.connect(
                f"file:{quote(str(path.absolute()))}?mode={mode}",
                uri=True,
                timeout=busy_seconds,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._translated():
                self._prepare(mode, cache_bytes)
        except BaseException:
            self.connection.close()
            raise

    def _prepare(self, mode: Mode, cache_bytes: int) -> None:
        settings = {
            "synchronous": self._sync,
            "cache_size": -(cache_bytes // 1024),
            "cell_size_check": "ON",
            "trusted_schema": "OFF",
            "wal_autocheckpoint": 0,
            "temp_store": "MEMORY",
        }
        for name, value in settings.items():
            self.connection.execute(f"PRAGMA {name} = {value}")
        if mode == "ro":
            self.connection.execute("PRAGMA query_only = ON")
        else:
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA secure_delete = FAST")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written inside becomes durable at the end, or nothing of it when an exception leaves.

        Raises:
            StoreUnavailable: The disk refused; nothing has changed.
            StoreCorrupted: The file is damaged.
        """
        with self.lock, self._translated():
            connection = self.connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def brief(self) -> Iterator[sqlite3.Connection]:
        """A transaction that survives the death of the process, but perhaps not a loss of power: it does not wait."""
        with self.lock:
            with self._translated():
                self.connection.execute("PRAGMA synchronous = NORMAL")
            try:
                with self.transaction() as connection:
                    yield connection
            finally:
                self.connection.execute(f"PRAGMA synchronous = {self._sync}")

    def _roll_back(self) -> None:
        # After SQLITE_FULL and some I/O errors SQLite has rolled back by itself, and ROLLBACK would raise.
        if self.connection.in_transaction:
            try:
                self.connection.execute("ROLLBACK")
            except sqlite3.Error:
                pass

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, with errors as sentences; for long reads by the thread that owns it."""
        with self._translated():
            yield self.connection

    def rows(self, statement: str, parameters: tuple[Any, ...] | dict[str, Any] = ()) -> list[Any]:
        """All rows that a statement gives."""
        with self.lock, self._translated():
            return self.connection.execute(statement, parameters).fetchall()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise_translated(error, self.path)

    def close(self) -> None:
        """Closes the connection; a second time does nothing."""
        with self.lock:
            self.connection.close()


def raise_translated(error: sqlite3.Error, path: Path) -> NoReturn:
    """Raises the store's error for one of SQLite; a fault of ours stays what it is."""
    name = getattr(error, "sqlite_errorname", None) or ""
    primary = "_".join(name.split("_")[:2])
    if primary in _TRANSIENT:
        raise StoreUnavailable(f"{path}: The store {_TRANSIENT[primary]} ({name}). Nothing was changed.") from error
    if primary in _DAMAGE or (isinstance(error, sqlite3.OperationalError) and not name):
        raise StoreCorrupted(f"{path}: The store is damaged ({name or 'undecodable text'}). Start again.") from error
    raise error
