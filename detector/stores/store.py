"""The store: memory, positions and outgoing alerts in one database, committed together or not at all."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock as Mutex
from types import TracebackType
from typing import Final, Self

from detector.stores import alerts, digests, inflight, quarantine, snapshots, writing
from detector.stores.alerts import FILE, Alerts
from detector.stores.checkpoints import Checkpoints
from detector.stores.database import Database
from detector.stores.errors import Fenced, StoreError, StoreUnavailable
from detector.stores.files import private_directory
from detector.stores.lock import Lock
from detector.stores.opening import owner, prepare
from detector.stores.outbox import Outbox
from detector.stores.reading import load
from detector.stores.records import Commit, Committed, Loaded, Opening
from detector.stores.wal import log_of
from detector.stores.workings import Workings


class Store:
    """One owner's view of the database; made by `open`.

    `load`, `commit`, `begin_inflight`, `forget_positions` and `close` belong to one worker thread. `outbox`,
    `alerts`, `snapshot`, `size` and `disk_free_ratio` may be used from any thread. All writing goes through one
    connection, one thread after the other: a second one would empty the page cache of the first with every commit,
    and wait for it by sleeping. Reading has a connection of its own, which thanks to the write-ahead log sees the
    last commit at any time without waiting.
    """

    def __init__(self, lock: Lock, directory: Path, opening: Opening, epoch: int, workings: Workings) -> None:
        settings = workings.settings
        self.opening: Final = opening
        """How the store came to be open."""
        self.epoch: Final = epoch
        """Number of this owner, higher than that of any owner before it; also the AMQP owner level."""
        self.path: Final = directory / FILE
        self._lock = lock
        self._workings = workings
        self._reader = Database(self.path, "ro", busy_seconds=settings.busy_seconds)
        try:
            self._writer = Database(
                self.path,
                "rw",
                full_sync=settings.full_sync,
                cache_bytes=settings.cache_bytes,
                busy_seconds=settings.busy_seconds,
            )
        except BaseException:
            self._reader.close()
            raise
        self._checkpoints = Checkpoints(self._writer, workings)
        self._snapshotting = Mutex()
        self.outbox: Final = Outbox(self._reader, self._writer, now=workings.now, facts=workings.facts, at=workings.at)
        """Alerts on their way to sinks."""
        self.alerts: Final = Alerts(self._reader, self._writer, now=workings.now)
        """Alerts raised, acknowledgements and suppressions."""

    @classmethod
    def open(cls, directory: Path, workings: Workings) -> Self:
        """Takes over the store in a directory, which is made if need be.

        Everything in it is read and checked. What is damaged is moved aside and replaced by the newest good snapshot,
        an older format is converted, and the epoch is raised: from now on every earlier owner is fenced off.

        Raises:
            StoreLocked: Another process has it open.
            StoreTooNew: A later release wrote it.
            StoreUnavailable: The disk refused.
        """
        started = workings.monotonic()
        private_directory(directory)
        lock = Lock(directory)
        try:
            opening, epoch = prepare(directory, lock, workings)
            store = cls(lock, directory, opening, epoch, workings)
        except BaseException:
            lock.release()
            raise
        workings.facts.store_opened(opening, epoch, workings.monotonic() - started)
        return store

    def load(self) -> Loaded:
        """All that an engine needs to go on where the last commit left off.

        Raises:
            StoreCorrupted: A row does not match its checksum.
            StoreUnavailable: The disk refused.
        """
        return load(self._writer, self.opening)

    def commit(self, batch: Commit) -> Committed:
        """Makes all that a batch changed durable, in one transaction.

        Raises:
            Fenced: A newer owner has the store; nothing was written. Stop.
            StoreUnavailable: The disk refused; the store is as before. Hold the batch and try again.
            StoreCorrupted: The file is damaged. Stop; the next start restores a snapshot.
        """
        workings, at = self._workings, self._workings.at
        at("before_begin")
        started = workings.monotonic()
        try:
            with self._owned() as connection:
                at("in_transaction")
                writing.write_state(connection, batch.state)
                writing.write_core(connection, batch.core)
                writing.write_counters(connection, batch.counters)
                self._write_digests(connection, batch)
                at("after_rows")
                done = writing.write_alerts(connection, batch.alerts, workings.now())
                forgotten = self._bound(connection, batch, bool(done.new or done.suppressed))
                kept = writing.write_positions(connection, batch.positions)
                writing.write_identities(connection, batch.identities)
                inflight.pass_by(connection, batch.positions)
                at("before_commit")
        except StoreUnavailable as error:
            workings.facts.commit_failed(str(error))
            raise
        at("after_commit")
        workings.facts.batch_committed(workings.monotonic() - started, len(batch.state), len(done.new))
        self._tell(batch, done, kept, forgotten)
        self._checkpoints.run_if_due()
        return done

    def begin_inflight(self, ranges: Mapping[str, tuple[int, int]]) -> None:
        """Writes down which messages are in work now: partition to first and last sequence number, inclusive.

        The commit that passes them clears the mark. If the process dies before, `Loaded.inflight` names the range
        and counts the deaths. Survives the process, but perhaps not a loss of power, which is no fault of a message.

        Raises:
            Fenced: A newer owner has the store.
            StoreUnavailable: The disk refused.
        """
        self._workings.at("before_inflight")
        try:
            with self._owned(brief=True) as connection:
                for partition, (first, last) in ranges.items():
                    inflight.begin(connection, partition, first, last)
        except StoreUnavailable as error:
            self._workings.facts.commit_failed(str(error))
            raise
        self._workings.at("after_inflight")

    def forget_positions(self, partitions: Collection[str], identities: Mapping[str, str]) -> None:
        """Forgets how far these partitions were read, and notes which hub they now belong to.

        The one way back, for an operator who has said that a hub was made anew under its old name.

        Raises:
            Fenced: A newer owner has the store.
            StoreUnavailable: The disk refused.
        """
        with self._owned() as connection:
            for table in ("positions", "inflight"):
                connection.executemany(
                    f"DELETE FROM {table} WHERE partition = ?",  # noqa: S608 -- names of our own
                    [(partition,) for partition in partitions],
                )
            writing.write_identities(connection, identities)

    def snapshot(self) -> snapshots.Manifest:
        """Copies the store, checks the copy, and keeps the newest few; reads beside the commits, in any thread.

        Raises:
            StoreCorrupted: The copy does not check, so the store is damaged. Stop; older snapshots are kept.
            StoreUnavailable: There is no room, or the disk refused; older snapshots are kept.
        """
        workings = self._workings
        started = workings.monotonic()
        try:
            with self._snapshotting:
                manifest = snapshots.take(
                    self.path,
                    created=workings.now(),
                    keep=workings.settings.snapshots,
                    steps=workings.steps,
                    at=workings.at,
                )
        except StoreError as error:
            workings.facts.snapshot_failed(str(error))
            raise
        workings.facts.snapshot_taken(manifest.snapshot, manifest.size, workings.monotonic() - started)
        return manifest

    def size(self) -> int:
        """Bytes of the database and its log on disk."""
        return sum(path.stat().st_size for path in (self.path, log_of(self.path)) if path.exists())

    def disk_free_ratio(self) -> float:
        """Part of the file system that is free for this process, from 0 to 1.

        Raises:
            StoreUnavailable: The directory is gone.
        """
        try:
            usage = shutil.disk_usage(self.path.parent)
        except OSError as error:
            raise StoreUnavailable(f"{self.path.parent}: It cannot be looked at ({error.strerror}).") from None
        return usage.free / usage.total if usage.total else 0.0

    def close(self, *, orderly: bool = True) -> None:
        """Ends: the log is carried over, the lock let go. Raises for no disk.

        Args:
            orderly: Nothing is in work. Otherwise what was marked as in work stays a suspect, as after a crash.
        """
        try:
            try:
                if orderly:
                    with self._owned() as connection:
                        inflight.leave(connection)
                self._workings.at("in_close")
                self._checkpoints.run()
            except StoreError:
                # All commits are durable already, and a new owner's marks are not ours to clear.
                pass
        finally:
            # The writer last: whoever closes last removes the log, which a reader may not do.
            self._reader.close()
            self._writer.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _owned(self, *, brief: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction that only the owner gets."""
        with self._writer.brief() if brief else self._writer.transaction() as connection:
            found = owner(connection)
            if found != self.epoch:
                self._workings.facts.commit_fenced(self.epoch, found)
                raise Fenced(
                    f"{self.path.parent}: Another process has taken over this store (epoch {found}, ours is "
                    f"{self.epoch}). This one must stop."
                )
            yield connection

    def _write_digests(self, connection: sqlite3.Connection, batch: Commit) -> None:
        if batch.forget_before is not None:
            digests.forget(connection, batch.forget_before)
        digests.append(connection, batch.digests)

    def _bound(self, connection: sqlite3.Connection, batch: Commit, alerted: bool) -> tuple[int, int]:
        """Keeps the quarantine; how many alerts and quarantined records were forgotten to stay within bounds."""
        settings = self._workings.settings
        records = 0
        if batch.quarantined:
            records = quarantine.keep(
                connection,
                batch.quarantined,
                now=float(self._workings.now()),
                max_rows=settings.quarantine_rows,
                max_bytes=settings.quarantine_bytes,
            )
        return (alerts.forget(connection, settings.alerts) if alerted else 0), records

    def _tell(self, batch: Commit, done: Committed, kept: list[str], forgotten: tuple[int, int]) -> None:
        facts = self._workings.facts
        suppressed = set(done.suppressed)
        for alert in batch.alerts:
            if alert.id in suppressed:
                facts.alert_suppressed(alert.detector)
        for partition in kept:
            facts.position_kept(partition)
        if forgotten[0]:
            facts.alerts_forgotten(forgotten[0])
        if forgotten[1]:
            facts.quarantine_forgotten(forgotten[1])
