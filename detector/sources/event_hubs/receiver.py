"""One opening of one partition: a client of its own and the SDK's receive loop, which ends once, for one reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from detector.sources.event_hubs.connection import HubClient
from detector.sources.event_hubs.failures import ending_of
from detector.sources.event_hubs.positions import Start
from detector.sources.facts import Ending, SourceFacts, Stage

Take = Callable[["Receiver", Sequence[Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a receiver is opened."""

    partition: str
    start: Start
    owner_level: int
    prefetch: int
    batch: int
    opened: float
    """When, in monotonic seconds."""


class Receiver:
    """Receives until it ends.

    No exception leaves a handler: the SDK would close the partition and come back to it at a place of its own choice.

    Args:
        client: Used by this receiver only, and closed with it.
        opening: Where to begin and how.
        take: Told every batch of messages; what it waits for holds the receiver up.
        facts: Told what happens.
    """

    def __init__(self, client: HubClient, opening: Opening, take: Take, facts: SourceFacts) -> None:
        self.opening = opening
        self.messages = 0
        """New messages received."""
        self.ending: Ending | None = None
        self._client = client
        self._take = take
        self._facts = facts
        self._ended = asyncio.Event()
        self._task = asyncio.create_task(self._receive(), name=f"receive partition {opening.partition}")

    @property
    def live(self) -> bool:
        """Whether what it receives counts."""
        return self.ending is None

    def end(self, ending: Ending) -> None:
        """Ends it; only the first reason counts."""
        if self.ending is None:
            self.ending = ending
            self._ended.set()

    async def wait(self) -> Ending:
        """Waits until it has ended, and says why."""
        await self._ended.wait()
        assert self.ending is not None
        return self.ending

    async def close(self, seconds: float) -> None:
        """Ends it and closes its connection; after `seconds` it is left behind."""
        self.end("closed")
        self._task.cancel()
        done, _ = await asyncio.wait((self._task,), timeout=seconds)
        if not done:
            self._facts.left_behind("receiver")
        closing = asyncio.create_task(self._client.close())
        await asyncio.wait((closing,), timeout=seconds)
        if closing.done():
            closing.exception()
        else:
            closing.cancel()

    async def _receive(self) -> None:
        opening = self.opening
        try:
            await self._client.receive_batch(
                self._on_event_batch,
                partition_id=opening.partition,
                owner_level=opening.owner_level,
                prefetch=opening.prefetch,
                max_batch_size=opening.batch,
                starting_position=opening.start.at,
                starting_position_inclusive=opening.start.inclusive,
                on_error=self._on_error,
                on_partition_initialize=self._on_partition_initialize,
                on_partition_close=self._on_partition_close,
            )
            self.end("closed")
        except Exception as error:  # noqa: BLE001 -- the SDK lets any exception of its parser through
            self.end(ending_of(error))

    async def _on_event_batch(self, _context: object, events: Sequence[Any]) -> None:
        try:
            if self.live:
                await self._take(self, events)
        except Exception as error:  # noqa: BLE001 -- see the class; what was not taken comes again
            self._caught("message", error)

    async def _on_error(self, _context: object, error: BaseException) -> None:
        """The context is None when the error came before there was a partition."""
        try:
            self.end(ending_of(error))
        except Exception as another:  # noqa: BLE001 -- see the class
            self._caught("error", another)

    async def _on_partition_initialize(self, _context: object) -> None:
        try:
            self._facts.receiver_opened(self.opening.partition)
        except Exception as error:  # noqa: BLE001 -- see the class
            self._caught("initialize", error)

    async def _on_partition_close(self, _context: object, _reason: object) -> None:
        # The SDK would open it again after its load-balancing interval, where it was first opened.
        self.end("closed")

    def _caught(self, stage: Stage, error: Exception) -> None:
        self.end("handler")
        try:
            self._facts.exception_caught(stage, type(error).__name__)
        except Exception:  # noqa: BLE001 -- the counter itself may be what raises, e.g. for want of memory
            return
