"""A worker with everything around it, run on a thread until it has done what its inbox holds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from detector.config.build import decoder_settings, engine_settings
from detector.config.settings import Settings
from detector.decode.decoded import Decoded
from detector.decode.decoder import Decoder
from detector.domain.delivery import Delivery, Position
from detector.runtime.live.canary import Canary
from detector.runtime.live.inbox import Inbox
from detector.runtime.live.memory import engine_from
from detector.runtime.live.suspects import Suspects
from detector.runtime.live.worker import Pace, Worker
from detector.stores.errors import StoreUnavailable
from detector.stores.records import Commit, Committed
from detector.stores.store import Store
from tests.live.stream import Stream

WALL = 1_791_000_000.0


class Facts:
    """Remembers what it was told, by name."""

    def __init__(self) -> None:
        self.told: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *values, **named: self.told.append((name, values, named))

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [values for told, values, _ in self.told if told == name]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [named for told, _, named in self.told if told == name]


class Refusing:
    """A store whose disk refuses when it is told to, and that remembers what it was asked."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.commits: list[Commit] = []
        self.asked: list[str] = []
        self.refuse: list[Exception | None] = []
        """What the next writes meet; `None` for success."""

    def _meet(self, what: str) -> None:
        self.asked.append(what)
        if self.refuse and (error := self.refuse.pop(0)) is not None:
            raise error

    def commit(self, batch: Commit) -> Committed:
        self._meet("commit")
        done = self.store.commit(batch)
        self.commits.append(batch)
        return done

    def begin_inflight(self, ranges: Mapping[str, tuple[int, int]]) -> None:
        self._meet("begin")
        self.store.begin_inflight(ranges)

    def forget_positions(self, partitions: Iterable[str], identities: Mapping[str, str]) -> None:
        self._meet("forget")
        self.store.forget_positions(list(partitions), identities)


FULL = StoreUnavailable("the disk is full")


class Bench:
    """A worker on a store in a directory; made and used within a running loop."""

    def __init__(
        self,
        directory: Path,
        settings: Settings,
        *,
        canary: str | None = None,
        inbox: Inbox | None = None,
        **pace: Any,
    ) -> None:
        self.store = Store.open(directory, _workings())
        self.refusing = Refusing(self.store)
        self.facts = Facts()
        self.ticks = 0
        self.committed: list[dict[str, Position]] = []
        loop = asyncio.get_running_loop()
        self.inbox = inbox or Inbox(loop, 10**9, loop.time)
        loaded = self.store.load()
        decoder = Decoder(**decoder_settings(settings))
        self.read_bodies: list[bytes] = []

        def read(delivery: Delivery) -> Decoded:
            self.read_bodies.append(delivery.body)
            decoder.not_after = delivery.enqueued
            return decoder.body(delivery.body)

        self.worker = Worker(
            inbox=self.inbox,
            store=self.refusing,
            engine=engine_from(loaded, engine_settings(settings)),
            read=read,
            positions=loaded.positions,
            suspects=Suspects(loaded.inflight),
            sinks=("one", "two"),
            facts=self.facts,
            now=lambda: WALL,
            monotonic=loop.time,
            ticked=self._ticked,
            committed=lambda positions: self.committed.append(dict(positions)),
            pace=Pace(**{"linger": 0.001, "first_retry": 0.001, "longest_retry": 0.01, **pace}),
            canary=Canary(canary) if canary is not None else None,
        )

    def _ticked(self) -> None:
        self.ticks += 1

    async def put(self, *deliveries: Delivery) -> None:
        for delivery in deliveries:
            await self.inbox.put(delivery)

    def judge(self, batch: list[Delivery]) -> None:
        """One batch, here and now."""
        for part in self.worker._suspects.parts(batch):
            assert self.worker._work(part)
        self.inbox.release(batch)

    async def work(self) -> None:
        """Everything in the inbox, to its end."""
        self.inbox.close()
        await asyncio.to_thread(self.worker.run)


def _workings() -> Any:
    from tests.stores.stage import workings

    return workings(full_sync=False)


def deliveries(told: Stream, *, partitions: int = 3) -> list[Delivery]:
    """The messages of a stream, dealt to partitions in turn."""
    found = []
    for number, message in enumerate(told.messages):
        sequence, partition = divmod(number, partitions)
        found.append(Delivery(str(partition), Position(sequence, f"o{sequence}"), message.enqueued, message.body))
    return found


def running(work: Callable[[], Any]) -> None:
    """Runs a coroutine function; a thread that is left over fails the test."""
    before = threading.active_count()
    asyncio.run(work())
    assert threading.active_count() <= before
