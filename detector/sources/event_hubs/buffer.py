"""Messages that wait to be taken over, bounded in bytes for a partition and for all partitions together."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from detector.domain.delivery import Delivery

OVERHEAD: Final = 512
"""Bytes that a message costs besides its body, about."""


class Allowance:
    """Bytes that all partitions together may keep waiting."""

    def __init__(self, limit: int) -> None:
        self.limit: Final = limit
        self.used = 0
        self.freed: Final = asyncio.Event()
        """Set whenever something was given back."""


class Buffer:
    """The waiting messages of one partition, first in, first out. A single message always fits into an empty one.

    Args:
        limit: Bytes that may wait.
        allowance: Bytes that may wait in all buffers together.
    """

    def __init__(self, limit: int, allowance: Allowance) -> None:
        self._limit = limit
        self._allowance = allowance
        self._waiting: deque[Delivery] = deque()
        self._filled = asyncio.Event()
        self.size = 0
        """Bytes that wait."""
        self.paused = False
        """Whether a receiver is kept waiting for room."""

    def __len__(self) -> int:
        return len(self._waiting)

    async def room(self, delivery: Delivery) -> None:
        """Waits until the message fits."""
        size = _size(delivery)
        allowance = self._allowance
        try:
            while self._waiting and (self.size + size > self._limit or allowance.used + size > allowance.limit):
                self.paused = True
                allowance.freed.clear()
                await allowance.freed.wait()
        finally:
            self.paused = False

    def append(self, delivery: Delivery) -> None:
        """Adds a message behind the others."""
        self._waiting.append(delivery)
        self.size += _size(delivery)
        self._allowance.used += _size(delivery)
        self._filled.set()

    async def first(self) -> Delivery:
        """The oldest message, once there is one. It stays, and counts, until `drop_first`."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        return self._waiting[0]

    def drop_first(self) -> None:
        """Gives the oldest message up."""
        size = _size(self._waiting.popleft())
        self.size -= size
        self._allowance.used -= size
        self._allowance.freed.set()

    async def drained(self) -> None:
        """Waits until there is no message left."""
        while self._waiting:
            self._allowance.freed.clear()
            await self._allowance.freed.wait()


def _size(delivery: Delivery) -> int:
    return len(delivery.body) + OVERHEAD
