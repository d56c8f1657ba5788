"""The real clients read: all partitions, all start positions, small and large bodies, and annotations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.eventhub import EventHubConsumerClient

from tests.hub import Hub, Server
from tests.hub_tests.clients import blocking_reading, consumer, reading, refused

pytestmark = pytest.mark.slow

EPOCH = 1_790_000_000.0


@pytest.fixture
def hub() -> Hub:
    return Hub("agents", partitions=4, created=datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def server(hub: Hub) -> Iterator[Server]:
    with Server(hub, keys={"reader": "c2VjcmV0"}) as running:
        yield running


def _fill(hub: Hub, each: int = 6) -> None:
    for partition in hub.partition_ids:
        for number in range(each):
            hub.put(partition, f"{partition}-{number}".encode(), enqueued=EPOCH + number)


@pytest.mark.asyncio
async def test_the_asynchronous_client_reads_every_partition_in_order(hub: Hub, server: Server) -> None:
    _fill(hub)
    async with reading(server) as state:
        await state.until(24)
        hub.put(2, b"live")
        await state.until(25)
    for partition in hub.partition_ids:
        assert state.sequences(partition) == list(range(7 if partition == "2" else 6))
    assert {taken.body for taken in state.taken} == {
        *(f"{partition}-{number}".encode() for partition in range(4) for number in range(6)),
        b"live",
    }
    assert server.stats.opened == {"0": 1, "1": 1, "2": 1, "3": 1}
    assert server.stats.deliveries == {"0": 6, "1": 6, "2": 7, "3": 6}
    assert not state.errors


def test_the_blocking_client_reads_every_partition_in_order(hub: Hub, server: Server) -> None:
    _fill(hub)
    with blocking_reading(server) as state:
        state.until(24)
    for partition in hub.partition_ids:
        assert [taken.sequence for taken in state.taken if taken.partition == partition] == list(range(6))


@pytest.mark.asyncio
async def test_an_event_carries_number_offset_time_and_key(hub: Hub, server: Server) -> None:
    hub.put(0, b"first")
    hub.put(0, b"body", enqueued=EPOCH + 0.25, key="agent-1")
    async with reading(server) as state:
        _, second = await state.until(2)
    assert second.sequence == 1
    assert second.offset == hub.state(0).last_offset
    assert second.event.enqueued_time == datetime.fromtimestamp(EPOCH + 0.25, UTC)
    assert second.event.partition_key == b"agent-1"


def _positions(hub: Hub) -> dict[str, tuple[dict[str, Any], list[int]]]:
    offset = hub.read("0", 2)[0].offset
    moment = datetime.fromtimestamp(EPOCH + 2, UTC)
    return {
        "beginning": ({"starting_position": "-1"}, [0, 1, 2, 3, 4, 5, 6]),
        "latest": ({"starting_position": "@latest"}, [6]),
        "sequence": ({"starting_position": 3}, [4, 5, 6]),
        "sequence inclusive": ({"starting_position": 3, "starting_position_inclusive": True}, [3, 4, 5, 6]),
        "offset": ({"starting_position": offset}, [3, 4, 5, 6]),
        "offset inclusive": ({"starting_position": offset, "starting_position_inclusive": True}, [2, 3, 4, 5, 6]),
        "time": ({"starting_position": moment}, [3, 4, 5, 6]),
        "time inclusive": ({"starting_position": moment, "starting_position_inclusive": True}, [2, 3, 4, 5, 6]),
    }


@pytest.mark.parametrize(
    "name",
    ["beginning", "latest", "sequence", "sequence inclusive", "offset", "offset inclusive", "time", "time inclusive"],
)
@pytest.mark.asyncio
async def test_a_reader_starts_where_it_was_told_to(name: str, hub: Hub, server: Server) -> None:
    _fill(hub)
    position, expected = _positions(hub)[name]
    async with reading(server, partition_id="0", **position) as state:
        await state.attached(server)
        hub.put(0, b"live")
        await state.until(len(expected))
    assert state.sequences() == expected


@pytest.mark.parametrize("frame_size", [1 << 16, 1 << 20])
@pytest.mark.asyncio
async def test_bodies_of_every_size_arrive_whole(frame_size: int, hub: Hub) -> None:
    bodies = [os.urandom(size) for size in (0, 1, 255, 256, 3_000, 65_400, 65_536, 200_000, 1_000_000)]
    hub.put_many(0, bodies)
    with Server(hub, max_frame_size=frame_size) as server:
        async with reading(server) as state:
            await state.until(len(bodies))
    assert [taken.body for taken in state.taken] == bodies


@pytest.mark.slow
@pytest.mark.asyncio
async def test_more_frames_than_a_window_holds_are_not_lost(hub: Hub) -> None:
    """The client opens a window of 65,536 transfer frames, in frames of 512 octets: the window must turn over."""
    hub.put_many(0, [bytes([number]) * 460_000 for number in range(80)])
    with Server(hub, max_frame_size=512) as server:
        async with reading(server, partition_id="0") as state:
            await state.until(80, timeout=150)
    assert all(taken.body == bytes([place]) * 460_000 for place, taken in enumerate(state.taken))


@pytest.mark.asyncio
async def test_retention_moves_the_beginning(hub: Hub, server: Server) -> None:
    _fill(hub)
    hub.expire(0, 4)
    async with reading(server, partition_id="0", starting_position=1) as state:
        await state.until(2)
    assert state.sequences() == [4, 5]


@pytest.mark.asyncio
async def test_the_last_enqueued_event_is_told_with_each_event_if_asked_for(hub: Hub, server: Server) -> None:
    _fill(hub)
    async with reading(server, partition_id="0", track_last_enqueued_event_properties=True) as state:
        first = (await state.until(1))[0]
    told = first.event.raw_amqp_message.delivery_annotations
    assert told[b"last_enqueued_sequence_number"] == 5
    assert told[b"last_enqueued_offset"].decode() == hub.state(0).last_offset
    assert told[b"last_enqueued_time_utc"] == int((EPOCH + 5) * 1000)


@pytest.mark.asyncio
async def test_consumer_groups_that_do_not_exist_are_refused() -> None:
    hub = Hub("agents", partitions=1, consumer_groups=["other"])
    with Server(hub) as server:
        hub.put(0, b"never read")
        async with reading(server) as state:
            assert await refused(server, "amqp:not-found", 2)
    assert not state.taken


# -------------------------------------------------------------------------------------------- management


@pytest.mark.asyncio
async def test_the_hub_and_its_partitions_are_described(hub: Hub, server: Server) -> None:
    _fill(hub)
    hub.expire(1, 2)
    async with consumer(server) as client:
        properties = await client.get_eventhub_properties()
        assert properties == {
            "eventhub_name": "agents",
            "created_at": datetime(2026, 3, 1, tzinfo=UTC),
            "partition_ids": ["0", "1", "2", "3"],
        }
        hub.add_partition()
        assert await client.get_partition_ids() == ["0", "1", "2", "3", "4"]
        one = await client.get_partition_properties("1")
        empty = await client.get_partition_properties("4")
    assert one == {
        "eventhub_name": "agents",
        "id": "1",
        "beginning_sequence_number": 2,
        "last_enqueued_sequence_number": 5,
        "last_enqueued_offset": hub.state(1).last_offset,
        "is_empty": False,
        "last_enqueued_time_utc": datetime.fromtimestamp(EPOCH + 5, UTC),
    }
    assert (empty["is_empty"], empty["last_enqueued_sequence_number"], empty["last_enqueued_offset"]) == (
        True,
        -1,
        "-1",
    )
    assert server.stats.management_reads == 4


def test_the_blocking_client_reads_properties_too(server: Server) -> None:
    with EventHubConsumerClient.from_connection_string(server.connection_string(), "$Default") as client:
        assert client.get_partition_ids() == ["0", "1", "2", "3"]
        assert client.get_partition_properties("3")["id"] == "3"
