"""Carrying the write-ahead log over into the database, when it has grown and at the end."""

from __future__ import annotations

from detector.stores.database import Database
from detector.stores.errors import StoreUnavailable
from detector.stores.wal import log_of
from detector.stores.workings import Workings


class Checkpoints:
    """Decides by the size of the log. SQLite's automatic checkpoints are off: they know no bound on a busy reader."""

    def __init__(self, writer: Database, workings: Workings) -> None:
        self._writer = writer
        self._workings = workings
        self._log = log_of(writer.path)
        self._step = workings.settings.checkpoint_bytes
        self._due = self._step

    def run_if_due(self) -> None:
        """Carries the log over if it has grown enough. Never raises for the disk: the commit before it is durable."""
        try:
            size = self._log.stat().st_size
        except OSError:
            return
        if size < self._due:
            return
        # Should a reader be in the way, the log grows by another step before the next try.
        self._due = self._step if self.run() else size + self._step

    def run(self) -> bool:
        """Carries the log over and empties it; whether it did, which a reader or a full disk may prevent."""
        workings = self._workings
        started = workings.monotonic()
        try:
            with self._writer.lock:
                ((_, pages, _),) = self._writer.rows("PRAGMA wal_checkpoint(PASSIVE)")
                workings.at("in_checkpoint")
                emptied = self._empty()
        except StoreUnavailable as error:
            workings.facts.checkpoint_failed(str(error))
            return False
        workings.facts.checkpoint_finished(workings.monotonic() - started, pages)
        return emptied

    def _empty(self) -> bool:
        """Everything is carried over: cuts the log to nothing, unless a reader still needs it."""
        wait = int(self._workings.settings.busy_seconds * 1000)
        self._writer.rows("PRAGMA busy_timeout = 0")
        try:
            ((busy, _, _),) = self._writer.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._writer.rows(f"PRAGMA busy_timeout = {wait}")
        return not busy
