"""Keeps the mirror of committed positions in Blob Storage beside a hub that is read, if the configuration wants one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from detector.domain.delivery import Position

if TYPE_CHECKING:
    from detector.config.event_hubs import EventHubsSettings
    from detector.sources.event_hubs.clocks import Clocks
    from detector.sources.event_hubs.connection import Connector
    from detector.sources.event_hubs.mirror import Mirror
    from detector.sources.facts import SourceFacts


class Copying:
    """The mirror of one hub, or of none; from `begin` to `close`.

    Args:
        settings: Of the hub; `settings.mirror` says where to.
        connector: Knows the names of namespace and hub.
        facts: Told what was written and what failed.
        clocks: Time.
    """

    def __init__(self, settings: EventHubsSettings, connector: Connector, facts: SourceFacts, clocks: Clocks) -> None:
        self._settings: Final = settings
        self._connector: Final = connector
        self._facts: Final = facts
        self._clocks: Final = clocks
        self._mirror: Mirror | None = None
        self._exits: Final = AsyncExitStack()

    def committed(self, positions: Mapping[str, Position]) -> None:
        """The store has these."""
        if self._mirror is not None:
            self._mirror.committed(positions)

    async def begin(self) -> None:
        """Copies from now on.

        Raises:
            SourceError: The storage cannot be reached as it is configured.
        """
        wanted = self._settings.mirror
        if wanted is None:
            return
        # Imported only by those who want it: the storage client is large.
        from detector.sources.event_hubs.connection import credential_of
        from detector.sources.event_hubs.mirror import Mirror, blob_writer

        credential = None
        if wanted.connection_string_file is None:
            credential = credential_of(self._settings)
            self._exits.push_async_callback(credential.close)
        writer = blob_writer(wanted, credential)
        mirror = Mirror(self._settings, self._connector, writer, facts=self._facts, clocks=self._clocks)
        self._exits.push_async_callback(mirror.close)
        self._exits.push_async_callback(mirror.finish)
        self._exits.push_async_callback(_ended, asyncio.create_task(mirror.run(), name="mirror"))
        self._mirror = mirror

    async def close(self) -> None:
        """Copies what is new a last time."""
        await self._exits.aclose()
        self._mirror = None


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
