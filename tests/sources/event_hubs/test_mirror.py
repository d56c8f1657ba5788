"""The mirror is written at intervals, never read, and never hurts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from detector.config.event_hubs import EventHubsSettings, MirrorSettings
from detector.domain.delivery import Position
from detector.errors import SourceError
from detector.sources.event_hubs.clocks import Clocks
from detector.sources.event_hubs.connection import Connector
from detector.sources.event_hubs.mirror import Mirror, blob_writer
from tests.sources.event_hubs.recorded import Facts


class Writer:
    def __init__(self) -> None:
        self.written: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.closed = False

    async def update_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.error is not None:
            raise self.error
        self.written.append(checkpoint)

    async def close(self) -> None:
        self.closed = True


def mirror(writer: Writer, facts: Facts, sleep: Any = asyncio.sleep) -> Mirror:
    settings = EventHubsSettings.model_validate(
        {
            "namespace": "my-ns.servicebus.windows.net",
            "hub": "agents",
            "mirror": {"container": "https://account.blob.core.windows.net/checkpoints", "interval": 15},
        }
    )
    return Mirror(settings, Connector(settings), writer, facts=facts, clocks=Clocks(now=lambda: 0.0, sleep=sleep))


@pytest.mark.asyncio
async def test_the_newest_position_of_every_partition_is_written_once() -> None:
    writer, facts = Writer(), Facts()
    copy = mirror(writer, facts)
    for sequence in range(5):
        copy.committed({"0": Position(sequence, str(100 + sequence))})
    copy.committed({"1": Position(7, "900"), "2": Position(9, ""), "3": Position(-1, "-1")})
    await copy.write()
    await copy.write()
    assert writer.written == [
        {
            "fully_qualified_namespace": "my-ns.servicebus.windows.net",
            "eventhub_name": "agents",
            "consumer_group": "$Default",
            "partition_id": partition,
            "offset": offset,
            "sequence_number": sequence,
        }
        for partition, offset, sequence in (("0", "104", 4), ("1", "900", 7))
    ]
    assert facts.told["mirror_written"] == [(2,)]
    await copy.close()
    assert writer.closed


@pytest.mark.asyncio
async def test_a_failure_costs_the_copy_only_and_it_is_written_later() -> None:
    writer, facts = Writer(), Facts()
    copy = mirror(writer, facts)
    copy.committed({"0": Position(1, "1")})
    writer.error = OSError("secret")
    await copy.write()
    assert facts.told["mirror_failed"] == [("OSError",)]
    writer.error = None
    await copy.write()
    assert len(writer.written) == 1


@pytest.mark.asyncio
async def test_it_is_written_no_more_often_than_configured() -> None:
    writer = Writer()
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        copy.committed({"0": Position(len(waits), str(len(waits)))})
        if len(waits) == 4:
            raise asyncio.CancelledError

    copy = mirror(writer, Facts(), sleep)
    with pytest.raises(asyncio.CancelledError):
        await copy.run()
    assert waits == [15.0] * 4
    assert len(writer.written) == 3


@pytest.mark.asyncio
async def test_what_is_new_at_the_end_is_written_unless_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    writer, facts = Writer(), Facts()
    copy = mirror(writer, facts)
    copy.committed({"0": Position(1, "1")})
    await copy.finish()
    assert [each["sequence_number"] for each in writer.written] == [1]

    async def asleep(_: dict[str, Any]) -> None:
        await asyncio.sleep(3600.0)

    monkeypatch.setattr(writer, "update_checkpoint", asleep)
    monkeypatch.setattr("detector.sources.event_hubs.mirror._LAST", 0.01)
    copy.committed({"0": Position(2, "2")})
    await copy.finish()
    assert facts.told["mirror_failed"] == [("TimeoutError",)]


@pytest.mark.asyncio
async def test_the_writer_is_the_checkpoint_store_of_the_sdk(tmp_path: Path) -> None:
    container = "http://127.0.0.1:10000/devstoreaccount1/checkpoints"
    file = tmp_path / "storage"
    file.write_text(
        "AccountName=devstoreaccount1;AccountKey=c2VjcmV0;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1"
    )
    for settings in (
        MirrorSettings(container=container),
        MirrorSettings(container=container, connection_string_file=str(file)),
    ):
        writer = blob_writer(settings)
        assert type(writer).__name__ == "BlobCheckpointStore"
        await writer.close()
    file.write_text("hunter2")
    with pytest.raises(SourceError, match="storage connection string") as caught:
        blob_writer(MirrorSettings(container=container, connection_string_file=str(file)))
    assert "hunter2" not in str(caught.value)
