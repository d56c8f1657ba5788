"""Goes round every few seconds: what waits, how full the disk is, how far behind the source; takes snapshots."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from detector.stores.errors import StoreCorrupted, StoreError
from detector.telemetry.health import Reason

if TYPE_CHECKING:
    from detector.config.settings import Settings
    from detector.runtime.live.feeds import Feed, Time
    from detector.runtime.live.inbox import Inbox
    from detector.runtime.live.worker import Worker
    from detector.stores.records import Depth, InForce
    from detector.stores.store import Store
    from detector.telemetry.telemetry import Telemetry

ROUND: Final = 2.0
"""Seconds between two rounds."""
SWEEP: Final = 60.0
"""Seconds between two sweeps of cyclic garbage.

Clients of the Azure SDK are cycles: one that was replaced keeps all its delivery tags, megabytes of them, until
somebody looks. Left to itself the collector looks at old objects the more seldom the more of them there are.
"""
OUTBOX_OLD: Final = 300.0
"""Seconds that an alert may wait for a sink before the service is not ready."""


class Patrol:
    """Looks after one service; belongs to the event loop.

    Args:
        names: Of all sinks.
        time: Clocks.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        worker: Worker,
        inbox: Inbox,
        feed: Feed,
        telemetry: Telemetry,
        *,
        names: tuple[str, ...],
        time: Time,
    ) -> None:
        self._settings: Final = settings.store
        self._store: Final = store
        self._worker: Final = worker
        self._inbox: Final = inbox
        self._feed: Final = feed
        self._telemetry: Final = telemetry
        self._names: Final = names
        self._time: Final = time
        self._depths: dict[str, Depth] = {}
        self._free = 1.0
        self._oldest_age = 0.0
        self.fault: Reason | None = None
        """A state that only a person can end."""

    async def run(self) -> None:
        """Goes round until cancelled.

        Raises:
            StoreCorrupted: A snapshot found damage.
        """
        clock = self._time.monotonic
        due = clock() + self._settings.snapshot_every
        sweep = clock() + SWEEP
        while True:
            await self.look()
            self._inbox.pause(paused=self._full() is not None)
            if clock() >= sweep:
                sweep = clock() + SWEEP
                gc.collect()
            if clock() >= due:
                due = clock() + self._settings.snapshot_every
                await self._snapshot()
            await asyncio.sleep(ROUND)

    async def look(self) -> None:
        """One round."""
        facts = self._telemetry.runtime
        try:
            self._depths, size, self._free, suppressed = await asyncio.to_thread(self._measure)
        except StoreCorrupted:
            raise
        except StoreError:
            return  # The worker meets the same disk, and says so.
        now = self._time.now()
        for name in self._names:
            depth = self._depths.get(name)
            facts.outbox_seen(name, depth.rows if depth else 0, depth.oldest if depth else None)
        oldest = min((depth.oldest for depth in self._depths.values()), default=now)
        self._oldest_age = now - oldest
        facts.store_seen(size, self._free)
        facts.suppressions_seen(*suppressed)
        for lag in self._feed.lags(self._worker.positions()):
            facts.partition_seen(lag.partition, lag.messages)

    def reasons(self) -> Iterator[str]:
        """Why the service is not ready."""
        if self.fault is not None:
            yield self.fault
        else:
            yield from self._feed.reasons()
        if self._worker.store_refuses:
            yield "store_unavailable"
        full = self._full()
        if full is not None:
            yield full
        if self._oldest_age >= OUTBOX_OLD:
            yield "outbox_old"

    def _full(self) -> Reason | None:
        """Why nothing more is taken in for now: the hub keeps it better than we do."""
        if self._free < self._settings.min_free:
            return "disk_low"
        if any(depth.rows >= self._settings.max_outbox for depth in self._depths.values()):
            return "outbox_full"
        return None

    def _measure(self) -> tuple[dict[str, Depth], int, float, InForce]:
        store = self._store
        return store.outbox.depths(), store.size(), store.disk_free_ratio(), store.alerts.in_force()

    async def _snapshot(self) -> None:
        try:
            await asyncio.to_thread(self._store.snapshot)
        except StoreCorrupted:
            raise
        except StoreError:
            pass  # The store has told it; the older snapshots are kept.
