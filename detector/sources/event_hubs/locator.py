"""Finds where a receiver of a partition is to be opened, by asking the hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from detector.domain.delivery import Position
from detector.sources.event_hubs.positions import Ahead, PartitionProperties, Start, beginning, first_start, resumed
from detector.sources.event_hubs.shared import Shared

_DOUBTS: Final = 3
"""How often the end of a partition is read again before a stored position beyond it is believed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to open, and what that was decided by."""

    start: Start
    properties: PartitionProperties
    generation: int
    new_hub: bool
    """Whether positions from before mean nothing any more."""


class Locator:
    """Compares what was taken of a partition with what the hub holds.

    Args:
        name: Id of the partition.
        shared: What all partitions have in common.
        first: Whether the configuration says where an unknown partition begins; else all of it is wanted.
        stored: Whether its position comes from the store, and so from the hub before any that was accepted since.
    """

    def __init__(self, name: str, shared: Shared, *, first: bool, stored: bool) -> None:
        self._name = name
        self._shared = shared
        self._first = first
        self._generation = 0 if stored else shared.hub.generation
        self.by_sequence = False
        """Whether the hub refused the offset, so that the sequence number is used."""

    async def place(self, taken: Position | None) -> Place:
        """Where to open after `taken`.

        Raises:
            Unavailable: The hub did not say.
            HubRecreated: What was taken is not of this hub.
        """
        hub = self._shared.hub
        await hub.properties()
        generation = hub.generation
        properties = await hub.partition(self._name)
        if generation != self._generation:
            return Place(beginning(properties), properties, generation, new_hub=True)
        if taken is None:
            setting = self._shared.settings.start
            start = first_start(setting, properties) if self._first else beginning(properties)
            return Place(start, properties, generation, new_hub=False)
        return await self._after(taken, properties, generation)

    def settle(self, place: Place) -> None:
        """The place is stored, so what it was decided by is old news."""
        self._generation = place.generation

    async def _after(self, taken: Position, properties: PartitionProperties, generation: int) -> Place:
        for _ in range(_DOUBTS):
            try:
                start = resumed(taken, properties, by_sequence=self.by_sequence)
            except Ahead:
                # The answer may be a moment older than the message.
                await self._shared.clocks.sleep(self._shared.settings.backoff.first)
                properties = await self._shared.hub.partition(self._name)
            else:
                return Place(start, properties, generation, new_hub=False)
        self._shared.hub.accept()
        return Place(beginning(properties), properties, generation, new_hub=False)
