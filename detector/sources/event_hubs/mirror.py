"""A copy of the committed positions in Blob Storage, where people and KEDA's azure-eventhub scaler look for them.

It is written and never read: a checkpoint there can move backwards (the SDK writes it without a condition), so the
truth is the store. A failure costs the copy only.

https://learn.microsoft.com/azure/event-hubs/event-processor-balance-partition-load says how checkpoints are laid out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NoReturn, Protocol
from urllib.parse import urlsplit

from detector.config.event_hubs import EventHubsSettings, MirrorSettings
from detector.config.secret_files import read_secret
from detector.domain.delivery import Position
from detector.errors import SourceError
from detector.sources.event_hubs.clocks import Clocks
from detector.sources.event_hubs.connection import Connector
from detector.sources.event_hubs.positions import BEGINNING
from detector.sources.facts import SourceFacts

_PATIENCE: Final = 10.0
"""Seconds that writing one position may take."""
_LAST: Final = 2.0
"""Seconds that the last writing of all may take: whoever stops the service waits for it."""


class CheckpointWriter(Protocol):
    """The part of `BlobCheckpointStore` that is used."""

    async def update_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Writes one position."""

    async def close(self) -> None:
        """Closes its session."""


class Mirror:
    """Writes what is new, at intervals.

    Args:
        settings: Which hub the positions belong to.
        connector: Knows the names of namespace and hub.
        writer: Writes a position, e.g. `blob_writer`; closed by `close`.
        facts: Told what was written and what failed.
        clocks: Time.
    """

    def __init__(
        self,
        settings: EventHubsSettings,
        connector: Connector,
        writer: CheckpointWriter,
        *,
        facts: SourceFacts,
        clocks: Clocks,
    ) -> None:
        self._names = {
            "fully_qualified_namespace": connector.namespace,
            "eventhub_name": connector.hub,
            "consumer_group": settings.consumer_group,
        }
        self._interval = (settings.mirror or MirrorSettings.model_construct()).interval
        self._writer = writer
        self._facts = facts
        self._clocks = clocks
        self._positions: dict[str, Position] = {}
        self._written: dict[str, Position] = {}

    def committed(self, positions: Mapping[str, Position]) -> None:
        """The store has committed these. Costs nothing; the newest of each partition is written later."""
        self._positions.update(positions)

    async def run(self) -> NoReturn:
        """Writes at intervals until cancelled."""
        while True:
            await self._clocks.sleep(self._interval)
            await self.write()

    async def write(self) -> None:
        """Writes what is new now; never raises because of the storage."""
        done = 0
        for partition, position in list(self._positions.items()):
            # A place that no message taught has no offset that a reader could use.
            if self._written.get(partition) == position or position.offset in ("", BEGINNING):
                continue
            try:
                await asyncio.wait_for(self._writer.update_checkpoint(self._checkpoint(partition, position)), _PATIENCE)
            except Exception as error:  # noqa: BLE001 -- whatever the storage does, the copy must not hurt the service
                self._facts.mirror_failed(type(error).__name__)
                return
            self._written[partition] = position
            done += 1
        if done:
            self._facts.mirror_written(done)

    async def finish(self) -> None:
        """Writes what is new a last time, if that is quick, so that no scaler sees work where there is none."""
        try:
            await asyncio.wait_for(self.write(), _LAST)
        except TimeoutError as error:
            self._facts.mirror_failed(type(error).__name__)

    def _checkpoint(self, partition: str, position: Position) -> dict[str, Any]:
        place = {"partition_id": partition, "offset": position.offset, "sequence_number": position.sequence}
        return {**self._names, **place}

    async def close(self) -> None:
        """Closes the writer."""
        try:
            await self._writer.close()
        except Exception as error:  # noqa: BLE001 -- as above
            self._facts.exception_caught("mirror", type(error).__name__)


def blob_writer(settings: MirrorSettings, credential: Any = None) -> CheckpointWriter:  # noqa: ANN401 -- as in azure-identity
    """The SDK's checkpoint store. It is imported here, when it is needed, and not before.

    Args:
        settings: Which container.
        credential: An asynchronous token credential, used without a connection string; the caller closes it.

    Raises:
        SourceError: The connection string cannot be read or used.
    """
    from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore

    address = urlsplit(settings.container)
    path, _, container = address.path.strip("/").rpartition("/")
    writer: CheckpointWriter
    if settings.connection_string_file is None:
        account = f"{address.scheme}://{address.netloc}" + (f"/{path}" if path else "")
        writer = BlobCheckpointStore(account, container, credential=credential)
        return writer
    try:
        text = read_secret(settings.connection_string_file)
        writer = BlobCheckpointStore.from_connection_string(text, container)
    except ValueError:
        raise SourceError(
            settings.connection_string_file, "It is no storage connection string. Copy it from the portal, on one line."
        ) from None
    return writer
