"""Questions to the management endpoint of the hub: who it is, which partitions it has, how far they go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from detector.config.event_hubs import EventHubsSettings
from detector.errors import SourceError
from detector.sources.event_hubs.clocks import Clocks
from detector.sources.event_hubs.connection import Connector, HubClient
from detector.sources.event_hubs.failures import HubRecreated, Unavailable, ending_of
from detector.sources.event_hubs.leftovers import Leftovers
from detector.sources.event_hubs.positions import PartitionProperties
from detector.sources.facts import SourceFacts

_FRESH: Final = 1.0
"""Seconds for which an answer about the hub as a whole is good: many receivers that open at once ask only once."""
_AT_ONCE: Final = 4
"""Questions that are asked at the same time; each is a connection of its own."""


class HubProperties(NamedTuple):
    """What the hub says about itself."""

    name: str
    created: datetime
    partitions: tuple[str, ...]

    @property
    def identity(self) -> str:
        """Name and time of creation: a hub deleted and made again under its name is another hub."""
        return f"{self.name.casefold()}@{self.created.isoformat()}"


class Hub:
    """Asks the hub, and notices when it has become another one.

    Args:
        settings: How long to wait, and whether another hub is welcome.
        connector: Makes the client that asks.
        clocks: Time.
        facts: Told of failures.
        leftovers: Keeps what does not end in time.
        identity: `HubProperties.identity` of the hub whose positions are stored; `None` when there is none yet.
    """

    def __init__(
        self,
        settings: EventHubsSettings,
        connector: Connector,
        *,
        clocks: Clocks,
        facts: SourceFacts,
        leftovers: Leftovers,
        identity: str | None,
    ) -> None:
        self._settings = settings
        self._connector = connector
        self._clocks = clocks
        self._facts = facts
        self._leftovers = leftovers
        self._client: HubClient | None = None
        self._asking = asyncio.Semaphore(_AT_ONCE)
        self._checking = asyncio.Lock()
        self._answer: tuple[float, HubProperties] | None = None
        self.identity = identity
        self.generation = 0
        """Raised whenever another hub was accepted: positions from before mean nothing in it."""

    async def properties(self, *, fresh: float = _FRESH) -> HubProperties:
        """Who the hub is.

        Raises:
            Unavailable: It gave no answer.
            HubRecreated: It is another hub than before, and that is not accepted.
        """
        async with self._checking:
            now = self._clocks.monotonic()
            if self._answer is not None and now - self._answer[0] < fresh:
                return self._answer[1]
            answer = await self._ask(lambda client: client.get_eventhub_properties())
            found = HubProperties(answer["eventhub_name"], answer["created_at"], tuple(answer["partition_ids"]))
            if self.identity is not None and found.identity != self.identity:
                self.accept()
                self.generation += 1
            self.identity = found.identity
            self._answer = now, found
            return found

    def accept(self) -> None:
        """The hub, or a partition of it, is not the one that was read before.

        Raises:
            HubRecreated: Unless the configuration accepts it.
        """
        if not self._settings.accept_new_hub:
            raise HubRecreated(
                self._connector.hub,
                "The hub was deleted and made again, or is another one than before, so the stored positions do not "
                "belong to it. Messages may be missing. Set accept_new_hub to read it from its beginning.",
            )
        self._facts.hub_accepted()

    async def partition(self, partition: str) -> PartitionProperties:
        """How far a partition goes.

        Raises:
            Unavailable: The hub gave no answer.
        """
        return PartitionProperties.of(await self._ask(lambda client: client.get_partition_properties(partition)))

    async def _ask(self, question: Callable[[HubClient], Awaitable[Mapping[str, Any]]]) -> Mapping[str, Any]:
        async with self._asking:
            client = self._client
            try:
                if client is None:
                    client = self._client = self._connector.client()

                async def asked() -> Mapping[str, Any]:
                    return await question(client)

                answer = await self._leftovers.bounded(asked(), self._settings.watchdog.answer)
                if not answer:
                    raise Unavailable("other")
                return answer
            except Exception as error:  # noqa: BLE001 -- the SDK lets any exception of its parser through
                # The next question gets a new client, with a connection string read anew.
                if client is not None and self._client is client:
                    self._client = None
                    self._leftovers.adopt(asyncio.create_task(client.close()))
                ending = error.ending if isinstance(error, Unavailable) else ending_of(error)
                self._facts.management_failed("unauthorized" if isinstance(error, SourceError) else ending)
                raise Unavailable(ending) from None

    async def close(self) -> None:
        """Gives the client up."""
        client, self._client = self._client, None
        if client is not None:
            self._leftovers.adopt(asyncio.create_task(client.close()))
