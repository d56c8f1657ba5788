"""Reads an event hub: every message of every partition, each handed over once and in the order of its partition."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from detector.config.event_hubs import EventHubsSettings
from detector.domain.delivery import Position
from detector.sources.event_hubs.backoff import Backoff
from detector.sources.event_hubs.buffer import Allowance
from detector.sources.event_hubs.clocks import Clocks
from detector.sources.event_hubs.connection import Connector
from detector.sources.event_hubs.failures import Unavailable
from detector.sources.event_hubs.hub import Hub
from detector.sources.event_hubs.leftovers import Leftovers
from detector.sources.event_hubs.partition import Partition
from detector.sources.event_hubs.sdk_log import watched
from detector.sources.event_hubs.shared import Deliver, PartitionState, Remember, Shared
from detector.sources.facts import Ending, SourceFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """What the store knows from before."""

    owner_level: int
    """The epoch of this process, higher than of any before: the hub disconnects receivers with a lower one."""
    positions: Mapping[str, Position] = field(default_factory=dict)
    """The last committed message of every partition."""
    hub_identity: str | None = None
    """`EventHubsSource.hub_identity` of the run that committed them."""


async def _forget(_identity: str, _positions: Mapping[str, Position]) -> None:
    """Stands in for a store."""


class EventHubsSource:
    """Reads an event hub until it is stopped.

    Messages of one partition are handed over one after the other, those of different partitions at the same time. A
    message is offered again until `deliver` returns, and never after it has returned. What `deliver` waits for holds
    the partition up: its buffer fills, its receiver pauses, the hub keeps the rest.

    Args:
        settings: Which hub and how.
        connector: Makes the clients.
        resume: What the store knows from before.
        deliver: Takes a message over. It may be cancelled while it waits, when the source stops.
        facts: Told what happens.
        clocks: Time and chance.
        remember: Awaited with the identity of the hub and positions that no message taught, before anything is read
            from there: the place of a first start, the beginning of an added partition, the oldest message after a
            loss. Without storing them, a second start before the first message would not begin at the same place.
            They replace what is stored, even where they are lower. If the identity is another one than the stored one,
            every stored position is void: it belongs to a hub that is no more. Everything handed over before is older
            than the call, and has to be committed before it.
    """

    def __init__(
        self,
        settings: EventHubsSettings,
        connector: Connector,
        *,
        resume: Resume,
        deliver: Deliver,
        facts: SourceFacts,
        clocks: Clocks,
        remember: Remember = _forget,
    ) -> None:
        self._settings = settings
        self._connector = connector
        self._resume = resume
        self._facts = facts
        self._clocks = clocks
        self._stopping = asyncio.Event()
        self._finished = asyncio.Event()
        self._started = False
        self._partitions: dict[str, Partition] = {}
        self._leftovers = Leftovers(facts)
        self._hub = Hub(
            settings,
            connector,
            clocks=clocks,
            facts=facts,
            leftovers=self._leftovers,
            identity=resume.hub_identity,
        )
        self._shared = Shared(
            settings=settings,
            hub=self._hub,
            connector=connector,
            clocks=clocks,
            facts=facts,
            leftovers=self._leftovers,
            allowance=Allowance(settings.buffer.total_bytes),
            owner_level=resume.owner_level,
            deliver=deliver,
            remember=remember,
            replace_client=self._replace_client,
            leave_hub=self._leave_hub,
        )

    @property
    def hub_identity(self) -> str | None:
        """Name and time of creation of the hub, to be stored beside the positions; `None` until it has answered."""
        return self._hub.identity

    def state(self) -> Mapping[str, PartitionState]:
        """How every known partition is; empty until the hub has answered."""
        return {name: partition.state() for name, partition in self._partitions.items()}

    async def run(self) -> None:
        """Reads until `stop`.

        Raises:
            Stalled: The process should end with exit code 75.
            HubRecreated: Somebody has to decide whether the new hub is to be read.
        """
        self._started = True
        work = asyncio.create_task(self._work(), name="event hub")
        stopping = asyncio.create_task(self._stopping.wait(), name="event hub, until stopped")
        try:
            with watched(self._facts):
                await asyncio.wait((work, stopping), return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    _raise(work)
        finally:
            stopping.cancel()
            work.cancel()
            await asyncio.gather(work, stopping, return_exceptions=True)
            await self._close()
            self._finished.set()

    async def stop(self) -> None:
        """Takes no further message from now on, and waits until everything is closed."""
        self._stopping.set()
        if self._started:
            await self._finished.wait()

    async def _close(self) -> None:
        await self._hub.close()
        # Twice the patience of a single receiver: it waits for the receiver and for its client.
        await self._leftovers.settle(2 * self._settings.watchdog.close)
        try:
            await self._connector.close()
        except Exception as error:  # noqa: BLE001 -- a credential that cannot be closed must not hide why we end
            self._facts.exception_caught("close", type(error).__name__)

    async def _work(self) -> None:
        names = await self._first_answer()
        resume = self._resume
        # A start by time means the same at any start; a first one is over once anything was stored.
        first = not (resume.positions or resume.hub_identity) or self._settings.start not in ("latest", "earliest")
        async with asyncio.TaskGroup() as group:
            self._read(group, names, first=first)
            group.create_task(self._grow(group), name="look for partitions")

    def _read(self, group: asyncio.TaskGroup, names: Iterable[str], *, first: bool) -> None:
        for name in names:
            if name not in self._partitions:
                position = self._resume.positions.get(name)
                partition = self._partitions[name] = Partition(name, position, self._shared, first=first)
                self._facts.partition_found(name)
                group.create_task(partition.run(), name=f"partition {name}")

    async def _first_answer(self) -> tuple[str, ...]:
        backoff = Backoff(self._settings.backoff, self._clocks.chance)
        while True:
            try:
                names = (await self._hub.properties()).partitions
            except Unavailable:
                await self._clocks.sleep(backoff.next())
            else:
                self._facts.connected(len(names))
                return names

    async def _grow(self, group: asyncio.TaskGroup) -> NoReturn:
        """Looks for partitions that were added: the SDK asks for them once only. All of them is wanted."""
        while True:
            await self._clocks.sleep(self._settings.watchdog.growth)
            generation = self._hub.generation
            try:
                names = (await self._hub.properties(fresh=0)).partitions
            except Unavailable:
                continue
            if self._hub.generation != generation:
                self._end_all("new_hub")
            self._read(group, names, first=False)

    async def _replace_client(self, ending: Ending) -> None:
        """Gives up every connection and the credential."""
        try:
            await self._connector.renew()
        except Exception as error:  # noqa: BLE001 -- the old credential is given up whether or not it closes well
            self._facts.exception_caught("close", type(error).__name__)
        await self._hub.close()
        self._end_all("client")
        self._facts.client_replaced(ending)

    async def _leave_hub(self) -> None:
        """Positions of the old hub must not be stored after the new one is known."""
        self._end_all("new_hub")
        for partition in list(self._partitions.values()):
            await partition.drained()

    def _end_all(self, ending: Ending) -> None:
        for partition in self._partitions.values():
            partition.end(ending)


def _raise(work: asyncio.Task[None]) -> None:
    """Raises what ended the work; of several errors at once the first."""
    error: BaseException | None = work.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is not None:
        raise error from None
