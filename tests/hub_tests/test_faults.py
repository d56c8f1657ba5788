"""Every switch does on the wire what it says, seen by the real client."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import time
from collections.abc import Iterator

import pytest
from azure.eventhub.exceptions import AuthenticationError, ConnectError, EventHubError

from tests.hub import Hub, Server
from tests.hub.amqp import frames
from tests.hub_tests.clients import consumer, reading, refused
from tests.hub_tests.peer import peer

pytestmark = pytest.mark.slow


@pytest.fixture
def hub() -> Hub:
    hub = Hub("agents", partitions=2)
    hub.put_many(0, [b"0", b"1", b"2"])
    return hub


@pytest.fixture
def server(hub: Hub) -> Iterator[Server]:
    with Server(hub, keys={"reader": "c2VjcmV0"}) as running:
        yield running


async def _holds(server: Server, condition: object, timeout: float = 60.0) -> bool:
    return await asyncio.to_thread(server.stats.wait_for, condition, timeout)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ network


@pytest.mark.asyncio
async def test_dropped_connections_come_back_and_nothing_is_lost_or_doubled(hub: Hub, server: Server) -> None:
    async with reading(server) as state:
        await state.until(3)
        server.faults.drop_connections()
        assert server.stats.open_connections == 0
        hub.put(0, b"3")
        await state.until(4)
    assert state.sequences() == [0, 1, 2, 3]
    assert server.stats.opened["0"] == 2


@pytest.fixture
def uncollected() -> Iterator[None]:
    """The client forgets to close a socket whose other end just ended; `reading` does it before the collector warns."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.asyncio
async def test_connections_that_just_end_come_back_too(hub: Hub, server: Server) -> None:
    async with reading(server, partition_id="0") as state:
        await state.until(3)
        server.faults.drop_connections(reset=False)
        hub.put(0, b"3")
        await state.until(4)
    assert state.sequences() == [0, 1, 2, 3]


@pytest.mark.asyncio
async def test_connections_are_refused_until_cleared(hub: Hub, server: Server) -> None:
    async with reading(server) as state:
        await state.until(3)
        server.faults.drop_connections(until_cleared=True)
        hub.put(0, b"3")
        await state.nothing_more(1.0)
        assert server.stats.open_connections == 0
        server.faults.clear()
        await state.until(4)
    assert state.sequences() == [0, 1, 2, 3]


@pytest.mark.asyncio
async def test_refused_connections_leave_open_ones_alone(hub: Hub, server: Server) -> None:
    async with reading(server) as state:
        await state.until(3)
        server.faults.refuse_connections()
        with pytest.raises(EventHubError):
            async with consumer(server, retry_total=0) as other:
                await other.get_partition_ids()
        hub.put(0, b"3")
        await state.until(4)


@pytest.mark.asyncio
async def test_a_black_hole_takes_everything_and_answers_nothing(hub: Hub, server: Server) -> None:
    async with reading(server) as state:
        await state.until(3)
        server.faults.black_hole()
        hub.put(0, b"3")
        await state.nothing_more(1.0)
        async with peer(server) as connected:
            connected.writer.write(frames.AMQP_HEADER)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await connected.reader.read(1)
        assert not state.errors
        server.faults.clear()
        await state.nothing_more(0.5)  # the old connection stays dead
        async with reading(server) as other:
            await other.until(4)


@pytest.mark.asyncio
async def test_half_open_freezes_and_thaws_without_a_loss(hub: Hub, server: Server) -> None:
    async with reading(server) as state:
        await state.until(3)
        server.faults.half_open()
        hub.put(0, b"3")
        await state.nothing_more(1.0)
        assert server.stats.open_connections >= 1
        server.faults.half_open(False)
        await state.until(4)
    assert state.sequences() == [0, 1, 2, 3]
    assert server.stats.opened["0"] == 1


@pytest.mark.asyncio
async def test_a_frozen_connection_can_still_be_dropped(server: Server) -> None:
    async with peer(server) as connected:
        await connected.open()
        server.faults.half_open()
        connected.writer.write(frames.EMPTY)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await connected.reader.read(1)
        server.faults.drop_connections()
        assert server.stats.open_connections == 0
        assert await connected.ended()


@pytest.mark.asyncio
async def test_a_slow_line_gives_so_many_octets_a_second(hub: Hub, server: Server) -> None:
    async with reading(server) as state:
        await state.until(3)
        server.faults.slow(20_000)
        hub.put(0, b"x" * 30_000)
        began = time.monotonic()
        await state.until(4)
        assert time.monotonic() - began > 1.2
        # At this rate the next would take five minutes; let go, it is there at once.
        server.faults.slow(100)
        hub.put(0, b"x" * 30_000)
        await state.nothing_more(0.2)
        server.faults.slow(None)
        await state.until(5)
    assert len(state.taken[3].body) == 30_000


@pytest.mark.asyncio
async def test_a_frame_of_an_unknown_type_stalls_the_client_for_ever_without_an_error(hub: Hub, server: Server) -> None:
    """The client takes the ValueError for a timeout, logs it at INFO, and polls a receiver that is shut down."""
    heard = _Heard()
    logger = logging.getLogger("azure.eventhub._pyamqp.aio._client_async")
    logger.addHandler(heard)
    level, logger.level = logger.level, logging.INFO
    try:
        async with reading(server, partition_id="0") as state:
            await state.until(3)
            server.faults.garbage_frame()
            hub.put(0, b"3")
            await state.nothing_more(2.0)
            assert not state.errors
            assert server.stats.receivers["0"] == 1
    finally:
        logger.removeHandler(heard)
        logger.level = level
    assert any("Timeout reached" in line for line in heard.lines)


@pytest.mark.asyncio
async def test_a_frame_without_an_end_swallows_what_comes_after_it(hub: Hub, server: Server) -> None:
    async with reading(server, partition_id="0") as state:
        await state.until(3)
        server.faults.garbage_frame("endless")
        hub.put(0, b"3")
        await state.nothing_more(1.0)
        assert server.stats.deliveries["0"] == 4
        assert not state.errors


@pytest.mark.asyncio
async def test_a_truncated_performative_makes_the_client_start_over(hub: Hub, server: Server) -> None:
    async with reading(server, partition_id="0") as state:
        await state.until(3)
        server.faults.garbage_frame("performative")
        hub.put(0, b"3")
        await state.until(4)
    assert server.stats.opened["0"] >= 2


# -------------------------------------------------------------------------------------------------- links


@pytest.mark.parametrize("condition", ["amqp:link:detach-forced", "com.microsoft:server-busy", "amqp:internal-error"])
@pytest.mark.asyncio
async def test_detached_receivers_come_back(condition: str, hub: Hub, server: Server) -> None:
    async with reading(server) as state:
        await state.until(3)
        await state.attached(server, "1")
        server.faults.detach_receivers(condition, "Because.", partition=0)
        hub.put(0, b"3")
        await state.attached(server, "0", 2)
        async with asyncio.timeout(60):
            while 3 not in state.sequences():
                await state.until(len(state.taken) + 1)
    assert server.stats.opened["0"] >= 2
    assert server.stats.opened["1"] == 1


@pytest.mark.asyncio
async def test_receivers_are_refused_without_the_client_saying_so(hub: Hub, server: Server) -> None:
    """A receiver that is refused while opening never reaches the error handler: silence, once a second, for ever."""
    server.faults.refuse_receivers("com.microsoft:server-busy", "Later.")
    async with reading(server) as state:
        assert await refused(server, "com.microsoft:server-busy", 3)
        assert not state.taken
        assert not state.errors
        server.faults.refuse_receivers(None)
        await state.until(3)
    hub.put(0, b"3")


@pytest.mark.asyncio
async def test_a_stolen_partition_is_lost_once_or_until_cleared(hub: Hub, server: Server) -> None:
    async with reading(server, partition_id="0", owner_level=3) as state:
        await state.until(3)
        server.faults.steal(0, until_cleared=True)
        partition, error = await state.until_error()
        assert partition == "0"
        assert "amqp:link:stolen" in str(error)
        assert await refused(server, "amqp:link:stolen")
        server.faults.clear()
        hub.put(0, b"3")
        async with asyncio.timeout(60):
            while 3 not in state.sequences():
                await state.until(len(state.taken) + 1)


@pytest.mark.asyncio
async def test_withheld_events_are_a_silent_stall(hub: Hub, server: Server) -> None:
    async with reading(server) as state:
        await state.until(3)
        await state.attached(server, "1")
        server.faults.withhold(0)
        hub.put(0, b"3")
        hub.put(1, b"other")
        await state.until(4)
        await state.nothing_more(0.5)
        assert (server.stats.receivers["0"], server.stats.deliveries["0"]) == (1, 3)
        assert not state.errors
        server.faults.withhold(0, False)
        await state.until(5)
    assert state.sequences() == [0, 1, 2, 3]


@pytest.mark.asyncio
async def test_the_last_events_are_delivered_again(hub: Hub, server: Server) -> None:
    async with reading(server, partition_id="0") as state:
        await state.until(3)
        server.faults.duplicate_next(0, 2)
        hub.put(0, b"3")
        await state.until(6)
    assert state.sequences() == [0, 1, 2, 1, 2, 3]
    assert server.stats.deliveries["0"] == 6


@pytest.mark.asyncio
async def test_every_event_is_delivered_twice_until_cleared(hub: Hub, server: Server) -> None:
    server.faults.duplicate_all()
    async with reading(server, partition_id="0") as state:
        await state.until(6)
        server.faults.clear()
        hub.put(0, b"3")
        await state.until(7)
    assert state.sequences() == [0, 0, 1, 1, 2, 2, 3]


@pytest.mark.asyncio
async def test_an_invalid_offset_is_refused_in_silence_until_cleared(hub: Hub, server: Server) -> None:
    offset = hub.read("0", 1)[0].offset
    server.faults.invalid_offset(0)
    async with reading(server, partition_id="0", starting_position=offset) as state:
        assert await refused(server, "com.microsoft:argument-error", 2)
        assert not state.taken
        server.faults.invalid_offset(0, False)
        await state.until(1)
    assert state.sequences() == [2]


@pytest.mark.asyncio
async def test_a_hub_created_anew_detaches_its_receivers_and_refuses_old_positions(hub: Hub, server: Server) -> None:
    async with reading(server, partition_id="0") as state:
        await state.until(3)
        hub.recreate(created=1.0)
        assert await refused(server, "com.microsoft:argument-error")
        async with consumer(server) as client:
            assert (await client.get_eventhub_properties())["created_at"].timestamp() == 1.0
            assert (await client.get_partition_properties("0"))["last_enqueued_sequence_number"] == -1
    assert state.sequences() == [0, 1, 2]


@pytest.mark.asyncio
async def test_a_throttled_server_is_busy_for_so_long(hub: Hub, server: Server) -> None:
    async with reading(server, partition_id="0") as state:
        await state.until(3)
        server.faults.throttle(600.0)
        with pytest.raises(ConnectError, match="503"):
            async with consumer(server, retry_total=0) as other:
                await other.get_partition_ids()
        server.faults.throttle(2.0)
        began = time.monotonic()
        hub.put(0, b"3")
        async with asyncio.timeout(60):
            while 3 not in state.sequences():
                await state.until(len(state.taken) + 1)
        assert time.monotonic() - began > 1.9


# ---------------------------------------------------------------------------------------- tokens, management


@pytest.mark.asyncio
async def test_tokens_fail_so_many_times(server: Server) -> None:
    server.faults.fail_cbs(401, times=1)
    async with consumer(server, retry_total=0) as client:
        with pytest.raises(AuthenticationError):
            await client.get_partition_ids()
        assert await client.get_partition_ids() == ["0", "1"]
    assert (server.stats.denied, server.stats.tokens) == (1, 1)


@pytest.mark.asyncio
async def test_tokens_are_never_answered(server: Server) -> None:
    server.faults.fail_cbs("silent")
    async with consumer(server, retry_total=0) as client:
        asking = asyncio.create_task(client.get_partition_ids())
        assert await _holds(server, lambda stats: stats.open_connections == 1)
        await asyncio.sleep(1.0)
        assert not asking.done()
        assert server.stats.tokens == server.stats.denied == 0
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.asyncio
async def test_a_broken_token_link_dries_the_client_up_in_silence(hub: Hub, server: Server) -> None:
    """The client reads what it had given credit for, one frame at a time, and never gives credit again."""
    async with reading(server, partition_id="0", prefetch=6) as state:
        await state.until(3)
        server.faults.break_cbs()
        hub.put_many(0, [b"x"] * 20)
        await state.until(6)
        await state.nothing_more(1.0)
        assert (server.stats.receivers["0"], server.stats.deliveries["0"]) == (1, 6)
        assert not state.errors


@pytest.mark.asyncio
async def test_an_expired_token_detaches_and_a_new_one_brings_the_client_back(hub: Hub, server: Server) -> None:
    async with reading(server, partition_id="0") as state:
        await state.until(3)
        server.faults.expire_tokens_after(0.3)
        assert await _holds(server, lambda stats: stats.receivers["0"] == 0)
        server.faults.expire_tokens_after(None)
        hub.put(0, b"3")
        async with asyncio.timeout(60):
            while 3 not in state.sequences():
                await state.until(len(state.taken) + 1)
    assert server.stats.opened["0"] >= 2


@pytest.mark.parametrize(("status", "pattern"), [(404, "404"), (500, "500")])
@pytest.mark.asyncio
async def test_management_fails_until_cleared(status: int, pattern: str, server: Server) -> None:
    server.faults.fail_management(status)
    async with consumer(server, retry_total=0) as client:
        with pytest.raises(ConnectError, match=pattern):
            await client.get_partition_properties("0")
        server.faults.clear()
        assert (await client.get_partition_properties("0"))["last_enqueued_sequence_number"] == 2


@pytest.mark.asyncio
async def test_management_is_never_answered(server: Server) -> None:
    server.faults.fail_management("silent")
    async with consumer(server, retry_total=0) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.get_partition_ids(), 1.5)
        server.faults.clear()
        assert await client.get_partition_ids() == ["0", "1"]


# ------------------------------------------------------------------------------------------------ the server


def test_switches_of_a_server_that_does_not_run_do_nothing_until_it_does(hub: Hub) -> None:
    server = Server(hub)
    server.faults.drop_connections()
    server.faults.steal(0)
    server.faults.refuse_connections()
    with server, socket.create_connection(("127.0.0.1", server.port)) as plain, pytest.raises(ConnectionResetError):
        plain.recv(1)


@pytest.mark.asyncio
async def test_a_server_stops_under_its_clients(hub: Hub) -> None:
    server = Server(hub, keys={"reader": "c2VjcmV0"}).start()
    async with reading(server) as state:
        await state.until(3)
        server.stop()
        assert server.stats.open_connections == 0
        server.start()
        hub.put(0, b"3")
        await state.until(4)
        server.stop()


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
