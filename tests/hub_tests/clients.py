"""The real azure-eventhub clients against a test hub, with short waits and without polling."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

import azure.eventhub as blocking
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient

from tests.hub import Server, abort_leftovers

GROUP = "$Default"

QUICK: dict[str, Any] = {
    "retry_total": 3,
    "retry_backoff_factor": 0.05,
    "retry_backoff_max": 0.2,
    "load_balancing_interval": 0.2,
    "socket_timeout": 0.05,
}
"""Options of a client that gives up and comes back quickly."""


class Taken(NamedTuple):
    """One event as a handler got it."""

    partition: str
    sequence: int
    offset: str
    body: bytes
    event: Any


class Reading:
    """What a client has read so far."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.errors: list[tuple[str | None, Exception]] = []
        self.client: Any = None
        self._more = asyncio.Event()

    async def until(self, count: int, timeout: float = 150.0) -> list[Taken]:
        """The events, as soon as there are so many."""
        async with asyncio.timeout(timeout):
            while len(self.taken) < count:
                self._more.clear()
                await self._more.wait()
        return self.taken

    async def until_error(self, timeout: float = 150.0) -> tuple[str | None, Exception]:
        """The first error that the client told its handler of."""
        async with asyncio.timeout(timeout):
            while not self.errors:
                self._more.clear()
                await self._more.wait()
        return self.errors[0]

    async def attached(self, server: Server, partition: str = "0", count: int = 1) -> None:
        """So many receivers of a partition have been opened."""
        assert await asyncio.to_thread(server.stats.wait_for, lambda stats: stats.opened[partition] >= count)

    async def nothing_more(self, seconds: float) -> None:
        """Nothing is read for so long."""
        before = len(self.taken)
        await asyncio.sleep(seconds)
        assert len(self.taken) == before

    def sequences(self, partition: str = "0") -> list[int]:
        """Sequence numbers read from a partition, in order."""
        return [taken.sequence for taken in self.taken if taken.partition == partition]

    async def on_batch(self, context: Any, events: list[Any]) -> None:
        self.taken.extend(take(context, event) for event in events)
        self._more.set()

    async def on_error(self, context: Any, error: Exception) -> None:
        self.errors.append((None if context is None else context.partition_id, error))
        self._more.set()


def take(context: Any, event: Any) -> Taken:
    """An event as a tuple."""
    return Taken(context.partition_id, event.sequence_number, event.offset, b"".join(event.body), event)


def consumer(server: Server, **options: Any) -> EventHubConsumerClient:
    """An asynchronous consumer of the first hub."""
    text = options.pop("connection_string", None) or server.connection_string()
    return EventHubConsumerClient.from_connection_string(text, GROUP, **{**QUICK, **options})


def producer(server: Server, **options: Any) -> EventHubProducerClient:
    """An asynchronous producer for the first hub."""
    kept = {name: value for name, value in QUICK.items() if name != "load_balancing_interval"}
    return EventHubProducerClient.from_connection_string(server.connection_string(), **{**kept, **options})


@asynccontextmanager
async def reading(server: Server, *, client: Any = None, **receive: Any) -> AsyncIterator[Reading]:
    """Read with the asynchronous client, from the beginning unless told otherwise, until the block ends."""
    state = Reading()
    state.client = client or consumer(server)
    receive.setdefault("starting_position", "-1")
    task = asyncio.create_task(state.client.receive_batch(state.on_batch, on_error=state.on_error, **receive))
    try:
        yield state
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await state.client.close()
        await abort_leftovers()


async def refused(server: Server, condition: str, times: int = 1) -> bool:
    """Has the server refused so many links with this condition?

    The asynchronous client tells its handlers nothing of it: a receiver that was refused while it was being opened is
    opened again, for ever.
    """
    return await asyncio.to_thread(server.stats.wait_for, lambda stats: stats.refused[condition] >= times)


class BlockingReading:
    """What a blocking client has read so far, in a thread."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self._more = threading.Condition()

    def on_batch(self, context: Any, events: list[Any]) -> None:
        with self._more:
            self.taken.extend(take(context, event) for event in events)
            self._more.notify_all()

    def until(self, count: int, timeout: float = 150.0) -> list[Taken]:
        """The events, as soon as there are so many."""
        with self._more:
            assert self._more.wait_for(lambda: len(self.taken) >= count, timeout)
        return self.taken


@contextmanager
def blocking_reading(server: Server, **receive: Any) -> Iterator[BlockingReading]:
    """Read with the blocking client in a thread, until the block ends."""
    state = BlockingReading()
    options = {name: value for name, value in QUICK.items() if name != "socket_timeout"}
    client = blocking.EventHubConsumerClient.from_connection_string(server.connection_string(), GROUP, **options)
    receive.setdefault("starting_position", "-1")
    thread = threading.Thread(target=client.receive_batch, args=(state.on_batch,), kwargs=receive)
    thread.start()
    try:
        yield state
    finally:
        client.close()
        thread.join(60)
        assert not thread.is_alive()
