"""What the store has to tell: the facts of `detector.stores`, as metrics and lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from detector.telemetry.log import Log
from detector.telemetry.metrics import Metrics
from detector.telemetry.scrubbing import scrubbed


class StoreFacts:
    """Facts of the store; told from whichever thread did it.

    Args:
        now: Wall clock, seconds since the epoch.
    """

    def __init__(self, metrics: Metrics, log: Log, *, now: Callable[[], float]) -> None:
        self._metrics: Final = metrics
        self._log: Final = log
        self._now: Final = now

    # Opening

    def store_opened(self, opening: str, epoch: int, seconds: float) -> None:
        """The store is ready."""
        self._metrics.set("epoch", epoch)
        self._log.say("store_opened", opening=opening, epoch=epoch, seconds=seconds)

    def log_cut(self, commits: int) -> None:
        """The end of the log did not check: the store is as it was so many commits ago, and is read on from there."""
        self._metrics.count("store_integrity_failures_total")
        self._log.say("log_cut", commits=commits)

    def store_corrupted(self, reason: str, moved_to: str) -> None:
        """A check failed on opening and the files were moved aside."""
        self._metrics.count("store_integrity_failures_total")
        self._log.say("store_corrupted", reason=scrubbed(reason), moved_to=moved_to)

    def store_restored(self, snapshot: str, age: float) -> None:
        """A snapshot took the place of the damaged store."""
        self._log.say("store_restored", snapshot=snapshot, age_seconds=age)

    def store_lost(self) -> None:
        """The store was damaged or gone, and no snapshot is good: it starts empty."""
        self._metrics.count("store_losses_total")
        self._log.say("store_lost")

    def store_migrated(self, before: int, after: int) -> None:
        """The format was raised."""
        self._log.say("store_migrated", before=before, after=after)

    # Snapshots

    def snapshot_taken(self, snapshot: str, size: int, seconds: float) -> None:
        """A checked copy of the store lies beside it."""
        self._metrics.count("store_snapshots_total", outcome="made")
        self._metrics.set("store_last_snapshot_timestamp_seconds", self._now())
        self._log.say("snapshot_taken", snapshot=snapshot, size=size, seconds=seconds)

    def snapshot_failed(self, reason: str) -> None:
        """No snapshot was taken; the older ones are kept."""
        self._metrics.count("store_snapshots_total", outcome="failed")
        self._log.say("snapshot_failed", reason=scrubbed(reason))

    def snapshot_ignored(self, snapshot: str, reason: str) -> None:
        """A snapshot was not fit to restore from."""
        self._metrics.count("store_snapshots_total", outcome="ignored")
        self._log.say("snapshot_ignored", snapshot=snapshot, reason=scrubbed(reason))

    # Transactions

    def batch_committed(self, seconds: float, rows: int, alerts: int) -> None:  # noqa: ARG002 -- the runtime counts them
        """A transaction is durable."""
        self._metrics.observe("commit_duration_seconds", seconds)
        self._metrics.count("state_rows_written_total", rows)

    def commit_failed(self, reason: str) -> None:
        """A transaction was undone; the caller holds the batch and tries again."""
        self._metrics.count("commit_failures_total")
        self._log.say("commit_failed", reason=scrubbed(reason))

    def commit_fenced(self, epoch: int, owner: int) -> None:
        """A newer owner was found."""
        self._metrics.count("commit_failures_total")
        self._log.say("commit_fenced", epoch=epoch, owner=owner)

    def position_kept(self, partition: str) -> None:
        """A commit brought an older position than the store has, which stays."""
        self._log.say("position_kept", partition=partition)

    def checkpoint_finished(self, seconds: float, pages: int) -> None:
        """The write-ahead log was carried over into the database."""

    def checkpoint_failed(self, reason: str) -> None:
        """The write-ahead log stays as it is and grows; nothing is lost."""
        self._log.say("checkpoint_failed", reason=scrubbed(reason))

    # What lies in it

    def alert_suppressed(self, detector: str) -> None:
        """An alert was stored and will not be sent; the runtime tells that too, with its id, and is listened to."""

    def alerts_forgotten(self, count: int) -> None:
        """The oldest alerts made room."""
        self._forgotten("stored_alerts", count)

    def quarantine_forgotten(self, count: int) -> None:
        """The oldest quarantined records made room."""
        self._forgotten("stored_quarantine", count)

    def alerts_sent(self, sink: str, count: int) -> None:
        """A sink has accepted alerts."""
        self._metrics.count("alerts_sent_total", count, sink=sink)

    def alerts_refused(self, sink: str, count: int) -> None:
        """A sink will never accept these alerts: they are kept as dead letters."""
        self._metrics.count("alerts_refused_total", count, sink=sink)

    def _forgotten(self, kind: str, count: int) -> None:
        self._metrics.count("state_evictions_total", count, kind=kind)
        self._log.say("state_evicted", kind, kind=kind, count=count)
