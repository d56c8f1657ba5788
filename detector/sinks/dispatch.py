"""All relays together: started, woken, drained and stopped as one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from detector.sinks.relay import Relay


class Dispatch:
    """Runs a task for every relay; to be made and used in the event loop, as an asynchronous context manager.

    ```
    async with Dispatch(relays) as dispatch:
        ...                        # after each commit: dispatch.notify()
        await dispatch.drain(20.0) # on SIGTERM
    ```
    """

    def __init__(self, relays: Sequence[Relay]) -> None:
        self._relays = tuple(relays)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(relay.run(), name=f"relay {relay.sink.name}") for relay in self._relays]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def notify(self) -> None:
        """Says that something was committed."""
        for relay in self._relays:
            relay.notify()

    async def drain(self, seconds: float) -> bool:
        """Delivers what is pending, for so many seconds at most, then stops.

        Returns whether every relay came to its end by itself. What is left is still in the outbox.
        """
        for relay in self._relays:
            relay.finish(seconds)
        if not self._tasks:
            return True
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        await self._cancel()
        return not late

    async def close(self) -> None:
        """Stops at once and closes the sinks; harmless when repeated."""
        await self._cancel()
        await asyncio.gather(*(relay.sink.close() for relay in self._relays), return_exceptions=True)

    async def _cancel(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
