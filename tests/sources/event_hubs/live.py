"""The source against the hub on loopback, with limits short enough for a test."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from detector.config.event_hubs import EventHubsSettings
from detector.domain.delivery import Delivery, Position
from detector.sources.event_hubs.clocks import Clocks
from detector.sources.event_hubs.connection import Connector
from detector.sources.event_hubs.source import EventHubsSource, Resume
from tests.hub import Hub, Server
from tests.processors import Watch
from tests.sources.event_hubs.recorded import Facts, Taker, until

QUICK: dict[str, Any] = {
    "socket_timeout": 0.2,
    "start": "earliest",
    # A question takes the SDK about half a second, an opening two, however fast the hub is; on a busy machine several
    # times that. A limit that is shorter starts the same anew for ever.
    "watchdog": {
        "poll": 0.5,
        "stalled_after": 8.0,
        "window": 60.0,
        "unknown_after": 10.0,
        "held_after": 0.5,
        "growth": 1.0,
        "answer": 8.0,
        "close": 2.0,
    },
    "backoff": {"first": 0.1, "longest": 0.4, "flapping": 0.2, "reset_after": 5.0},
}


def quick(file: Path, **changes: Any) -> EventHubsSettings:
    """Settings for a test: everything happens within a second or two."""
    values = {**QUICK, "connection_string_file": str(file), **changes}
    for block in ("watchdog", "backoff"):
        values[block] = {**QUICK[block], **changes.get(block, {})}
    return EventHubsSettings.model_validate(values)


class Live:
    """A running source and everything around it."""

    def __init__(self, hub: Hub, server: Server, settings: EventHubsSettings) -> None:
        self.hub = hub
        self.server = server
        self.settings = settings
        self.facts = Facts()
        self.taker = Taker()
        self.remembered: dict[str, Position] = {}
        self.stored: dict[str, Position] = {}
        self.identity: str | None = None
        self.epoch = 0

    async def _remember(self, identity: str, positions: Mapping[str, Position]) -> None:
        if identity != self.identity:
            self.stored.clear()
        self.identity = identity
        self.remembered.update(positions)
        self.stored.update(positions)

    async def _deliver(self, delivery: Delivery) -> None:
        await self.taker.deliver(delivery)
        self.stored[delivery.partition] = delivery.position

    def source(self, **changes: Any) -> EventHubsSource:
        """A source as after a restart: it knows what was committed, and has a higher epoch."""
        self.epoch += 1
        settings = self.settings.model_copy(update=changes)
        return EventHubsSource(
            settings,
            Connector(settings),
            resume=Resume(owner_level=self.epoch, positions=dict(self.stored), hub_identity=self.identity),
            deliver=self._deliver,
            facts=self.facts,
            clocks=Clocks(now=time.time),  # noqa: TID251 -- a test may look at the clock
            remember=self._remember,
        )

    @asynccontextmanager
    async def running(self, **changes: Any) -> AsyncIterator[tuple[EventHubsSource, asyncio.Task[None]]]:
        """A source that runs; what it raises is raised at the end, unless the test has looked at the task."""
        source = self.source(**changes)
        task = asyncio.create_task(source.run())
        try:
            yield source, task
        finally:
            with Watch() as watch:
                await source.stop()
            self.stopped_in = watch.seconds
            # While the filter of the test for sockets that the SDK forgets is in force, and its loop is open.
            gc.collect()
        if not task.done():
            await task

    async def opened(self) -> None:
        """Waits until a receiver of every partition is attached."""
        names = self.hub.partition_ids
        await until(lambda: all(self.server.stats.receivers[name] for name in names))

    def sent(self) -> dict[str, int]:
        """How many messages every partition was ever given."""
        return {name: self.hub.state(name).last_sequence + 1 for name in self.hub.partition_ids}

    def whole(self) -> bool:
        """Whether everything was taken over."""
        return all(len(self.taker.of(name)) >= count for name, count in self.sent().items())

    def check(self) -> None:
        """Everything sent was taken over once and in order."""
        for name, count in self.sent().items():
            assert self.taker.of(name) == list(range(count)), name
