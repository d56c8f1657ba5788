"""Facts and deliveries, kept for a test to look at."""

from __future__ import annotations

import asyncio
import inspect
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from detector.domain.delivery import Delivery
from detector.sources.facts import SourceFacts

PATIENCE = 150.0
"""Seconds after which a test gives up; on a quiet machine everything happens within one or two."""


class Facts:
    """Keeps every fact: `facts.receiver_ended` is the list of its arguments, in order. Also a `SourceFacts`."""

    def __init__(self) -> None:
        self.told: dict[str, list[tuple[Any, ...]]] = defaultdict(list)

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not inspect.isfunction(getattr(SourceFacts, name, None)):
            raise AttributeError(name)

        def tell(*arguments: Any) -> None:
            inspect.signature(getattr(SourceFacts, name)).bind(self, *arguments)
            self.told[name].append(arguments)

        return tell

    def endings(self) -> list[str]:
        """Why receivers ended."""
        return [ending for _, ending in self.told["receiver_ended"]]

    def lost(self) -> int:
        """Messages reported as lost."""
        return sum(count for _, count in self.told["events_lost"])


class Taker:
    """Takes deliveries over, and holds them up while `gate` is closed."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.offered = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def deliver(self, delivery: Delivery) -> None:
        self.offered += 1
        await self.gate.wait()
        self.deliveries.append(delivery)

    def of(self, partition: str) -> list[int]:
        """Sequence numbers taken over from a partition, in order."""
        return [each.position.sequence for each in self.deliveries if each.partition == partition]

    def bodies(self, partition: str) -> list[bytes]:
        return [each.body for each in self.deliveries if each.partition == partition]


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Waits for something to come true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
