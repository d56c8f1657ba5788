"""One partition: a receiver that is opened again whenever it ends, a buffer, and what is taken over from it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from detector.config.event_hubs import start_time
from detector.domain.delivery import Delivery, Position
from detector.sources.event_hubs.backoff import Backoff
from detector.sources.event_hubs.buffer import Buffer
from detector.sources.event_hubs.events import delivery_of
from detector.sources.event_hubs.failures import Stalled, Unavailable
from detector.sources.event_hubs.locator import Locator
from detector.sources.event_hubs.positions import PartitionProperties, Start
from detector.sources.event_hubs.receiver import Opening, Receiver
from detector.sources.event_hubs.shared import PartitionState, Shared
from detector.sources.event_hubs.watchdog import Health, Step, Watchdog
from detector.sources.facts import Ending

_PLANNED: Final = frozenset[Ending]({"gap", "new_hub", "refresh", "unheard"})
"""Endings after which the next receiver is opened at once."""
_ONWARD: Final = frozenset[Ending]({"refresh", "unheard"})
"""Endings after which it goes on right where the last one was, without a question to the hub."""
_LOST: Final = frozenset[Ending]({"connection", "detached"})
"""Endings that say nothing about the hub when there was nothing to receive: an idle connection broke."""
_FRUITLESS: Final = 5
"""Receivers in a row that were not served and failed, after which the credential is renewed."""


class Partition:
    """Reads one partition, every message once and in order.

    Args:
        name: Id of the partition.
        position: The last message that was taken over and committed; `None` when there is none.
        shared: What all partitions have in common.
        first: Whether this is the very first start, so that the configuration says where to begin; a partition that
            is unknown later was added meanwhile, and all of it is wanted.
    """

    def __init__(self, name: str, position: Position | None, shared: Shared, *, first: bool) -> None:
        self.name: Final = name
        self.accepted = position
        self._taken = position
        self._shared = shared
        self._locator = Locator(name, shared, first=first, stored=position is not None)
        self._receiver: Receiver | None = None
        self._buffer = Buffer(shared.settings.buffer.partition_bytes, shared.allowance)
        self._watchdog = Watchdog(shared.settings.watchdog, shared.clocks.monotonic())
        self._doubted: int | None = None
        self._ever_opened = False
        self._fruitless = 0
        self._offered_since: float | None = None

    # ------------------------------------------------------------------------------------------- what it is

    def state(self) -> PartitionState:
        """How it is now."""
        return PartitionState(self._health(), self.accepted, self._watchdog.last_enqueued, self._watchdog.last_progress)

    def _health(self) -> Health:
        now = self._shared.clocks.monotonic()
        health = self._watchdog.health(now)
        if health == "stalled":
            return health
        if self._offered_since is not None and now - self._offered_since >= self._shared.settings.watchdog.held_after:
            return "held"
        if health == "unknown":
            return health
        if not self._ever_opened or self._fruitless > 1:
            return "opening"
        return "idle" if self._complete() else "opened"

    def end(self, ending: Ending) -> None:
        """Ends the receiver, if there is one; another is opened."""
        if self._receiver is not None:
            self._receiver.end(ending)

    async def drained(self) -> None:
        """Waits until everything received was taken over."""
        await self._buffer.drained()

    # ------------------------------------------------------------------------------------------------- work

    async def run(self) -> None:
        """Reads until cancelled.

        Raises:
            Stalled: Neither another receiver nor another client helped.
            HubRecreated: The stored position belongs to another hub.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hand_over(), name=f"hand over partition {self.name}")
            group.create_task(self._watch(), name=f"watch partition {self.name}")
            group.create_task(self._keep_receiving(), name=f"keep receiving partition {self.name}")

    async def _keep_receiving(self) -> NoReturn:
        backoff = Backoff(self._shared.settings.backoff, self._shared.clocks.chance)
        ending: Ending | None = None
        try:
            while True:
                try:
                    start = self._onward() if ending in _ONWARD else None
                    receiver = self._open(start or await self._where())
                except Unavailable:
                    await self._pause(backoff.next())
                    continue
                ending = await receiver.wait()
                self._retire()
                if ending not in _PLANNED:
                    served = receiver.messages > 0 or (ending in _LOST and self._complete())
                    await self._failed(ending, served=served)
                    lived = self._shared.clocks.monotonic() - receiver.opening.opened
                    await self._pause(backoff.next(lived=lived, served=served))
        finally:
            self._retire()

    def _complete(self) -> bool:
        """Whether all that the hub told of last was received."""
        last, taken = self._watchdog.last_enqueued, self._taken
        return last is not None and taken is not None and taken.sequence >= last

    async def _failed(self, ending: Ending, *, served: bool) -> None:
        if ending == "offset" and not self._locator.by_sequence:
            self._locator.by_sequence = True
            self._shared.facts.offset_refused(self.name)
        self._fruitless = 0 if served else self._fruitless + 1
        if self._fruitless and self._fruitless % _FRUITLESS == 0:
            await self._shared.replace_client(ending)

    async def _pause(self, seconds: float) -> None:
        self._shared.facts.waited(self.name, seconds)
        await self._shared.clocks.sleep(seconds)

    def _open(self, start: Start) -> Receiver:
        shared = self._shared
        opening = Opening(
            partition=self.name,
            start=start,
            owner_level=shared.owner_level,
            prefetch=shared.settings.buffer.prefetch,
            batch=shared.settings.buffer.batch,
            opened=shared.clocks.monotonic(),
        )
        try:
            client = shared.connector.client()
        except Exception:  # noqa: BLE001 -- a rotated connection string may be half written, or wrong for a while
            shared.facts.management_failed("unauthorized")
            raise Unavailable("unauthorized") from None
        self._receiver = Receiver(client, opening, self._take, shared.facts)
        self._ever_opened = True
        return self._receiver

    def _retire(self) -> None:
        """Closes the receiver in the background: the next one need not wait for it."""
        receiver, self._receiver = self._receiver, None
        if receiver is None:
            return
        receiver.end("closed")
        assert receiver.ending is not None
        self._shared.facts.receiver_ended(self.name, receiver.ending)
        closing = receiver.close(self._shared.settings.watchdog.close)
        self._shared.leftovers.adopt(asyncio.create_task(closing, name=f"close partition {self.name}"))

    # --------------------------------------------------------------------------------------------- position

    def _onward(self) -> Start | None:
        taken = self._taken
        return Start(taken.offset, taken) if taken is not None and taken.offset else None

    async def _where(self) -> Start:
        """Where to open, after comparing what was taken with what the hub holds.

        Raises:
            Unavailable: The hub did not say.
            HubRecreated: What was taken is not of this hub.
        """
        place = await self._locator.place(self._taken)
        if place.new_hub:
            await self._shared.leave_hub()
        start = place.start
        if start.position is not None and (start.position != self._taken or place.new_hub):
            await self._moved(start.position)
        self._locator.settle(place)
        if start.lost:
            self._shared.facts.events_lost(self.name, start.lost)
        self._answered(place.properties)
        return start

    async def _moved(self, position: Position) -> None:
        """Goes on from a place that no message taught us: everything before it is taken over first."""
        await self.drained()
        try:
            await self._shared.remember(self._shared.hub.identity or "", {self.name: position})
        except Exception as error:  # noqa: BLE001 -- the store may be full for a while: nothing is opened before it knows
            self._shared.facts.exception_caught("initialize", type(error).__name__)
            raise Unavailable("handler") from None
        self._taken = self.accepted = position

    # --------------------------------------------------------------------------------------------- messages

    async def _take(self, receiver: Receiver, events: Sequence[Any]) -> None:
        """Puts what is new into the buffer; waits while that is full."""
        shared = self._shared
        before, size, again = receiver.messages, 0, 0
        try:
            for event in events:
                delivery = delivery_of(event, self.name, shared.facts, shared.clocks.now)
                if delivery is None:
                    continue
                if self._taken is not None and delivery.position.sequence <= self._taken.sequence:
                    again += 1
                    continue
                await self._buffer.room(delivery)
                if receiver is not self._receiver or not receiver.live or not self._follows(receiver, delivery):
                    break
                self._buffer.append(delivery)
                self._taken = delivery.position
                receiver.messages += 1
                size += len(delivery.body)
        finally:
            if again:
                shared.facts.redelivered(self.name, again)
            if receiver.messages > before:
                shared.facts.received(self.name, receiver.messages - before, size)
                self._watchdog.progressed(shared.clocks.monotonic())
                self._fruitless = 0
                self._locator.by_sequence = False
        self._refresh(receiver)

    def _follows(self, receiver: Receiver, delivery: Delivery) -> bool:
        """Whether the message comes right after the last one.

        If not, the place is read once more before we believe that messages are lost: sequence numbers of a partition
        have no gaps.
        """
        if self._taken is None:
            return True
        expected = self._taken.sequence + 1
        missing = delivery.position.sequence - expected
        if missing and self._doubted != expected:
            self._doubted = expected
            receiver.end("gap")
            return False
        if missing:
            self._shared.facts.events_lost(self.name, missing)
        return True

    def _refresh(self, receiver: Receiver) -> None:
        settings = self._shared.settings.refresh
        age = self._shared.clocks.monotonic() - receiver.opening.opened
        if age >= settings.oldest or (receiver.messages >= settings.messages and age >= settings.youngest):
            receiver.end("refresh")

    async def _hand_over(self) -> NoReturn:
        """Takes messages out of the buffer one by one; a message leaves it only once it was taken over."""
        clocks = self._shared.clocks
        while True:
            delivery = await self._buffer.first()
            self._offered_since = clocks.monotonic()
            backoff = Backoff(self._shared.settings.backoff, clocks.chance)
            while not await self._delivered(delivery):
                await self._pause(backoff.next())
            self._offered_since = None
            self.accepted = delivery.position
            self._buffer.drop_first()

    async def _delivered(self, delivery: Delivery) -> bool:
        try:
            await self._shared.deliver(delivery)
        except Exception as error:  # noqa: BLE001 -- whatever it was, the message is not taken over and is offered again
            self._shared.facts.exception_caught("deliver", type(error).__name__)
            return False
        return True

    # --------------------------------------------------------------------------------------------- watchdog

    async def _watch(self) -> NoReturn:
        """Asks the hub how far the partition goes, and replaces what does not get there.

        Raises:
            Stalled: Nothing helped.
        """
        shared = self._shared
        # Partitions ask at different moments.
        await shared.clocks.sleep(shared.settings.watchdog.poll * shared.clocks.chance())
        while True:
            try:
                self._answered(await shared.hub.partition(self.name))
            except Unavailable:
                pass  # Told as a fact; without answers the watchdog calls the state unknown.
            await self._judge()
            await shared.clocks.sleep(shared.settings.watchdog.poll)

    def _answered(self, properties: PartitionProperties) -> None:
        self._watchdog.answered(self._shared.clocks.monotonic(), properties.last, behind=self._behind(properties))

    def _behind(self, properties: PartitionProperties) -> bool:
        if properties.empty:
            return False
        if self._taken is not None:
            return properties.last > self._taken.sequence
        setting = self._shared.settings.start
        return setting in ("latest", "earliest") or properties.last_time >= start_time(setting)

    async def _judge(self) -> None:
        shared = self._shared
        now = shared.clocks.monotonic()
        if self._buffer.paused:
            self._watchdog.paused(now)
        if self._offered_since is not None and now - self._offered_since >= shared.settings.watchdog.held_after:
            shared.facts.held(self.name, now - self._offered_since)
        if self._receiver is not None:
            self._refresh(self._receiver)
        step = self._watchdog.due(now)
        if step == "reopen":
            self.end("unheard")
        elif step is not None:
            await self._climb(step)

    async def _climb(self, step: Step) -> None:
        """Takes a step of the ladder of a stalled partition.

        Raises:
            Stalled: It was the last one.
        """
        shared = self._shared
        taken = self._taken.sequence if self._taken is not None else -1
        shared.facts.stalled(self.name, max(0, (self._watchdog.last_enqueued or 0) - taken))
        if step == "receiver":
            self.end("stalled")
        elif step == "client":
            await shared.replace_client("stalled")
        else:
            raise Stalled(
                f"partition {self.name}",
                "It makes no progress although messages wait, and neither another receiver nor another client helped. "
                "The process ends with exit code 75 to be started again.",
            )
