"""Alerts as events of a hub: the real producer of azure-eventhub against the look-alike on loopback."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import exceptions

from detector.sinks.event_hubs import EventHubs, Place, fate_of
from detector.sinks.event_hubs import Hub as OutgoingHub
from detector.sinks.formats import FORMATS
from detector.sinks.outcome import DELIVERED, Refused, Retry
from detector.sinks.secret_files import SecretFile
from detector.sinks.sink import Terms
from tests.hub import Hub, Server
from tests.hub.amqp.sections import Message, decode_message
from tests.sinks.alerts import alert
from tests.sinks.outboxes import numbered

MESSAGE_ID, CONTENT_TYPE = 0, 6
"""Places in the AMQP 1.0 properties section (3.2.4)."""


@pytest.fixture(autouse=True)
def _leaks_show_in_the_test_that_made_them() -> Iterator[None]:
    yield
    gc.collect()


@asynccontextmanager
async def sink_to(place: Place, encoding: Any = "native", **changes: Any) -> AsyncIterator[EventHubs]:
    sink = EventHubs("out", Terms(batch=100), FORMATS[encoding], place, **changes)
    try:
        yield sink
    finally:
        await sink.close()


def place_at(server: Server, tmp_path: Path, **changes: Any) -> OutgoingHub:
    (tmp_path / "connection").write_text(server.connection_string(**changes) + "\n")
    return OutgoingHub(connection=SecretFile(tmp_path / "connection"))


async def delivered(sink: EventHubs, *alerts: Any) -> None:
    """Offers alerts as a relay does, again and again: a slow machine may not open a connection within the limit."""
    async with asyncio.timeout(60):
        while set((await sink.deliver(alerts)).values()) != {DELIVERED}:
            pass


def messages(hub: Hub) -> list[tuple[str, str | None, Message]]:
    """Partition, key and content of everything in a hub."""
    return [
        (partition, event.key, decode_message(b"".join(event.bare)))
        for partition in hub.partition_ids
        for event in hub.read(partition, 0, 10_000)
    ]


@pytest.mark.untraced
@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", FORMATS)
async def test_every_alert_is_an_event_that_a_reader_knows_by_its_id(encoding: Any, tmp_path: Path) -> None:
    hub = Hub("alerts", partitions=4)
    alerts = [*numbered(3, "a"), *numbered(2, "b"), *numbered(1, "c")]
    with Server(hub) as server:
        async with sink_to(place_at(server, tmp_path), encoding) as sink:
            assert await sink.deliver(alerts) == {each.id: DELIVERED for each in alerts}
            assert await sink.deliver(alerts[:1]) == {alerts[0].id: DELIVERED}
    form = FORMATS[encoding]
    found = messages(hub)
    assert len(found) == len(alerts) + 1
    by_id = {each.id: each for each in alerts}
    for _, key, message in found:
        told = by_id[str(message.property(MESSAGE_ID))]
        assert key == told.subject.id
        assert message.property(CONTENT_TYPE) == form.content_type
        assert message.application == {"alert_id": told.id, "severity": told.severity, "detector": told.detector}
        assert form.identity(json.loads(b"".join(message.data))) == told.id
    assert {str(message.property(MESSAGE_ID)) for _, _, message in found} == set(by_id)
    for agent in "abc":
        assert len({partition for partition, key, _ in found if key == agent}) == 1, "one agent stays in order"


@pytest.mark.asyncio
async def test_a_lost_connection_is_made_again(tmp_path: Path) -> None:
    hub = Hub("alerts", partitions=1)
    first, second, third = numbered(3)
    with Server(hub) as server:
        async with sink_to(place_at(server, tmp_path), total=5.0) as sink:
            await delivered(sink, first)
            server.faults.drop_connections(until_cleared=True)
            fate = (await sink.deliver([second]))[second.id]
            assert isinstance(fate, Retry)
            assert fate.reason in {"connect_failed", "connection_lost", "timed_out", "unavailable"}
            server.faults.clear()
            await delivered(sink, second, third)
    assert {message.property(MESSAGE_ID) for _, _, message in messages(hub)} == {first.id, second.id, third.id}


@pytest.mark.asyncio
async def test_a_black_hole_is_given_up_in_time(tmp_path: Path) -> None:
    hub = Hub("alerts", partitions=1)
    (one,) = numbered(1)
    with Server(hub) as server:
        async with sink_to(place_at(server, tmp_path), total=0.5) as sink:
            server.faults.black_hole()
            start = asyncio.get_running_loop().time()
            assert await sink.deliver([one]) == {one.id: Retry("timed_out")}
            assert asyncio.get_running_loop().time() - start < 20, "the client itself would wait for a minute"


@pytest.mark.asyncio
async def test_a_refused_token_is_told(tmp_path: Path) -> None:
    (one,) = numbered(1)
    with Server(Hub("alerts", partitions=1), keys={"policy": "right"}) as server:
        text = server.connection_string().replace("SharedAccessKey=right", "SharedAccessKey=wrong")
        (tmp_path / "connection").write_text(text)
        async with sink_to(OutgoingHub(connection=SecretFile(tmp_path / "connection"))) as sink:
            assert await sink.deliver([one]) == {one.id: Retry("unauthorized")}


@pytest.mark.untraced
@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("text", "reason"),
    [(None, "secret_unreadable"), ("", "secret_unreadable"), ("no connection string", "credential_failed")],
)
async def test_without_a_usable_connection_string_nothing_is_sent(
    text: str | None, reason: Any, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "connection").write_text(text)
    (one,) = numbered(1)
    async with sink_to(OutgoingHub(connection=SecretFile(tmp_path / "connection"))) as sink:
        assert await sink.deliver([one]) == {one.id: Retry(reason)}


@pytest.mark.asyncio
async def test_what_fits_in_no_event_is_refused_and_the_rest_goes_in_several(tmp_path: Path) -> None:
    hub = Hub("alerts", partitions=2)
    subject = alert().subject
    big = [alert(f"{n}", subject=subject, explanation="x" * 400_000) for n in range(4)]
    huge = alert("huge", subject=subject, explanation="x" * 2_000_000)
    with Server(hub) as server:
        async with sink_to(place_at(server, tmp_path)) as sink:
            outcome = await sink.deliver([big[0], huge, *big[1:]])
    assert outcome == {huge.id: Refused("too_large")} | {each.id: DELIVERED for each in big}
    assert len(messages(hub)) == 4


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (exceptions.AuthenticationError("x"), Retry("unauthorized")),
        (exceptions.ConnectError("x"), Retry("connect_failed")),
        (exceptions.ConnectionLostError("x"), Retry("connection_lost")),
        (exceptions.ClientClosedError("x"), Retry("connection_lost")),
        (exceptions.OperationTimeoutError("x"), Retry("timed_out")),
        (exceptions.EventDataError("x"), Refused("rejected")),
        (exceptions.EventDataSendError("x"), Retry("unavailable")),
        (exceptions.EventHubError("x"), Retry("unavailable")),
    ],
)
def test_every_error_of_the_client_has_a_fate(error: Exception, fate: Any) -> None:
    assert fate_of(error) == fate


def test_a_busy_service_is_throttling() -> None:
    error = exceptions.EventHubError("x")
    error.error = "server-busy"
    assert fate_of(error) == Retry("throttled")
