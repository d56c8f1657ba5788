"""What a store tells: past-tense facts. Who listens gives them names in metrics and logs."""

from __future__ import annotations

from typing import Final, Protocol

from detector.stores.records import Opening


class StoreFacts(Protocol):
    """Told by whichever thread did it; must not raise, and must not call the store back."""

    def store_opened(self, opening: Opening, epoch: int, seconds: float) -> None:
        """The store is ready; `seconds` is how long checks, restore and migration took."""

    def store_corrupted(self, reason: str, moved_to: str) -> None:
        """A check failed on opening and the files were moved aside. `reason` quotes no content."""

    def store_restored(self, snapshot: str, age: float) -> None:
        """A snapshot took the place of the damaged store; `age` in seconds: what is read again."""

    def store_lost(self) -> None:
        """The store was damaged or gone, and no snapshot is good: it starts empty."""

    def log_cut(self, commits: int) -> None:
        """The end of the log did not check: the store is as it was so many commits ago, and is read on from there.

        One may be the trace of a loss of power; more are damage to the disk.
        """

    def store_migrated(self, before: int, after: int) -> None:
        """The format was raised."""

    def snapshot_taken(self, snapshot: str, size: int, seconds: float) -> None:
        """A checked copy of the store lies beside it; `size` in bytes."""

    def snapshot_failed(self, reason: str) -> None:
        """No snapshot was taken; the older ones are kept."""

    def snapshot_ignored(self, snapshot: str, reason: str) -> None:
        """A snapshot was not fit to restore from."""

    def batch_committed(self, seconds: float, rows: int, alerts: int) -> None:
        """A transaction is durable; `rows` of state, `alerts` that are new."""

    def commit_failed(self, reason: str) -> None:
        """A transaction was undone; the caller holds the batch and tries again."""

    def commit_fenced(self, epoch: int, owner: int) -> None:
        """A newer owner was found; ours is `epoch`."""

    def position_kept(self, partition: str) -> None:
        """A commit brought an older position than the store has, which stays."""

    def checkpoint_finished(self, seconds: float, pages: int) -> None:
        """The write-ahead log was carried over into the database."""

    def checkpoint_failed(self, reason: str) -> None:
        """The write-ahead log stays as it is and grows; nothing is lost."""

    def alert_suppressed(self, detector: str) -> None:
        """An alert was stored and will not be sent."""

    def alerts_forgotten(self, count: int) -> None:
        """The oldest alerts made room."""

    def quarantine_forgotten(self, count: int) -> None:
        """The oldest quarantined records made room."""

    def alerts_sent(self, sink: str, count: int) -> None:
        """A sink has accepted alerts."""

    def alerts_refused(self, sink: str, count: int) -> None:
        """A sink will never accept these alerts: they are kept as dead letters."""


class Silent:
    """Tells nobody."""

    def store_opened(self, opening: Opening, epoch: int, seconds: float) -> None:
        """Nothing."""

    def store_corrupted(self, reason: str, moved_to: str) -> None:
        """Nothing."""

    def store_restored(self, snapshot: str, age: float) -> None:
        """Nothing."""

    def store_lost(self) -> None:
        """Nothing."""

    def log_cut(self, commits: int) -> None:
        """Nothing."""

    def store_migrated(self, before: int, after: int) -> None:
        """Nothing."""

    def snapshot_taken(self, snapshot: str, size: int, seconds: float) -> None:
        """Nothing."""

    def snapshot_failed(self, reason: str) -> None:
        """Nothing."""

    def snapshot_ignored(self, snapshot: str, reason: str) -> None:
        """Nothing."""

    def batch_committed(self, seconds: float, rows: int, alerts: int) -> None:
        """Nothing."""

    def commit_failed(self, reason: str) -> None:
        """Nothing."""

    def commit_fenced(self, epoch: int, owner: int) -> None:
        """Nothing."""

    def position_kept(self, partition: str) -> None:
        """Nothing."""

    def checkpoint_finished(self, seconds: float, pages: int) -> None:
        """Nothing."""

    def checkpoint_failed(self, reason: str) -> None:
        """Nothing."""

    def alert_suppressed(self, detector: str) -> None:
        """Nothing."""

    def alerts_forgotten(self, count: int) -> None:
        """Nothing."""

    def quarantine_forgotten(self, count: int) -> None:
        """Nothing."""

    def alerts_sent(self, sink: str, count: int) -> None:
        """Nothing."""

    def alerts_refused(self, sink: str, count: int) -> None:
        """Nothing."""


SILENT: Final[StoreFacts] = Silent()
