"""The real producers write: to a partition, by key, to the hub; and what they wrote is read back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.exceptions import EventDataSendError

from tests.hub import Hub, Server
from tests.hub_tests.clients import producer, reading

pytestmark = pytest.mark.slow


@pytest.fixture
def hub() -> Hub:
    return Hub("agents", partitions=3)


@pytest.fixture
def server(hub: Hub) -> Iterator[Server]:
    with Server(hub) as running:
        yield running


@pytest.mark.asyncio
async def test_a_batch_for_a_partition_lands_there_with_its_properties(hub: Hub, server: Server) -> None:
    async with producer(server) as client:
        batch = await client.create_batch(partition_id="1")
        for number in range(3):
            event = EventData(f"body-{number}")
            event.properties = {"tenant": "contoso", "count": number}
            event.content_type = "application/json"
            event.correlation_id = f"id-{number}"
            batch.add(event)
        await client.send_batch(batch)
        await client.send_event(EventData(b"alone"), partition_id="1")
    assert server.stats.received == {"1": 4}
    async with reading(server) as state:
        taken = await state.until(4)
    assert [item.body for item in taken] == [b"body-0", b"body-1", b"body-2", b"alone"]
    assert {item.partition for item in taken} == {"1"}
    assert taken[2].event.properties == {b"tenant": b"contoso", b"count": 2}
    assert taken[2].event.content_type == "application/json"
    assert taken[2].event.correlation_id == "id-2"
    assert hub.state(1).last_sequence == 3


@pytest.mark.asyncio
async def test_a_key_keeps_events_together_and_is_shown(hub: Hub, server: Server) -> None:
    async with producer(server) as client:
        for number in range(2):
            batch = await client.create_batch(partition_key="agent-1")
            batch.add(EventData(f"{number}"))
            await client.send_batch(batch)
    expected = hub.partition_for("agent-1")
    assert server.stats.received == {expected: 2}
    async with reading(server) as state:
        taken = await state.until(2)
    assert [item.event.partition_key for item in taken] == [b"agent-1"] * 2


@pytest.mark.asyncio
async def test_events_for_the_hub_go_round(server: Server) -> None:
    async with producer(server) as client:
        for _ in range(6):
            await client.send_event(EventData(b"x"))
    assert server.stats.received == {"0": 2, "1": 2, "2": 2}


def test_the_blocking_producer_sends_large_bodies_in_several_frames(hub: Hub, server: Server) -> None:
    with EventHubProducerClient.from_connection_string(server.connection_string()) as client:
        client.send_event(EventData(b"x" * 900_000), partition_id="0")
    assert hub.read("0", 0)[0].body == b"x" * 900_000


@pytest.mark.asyncio
async def test_more_messages_than_the_credit_are_taken(hub: Hub, server: Server) -> None:
    async with producer(server) as client:
        for _ in range(700):
            await client.send_event(EventData(b"x"), partition_id="0")
    assert hub.state(0).last_sequence == 699


@pytest.mark.asyncio
async def test_a_busy_server_refuses_sends(server: Server) -> None:
    async with producer(server, retry_total=0) as client:
        await client.send_event(EventData(b"x"), partition_id="0")
        server.faults.throttle(60)
        with pytest.raises(EventDataSendError, match="server-busy"):
            await client.send_event(EventData(b"x"), partition_id="0")
        server.faults.clear()
        await client.send_event(EventData(b"x"), partition_id="0")
    assert server.stats.received == {"0": 2}
