"""The service: telemetry, store, engine, source and sinks put together, run until told to stop, and taken apart again.

```
source ─put→ Inbox ─take→ Worker (thread: decode, judge, commit) ─notify→ relays ─→ sinks
                              └── Store ──────────────outbox──────────────┘
```
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TextIO, TypeVar

from detector import __version__
from detector.config.build import decoder_settings, engine_settings, pipelines_of
from detector.decode.decoder import Decoder
from detector.domain.delivery import Delivery, Position
from detector.errors import DetectorError
from detector.inventory.tokens import credential_of
from detector.models.in_use import latest_of, model_of
from detector.runtime.live import polling
from detector.runtime.live.alignment import Patience
from detector.runtime.live.canary import Canary, Watch
from detector.runtime.live.evidence import archive_of, endpoint_of
from detector.runtime.live.feeds import Before, Ears, Feed, Time, feed_of
from detector.runtime.live.inbox import Inbox
from detector.runtime.live.memory import engine_from
from detector.runtime.live.outbox import StoredOutbox
from detector.runtime.live.patrol import Patrol
from detector.runtime.live.polling import Polling
from detector.runtime.live.producing import OWN, Producer, is_own, last_numbers
from detector.runtime.live.reloading import Reloading
from detector.runtime.live.suspects import Suspects
from detector.runtime.live.worker import Pace, Read, Worker
from detector.sinks.build import Surroundings, build
from detector.sinks.dispatch import Dispatch
from detector.sinks.relay import Clock, Relay
from detector.stores.errors import StoreError
from detector.stores.failpoints import At, nowhere
from detector.stores.settings import StoreSettings
from detector.stores.store import Store
from detector.stores.workings import Workings
from detector.telemetry.labels import is_file
from detector.telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from detector.config.inventory import InventorySettings
    from detector.config.settings import Settings
    from detector.decode.decoded import Decoded
    from detector.engine.settings import EngineSettings
    from detector.inventory.evidence.endpoint import Endpoint
    from detector.sinks.sink import Sink

Ending = Literal["stopped", "restart", "fault"]
"""How a service ended: because it was told to; so that it is started anew; by a fault of the program."""

EXIT_CODES: Final[dict[Ending, int]] = {"stopped": 0, "restart": 75, "fault": 70}
"""What the process ends with: done; EX_TEMPFAIL and EX_SOFTWARE of sysexits.h."""
DRAIN: Final = 20.0
"""Seconds that sinks get, when the service stops, for what is still in the outbox."""
LONGEST: Final = 24.0
"""Seconds that stopping takes at most; what a slow source or disk takes of them, the sinks do not get."""
_DRAW_IN: Final = 4.0
"""Seconds in which the worker commits what it has taken in when the service stops."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the service needs of the world, which tests replace."""

    now: Callable[[], float]
    monotonic: Callable[[], float]
    log: TextIO
    stdout: BinaryIO
    credential: Callable[[], AsyncTokenCredential]
    extra_sinks: tuple[Sink, ...] = ()
    """Sinks that no configuration names, such as the terminal."""
    directory_credential: Callable[[InventorySettings], AsyncTokenCredential] = field(default=credential_of)
    """Makes the identity that the directory is read with."""
    at: At = field(default=nowhere)
    """Where a crash test may end the process; see `detector.stores.failpoints`."""


class Service:
    """One run of the live service.

    Args:
        settings: The configuration.
        environment: The world.
        load: Reads the configuration again; for reloading.
        watched: The configuration file, whose change is a wish to reload; `None` for none.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        *,
        load: Callable[[], Settings],
        watched: Path | None = None,
    ) -> None:
        self.settings = settings
        self._world: Final = environment
        self._load: Final = load
        self._watched: Final = watched
        self._stopping: Final = asyncio.Event()
        self._cause = "told"
        self._ending: Ending = "stopped"
        self._disowned = False
        self._over_by = 0.0
        self._started: Final = asyncio.Event()
        self._reloading: Reloading | None = None
        self._reload_early = False
        self._newest_model = ""
        self.endpoint: Endpoint | None = None
        """Takes deployment evidence, when it is configured."""
        self._polling: Polling | None = None
        self.telemetry: Final = Telemetry(
            settings.telemetry,
            environment.log,
            now=environment.now,
            monotonic=environment.monotonic,
            sinks=[block.name for block in settings.sinks.blocks()] + [sink.name for sink in environment.extra_sinks],
        )

    def stop(self, cause: str = "told") -> None:
        """Ends the service in good order; on the event loop."""
        if not self._stopping.is_set():
            self._cause = cause
            self._stopping.set()

    def reload(self) -> None:
        """Reads the configuration again; on the event loop. While the service starts, once it has."""
        if self._reloading is not None:
            self._reloading.ask()
        else:
            self._reload_early = True

    async def started(self) -> None:
        """Waits until records are read."""
        await self._started.wait()

    async def run(self) -> Ending:
        """Runs until `stop`, or until only a new process can go on.

        Raises:
            DetectorError: The service cannot start: the store is in use or too new, an address is taken, or the
                configuration does not fit.
        """
        await self.telemetry.start()
        try:
            await self._open()
            self.telemetry.runtime.service_stopped(EXIT_CODES[self._ending])
        finally:
            await self.telemetry.stop()
        return self._ending

    # ---------------------------------------------------------------------------------------- up and down

    async def _open(self) -> None:
        facts = self.telemetry.runtime
        with ThreadPoolExecutor(1, "worker") as thread:
            aside = _Aside(thread)
            store = await aside(self._opened_store)
            try:
                await self._run_on(store, aside)
            except StoreError as error:
                facts.worker_failed(error)
                self._ending = "restart"
            finally:
                # After a fault of ours the messages at hand are suspects: the next start judges them one by one.
                await aside(lambda: store.close(orderly=self._ending != "fault"))

    def _opened_store(self) -> Store:
        block = self.settings.store
        return Store.open(
            block.directory,
            Workings(
                now=self._world.now,
                monotonic=self._world.monotonic,
                facts=self.telemetry.store,
                at=self._world.at,
                settings=StoreSettings(full_sync=block.full_sync, snapshots=block.snapshots, alerts=block.max_alerts),
            ),
        )

    async def _run_on(self, store: Store, aside: _Aside) -> None:
        settings, world, telemetry = self.settings, self._world, self.telemetry
        loop = asyncio.get_running_loop()
        telemetry.runtime.service_started(__version__, store.epoch)
        async with AsyncExitStack() as stack:
            sinks = (*build(settings.sinks, self._surroundings()), *world.extra_sinks)
            for sink in sinks:
                stack.push_async_callback(sink.close)
            relays = self._relays(store, sinks)
            dispatch = await stack.enter_async_context(Dispatch(relays))
            inbox = Inbox(
                loop,
                settings.batch.inbox_bytes,
                world.monotonic,
                # A third of the lateness for the order of partitions; the rest is for the delay of the export.
                patience=Patience(reach=settings.lateness / 3),
            )

            def committed(positions: Mapping[str, Position]) -> None:
                dispatch.notify()
                evidence.reached(positions)
                feed.committed({name: each for name, each in positions.items() if not is_own(name)})

            worker, before = await aside(lambda: self._worker(store, inbox, sinks, _on(loop, committed)))
            time = Time(now=world.now, monotonic=world.monotonic)
            ears = Ears(
                deliver=inbox.put, room=inbox.room, remember=_remembering(worker, inbox, before, lambda: feed.name)
            )
            feed = feed_of(settings, before, ears, telemetry, time)
            stack.push_async_callback(feed.close)
            inbox.align(feed.behind)
            last = before.own.get(f"{OWN}evidence", 0)
            evidence = Producer("evidence", inbox, last=last, now=world.now, keep=archive_of(settings))
            self.endpoint = endpoint_of(settings, evidence, now=world.now, facts=telemetry.evidence)
            self._polling = self._polling_into(inbox, before, time)
            worker.read = self._reader(settings, lines=feed.lines)
            self._reloading = Reloading(
                self._load, settings, telemetry.runtime, self._applying(worker, feed), self._newest_model
            )
            patrol = Patrol(
                settings, store, worker, inbox, feed, telemetry, names=tuple(sink.name for sink in sinks), time=time
            )
            telemetry.health.register("service", patrol.reasons)
            telemetry.health.state_loaded()
            dispatch.notify()
            working = loop.run_in_executor(aside.thread, worker.run)
            try:
                if self.endpoint is not None:
                    await self.endpoint.start()
                await self._until_the_end(feed, working, patrol)
            finally:
                telemetry.runtime.service_stopping(self._cause)
                telemetry.health.draining()
                if self.endpoint is not None:
                    self.endpoint.refuse()
                await feed.stop()
                inbox.close()
                await _wind_up(worker, working)
                telemetry.health.worker_ended()
                evidence.end()
                if self.endpoint is not None:
                    await self.endpoint.stop()
            if self._disowned:
                return  # Another process sends what is in the outbox, or nobody can tell what is.
            await dispatch.drain(min(DRAIN, max(0.0, self._over_by - world.monotonic())))
            await patrol.look()

    async def _until_the_end(self, feed: Feed, working: asyncio.Future[None], patrol: Patrol) -> None:
        """Waits for the wish to stop, or for a part that cannot go on."""
        assert self._reloading is not None
        if self._reload_early:
            self._reloading.ask()
        reading = asyncio.create_task(feed.run(), name="source")
        stopping = asyncio.create_task(self._stopping.wait(), name="until stopped")
        others = [
            asyncio.create_task(patrol.run(), name="patrol"),
            asyncio.create_task(self._reloading.run(self._watched), name="reloading"),
        ]
        if self._polling is not None:
            others.append(asyncio.create_task(self._polling.run(), name="inventory"))
        self._started.set()
        parts: set[asyncio.Future[Any]] = {reading, stopping, working, *others}
        try:
            while not stopping.done():
                await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
                if reading.done() and reading in parts:
                    parts.discard(reading)
                    self._source_ended(reading, patrol)
                if any(part.done() for part in parts if part is not stopping):
                    self._part_failed(parts)
                    return
        finally:
            self._over_by = self._world.monotonic() + LONGEST
            for task in (stopping, *others):
                task.cancel()
            await asyncio.gather(stopping, *others, return_exceptions=True)
            await feed.stop()
            await asyncio.gather(reading, return_exceptions=True)

    def _source_ended(self, reading: asyncio.Task[None], patrol: Patrol) -> None:
        """A source that ends by itself does so because a person, or a new process, is needed."""
        error = reading.exception()
        if error is None:
            self.stop("source ended")
            return
        kind = type(error).__name__
        if kind == "HubRecreated":
            patrol.fault = "hub_recreated"
            self.telemetry.runtime.source_stalled(str(error))
            return
        self._ending = "restart"
        self.telemetry.runtime.source_stalled(str(error) if isinstance(error, DetectorError) else kind)
        self.stop("source")

    def _part_failed(self, parts: set[asyncio.Future[Any]]) -> None:
        """A part that runs for ever has ended."""
        for part in parts:
            if part.done() and not part.cancelled() and (error := part.exception()) is not None:
                self.telemetry.runtime.worker_failed(error)
                self._disowned = isinstance(error, StoreError)
                self._ending = "restart" if self._disowned else "fault"
                self._cause = "failure"
                return

    # ---------------------------------------------------------------------------------------------- parts

    def _worker(
        self,
        store: Store,
        inbox: Inbox,
        sinks: tuple[Sink, ...],
        committed: Callable[[Mapping[str, Position]], None],
    ) -> tuple[Worker, Before]:
        """Loads memory; on the worker's thread."""
        settings, world, telemetry = self.settings, self._world, self.telemetry
        names = tuple(sink.name for sink in sinks)
        for gone in set(store.outbox.depths()) - set(names):
            store.outbox.abandon(gone, "not_configured")
        loaded = store.load()
        engine = engine_from(loaded, self._judging(settings))
        canary = settings.canary
        worker = Worker(
            inbox=inbox,
            store=store,
            engine=engine,
            read=self._reader(settings, lines=False),
            positions=loaded.positions,
            suspects=Suspects(loaded.inflight),
            sinks=names,
            facts=telemetry.runtime,
            now=world.now,
            monotonic=world.monotonic,
            ticked=telemetry.health.worker_ticked,
            committed=committed,
            pace=Pace(
                batch_bytes=settings.batch.bytes,
                linger=settings.batch.linger,
                send_after=settings.store.sends_after,
            ),
            canary=Canary(canary) if canary is not None else None,
        )
        return worker, Before(
            epoch=store.epoch,
            positions={name: each for name, each in loaded.positions.items() if not is_own(name)},
            identities=loaded.identities,
            own=last_numbers(loaded),
        )

    def _judging(self, settings: Settings) -> EngineSettings:
        """What the engine is told, with the model, which is loaded.

        Raises:
            ModelError: The model cannot be used.
        """
        self._newest_model = latest_of(settings)
        model = model_of(settings)
        if model is None:
            self.telemetry.runtime.model_absent()
        else:
            self.telemetry.runtime.model_loaded(model.manifest.version, model.sha256, shadow=model.shadow)
        return engine_settings(settings, model)

    @staticmethod
    def _reader(settings: Settings, *, lines: bool) -> Read:
        decoder = Decoder(**decoder_settings(settings))

        def read(delivery: Delivery) -> Decoded:
            # No record happened later than its message entered the stream.
            decoder.not_after = delivery.enqueued
            place = f"{delivery.partition}:{delivery.position.sequence}"
            in_lines = lines or is_own(delivery.partition)
            return decoder.lines(delivery.body, place) if in_lines else decoder.body(delivery.body, place)

        return read

    def _applying(self, worker: Worker, feed: Feed) -> Callable[[Settings], Awaitable[None]]:
        async def apply(settings: Settings) -> None:
            chosen, read = await asyncio.to_thread(self._judging, settings), self._reader(settings, lines=feed.lines)

            def change() -> None:
                old = worker.engine
                worker.change(type(old)(chosen, old.state, old.journal), read)

            await asyncio.wrap_future(worker.call(change))
            if self.endpoint is not None:
                self.endpoint.clerk.pipelines = pipelines_of(settings)
            self.settings = settings

        return apply

    def _polling_into(self, inbox: Inbox, before: Before, time: Time) -> Polling | None:
        """The poller of the directory, when it is configured."""
        block, world = self.settings.inventory, self._world
        if block is None:
            return None
        producer = Producer(polling.NAME, inbox, last=before.own.get(f"{OWN}{polling.NAME}", 0), now=world.now)
        return Polling(
            block, producer, time=time, facts=self.telemetry.inventory, credential=world.directory_credential
        )

    def _relays(self, store: Store, sinks: tuple[Sink, ...]) -> list[Relay]:
        outbox, clock, facts = (
            StoredOutbox(store.outbox),
            Clock(monotonic=self._world.monotonic),
            self.telemetry.runtime,
        )

        def seen() -> None:
            facts.canary_seen(self._world.now())

        return [Relay(sink, Watch(outbox, seen), self.telemetry.sink, clock) for sink in sinks]

    def _surroundings(self) -> Surroundings:
        world = self._world
        return Surroundings(now=world.now, stdout=world.stdout, credential=world.credential)


class _Aside:
    """Runs something on the worker's thread and waits for it."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self.thread: Final = thread

    async def __call__(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.thread, work)


def _on(
    loop: asyncio.AbstractEventLoop, committed: Callable[[Mapping[str, Position]], None]
) -> Callable[[Mapping[str, Position]], None]:
    """Has it called on the loop."""

    def soon(positions: Mapping[str, Position]) -> None:
        try:
            loop.call_soon_threadsafe(committed, positions)
        except RuntimeError:
            pass  # The loop is closed, and its sinks with it.

    return soon


def _remembering(
    worker: Worker, inbox: Inbox, before: Before, name: Callable[[], str]
) -> Callable[[str, Mapping[str, Position]], Awaitable[None]]:
    """Has positions stored that no message taught, once everything that was handed over before is committed.

    Else a message of the old place, committed later, would move the position back to where it was.
    """
    identities = dict(before.identities)
    one_by_one = asyncio.Lock()

    async def remember(identity: str, positions: Mapping[str, Position]) -> None:
        source = name()
        async with one_by_one:
            anew = identities.get(source, identity) != identity
            await inbox.settled(None if anew else positions)
            # Of a hub that is no more, every position is void. Those of files belong to another source.
            void = [each for each in worker.positions() if not is_file(each)] if anew else []
            await asyncio.wrap_future(worker.call(lambda: worker.remember(source, identity, positions, void)))
            identities[source] = identity

    return remember


async def _wind_up(worker: Worker, working: asyncio.Future[None]) -> None:
    """Lets the worker commit what it has taken in; not for ever, for the disk may refuse."""
    _, late = await asyncio.wait({working}, timeout=_DRAW_IN)
    if late:
        worker.abandon()
    await asyncio.gather(working, return_exceptions=True)
