"""The directory as a further feed of the live service: what the poller tells becomes messages of its own partition.

They go through the inbox, the worker and the commit like all others, so replay of the same records gives the same
alerts. Nothing waits for this partition: it is never behind, for Graph keeps no past that could be read late.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from detector.inventory.connect import connected, world_of

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from detector.config.inventory import InventorySettings
    from detector.inventory.facts import InventoryFacts
    from detector.runtime.live.feeds import Time
    from detector.runtime.live.producing import Producer

NAME: Final = "inventory"
"""Of its partition; see `producing.Producer`."""


class Polling:
    """Polls for one service; belongs to the event loop.

    Args:
        settings: What is read and how often.
        producer: Where it goes.
        time: Clocks.
        facts: Told what happens.
        credential: Makes the identity to ask with.

    Raises:
        SourceError: There is no identity to ask with.
    """

    def __init__(
        self,
        settings: InventorySettings,
        producer: Producer,
        *,
        time: Time,
        facts: InventoryFacts,
        credential: Callable[[InventorySettings], AsyncTokenCredential],
    ) -> None:
        self._settings: Final = settings
        self._producer: Final = producer
        self._facts: Final = facts
        self._world: Final = world_of(time.now, time.monotonic)
        self._credential: Final = credential(settings)

    async def run(self) -> None:
        """Polls until cancelled. What was told by then stays told; the next start reads everything anew."""
        async with connected(self._settings, self._facts, self._world, lambda _: self._credential) as poller:
            await poller.run(self._tell)

    async def _tell(self, lines: bytes) -> None:
        await self._producer.put(lines)
