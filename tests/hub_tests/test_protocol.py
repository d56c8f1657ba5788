"""What the server says on the wire to a bare peer: handshake, credit, windows, heartbeats, ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hub import Hub, Server
from tests.hub.amqp import frames
from tests.hub.amqp.performatives import (
    RECEIVER,
    SENDER,
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Transfer,
)
from tests.hub.amqp.sections import data_head
from tests.hub.amqp.types import WireError
from tests.hub_tests.peer import Peer, peer, source, target

PARTITION = "agents/ConsumerGroups/$Default/Partitions/0"


@pytest.fixture
def hub() -> Hub:
    return Hub("agents", partitions=1)


@pytest.fixture
def server(hub: Hub) -> Iterator[Server]:
    with Server(hub) as running:
        yield running


async def _attach(connected: Peer, credit: int, *, selector: str | None = None, window: int = 1000) -> Attach:
    connected.send(Attach("in", 0, RECEIVER, source=source(PARTITION, selector), target=target("me")))
    answer, _ = await connected.receive(Attach)
    connected.send(Flow(1, window, 1, 1000, handle=0, delivery_count=0, link_credit=credit))
    return answer


@pytest.mark.parametrize("mechanism", ["ANONYMOUS", "EXTERNAL", "MSSBCBS"])
@pytest.mark.asyncio
async def test_sasl_offers_what_needs_no_name(mechanism: str, server: Server) -> None:
    async with peer(server) as connected:
        connected.writer.write(frames.SASL_HEADER)
        assert await connected.reader.readexactly(8) == frames.SASL_HEADER
        offer, _ = await connected.receive(SaslMechanisms)
        assert mechanism in offer.mechanisms.items
        connected.writer.write(frames.frame(0, SaslInit(mechanism), kind=frames.SASL))
        outcome, _ = await connected.receive(SaslOutcome)
        assert outcome.code == 0
        await connected.open()


@pytest.mark.asyncio
async def test_another_mechanism_ends_the_connection(server: Server) -> None:
    async with peer(server) as connected:
        connected.writer.write(frames.SASL_HEADER + frames.frame(0, SaslInit("PLAIN"), kind=frames.SASL))
        await connected.reader.readexactly(8)
        await connected.receive(SaslMechanisms)
        outcome, _ = await connected.receive(SaslOutcome)
        assert outcome.code == 1
        assert await connected.ended()


@pytest.mark.asyncio
async def test_another_protocol_is_told_what_is_spoken_here(server: Server) -> None:
    async with peer(server) as connected:
        connected.writer.write(b"GET / HT")
        assert await connected.reader.readexactly(8) == frames.AMQP_HEADER
        assert await connected.ended()


@pytest.mark.asyncio
async def test_nothing_is_sent_without_credit_and_no_more_than_it(hub: Hub, server: Server) -> None:
    hub.put_many(0, [b"a", b"b", b"c"])
    async with peer(server) as connected:
        await connected.open()
        await connected.authorise()
        await _attach(connected, credit=2)
        assert [(await connected.receive(Transfer))[0].delivery_id for _ in range(2)] == [1, 2]
        connected.send(Flow(3, 1000, 1, 1000, handle=0, delivery_count=2, link_credit=0, echo=True))
        state, _ = await connected.receive(Flow)  # and no transfer before it
        assert (state.delivery_count, state.link_credit) == (2, 0)
        connected.send(Flow(3, 1000, 1, 1000, handle=0, delivery_count=2, link_credit=1))
        await connected.receive(Transfer)


@pytest.mark.asyncio
async def test_drain_uses_the_credit_up(hub: Hub, server: Server) -> None:
    hub.put(0, b"a")
    async with peer(server) as connected:
        await connected.open()
        await connected.authorise()
        await _attach(connected, credit=0)
        connected.send(Flow(1, 1000, 1, 1000, handle=0, delivery_count=0, link_credit=10, drain=True))
        await connected.receive(Transfer)
        state, _ = await connected.receive(Flow)
        assert (state.delivery_count, state.link_credit, state.drain) == (10, 0, True)


@pytest.mark.asyncio
async def test_a_large_message_waits_for_the_window_in_its_middle(hub: Hub, server: Server) -> None:
    hub.put(0, b"x" * 1500)
    async with peer(server) as connected:
        await connected.open(max_frame_size=512)
        await connected.authorise()
        await _attach(connected, credit=5, window=2)
        parts = [await connected.receive(Transfer) for _ in range(2)]
        connected.send(Flow(3, 0, 1, 1000, echo=True))
        await connected.receive(Flow)
        connected.send(Flow(3, 100, 1, 1000))
        while parts[-1][0].more:
            parts.append(await connected.receive(Transfer))
    assert {part.delivery_id for part, _ in parts} == {1}
    assert len(parts) == 4
    assert b"".join(payload for _, payload in parts).endswith(b"x" * 1500)


@pytest.mark.asyncio
async def test_a_peer_that_asks_for_heartbeats_gets_them(server: Server) -> None:
    async with peer(server) as connected:
        await connected.open(idle_time_out=100)
        for _ in range(3):
            head, body = await connected.frame()
            assert (head.size, body) == (8, b"")


@pytest.mark.asyncio
async def test_a_silent_peer_is_closed(hub: Hub) -> None:
    with Server(hub, idle_timeout=0.2) as server:
        async with peer(server) as connected:
            answer = await connected.open()
            assert answer.idle_time_out == 200
            closed, _ = await connected.receive(Close)
            assert closed.error.value[0] == "amqp:connection:forced"
            assert await connected.ended()


@pytest.mark.asyncio
async def test_sessions_links_and_connections_end_with_an_answer(server: Server) -> None:
    async with peer(server) as connected:
        await connected.open()
        await connected.authorise()
        await _attach(connected, credit=1)
        assert server.stats.receivers["0"] == 1
        connected.send(Detach(0, closed=True))
        assert (await connected.receive(Detach))[0] == Detach(0, closed=True)
        assert server.stats.receivers["0"] == 0
        connected.send(End())
        await connected.receive(End)
        connected.send(Close())
        await connected.receive(Close)
        assert await connected.ended()


@pytest.mark.asyncio
async def test_a_link_without_a_right_is_refused_as_the_standard_says(server: Server) -> None:
    """Section 2.6.3: an attach without the terminus that was asked for, and then a detach with the reason."""
    async with peer(server) as connected:
        await connected.open()
        answer = await _attach(connected, credit=1)
        assert answer.source is None
        detached, _ = await connected.receive(Detach)
        assert detached.closed
        assert detached.error.value[0] == "amqp:unauthorized-access"
        connected.send(Detach(0, closed=True))
        connected.send(End())
        await connected.receive(End)  # the flow and the detach of a refused link are no error
    assert server.stats.refused["amqp:unauthorized-access"] == 1


@pytest.mark.parametrize("octets", [b"\x00\x00\x00\x04\x02\x00\x00\x00", b"\x00\x00\x00\x09\x02\x00\x00\x00\x40"])
@pytest.mark.asyncio
async def test_octets_that_are_no_frame_close_the_connection_with_a_reason(octets: bytes, server: Server) -> None:
    async with peer(server) as connected:
        await connected.open()
        connected.writer.write(octets)
        closed, _ = await connected.receive(Close)
        assert closed.error.value[0] == "amqp:connection:framing-error"
        assert await connected.ended()


@pytest.mark.asyncio
async def test_a_frame_larger_than_announced_closes_the_connection(hub: Hub) -> None:
    with Server(hub, max_frame_size=512) as server:
        async with peer(server) as connected:
            assert (await connected.open()).max_frame_size == 512
            connected.writer.write(b"\x00\x10\x00\x00\x02\x00\x00\x00")
            closed, _ = await connected.receive(Close)
            assert "1048576 octets" in closed.error.value[1]


@pytest.mark.parametrize("performative", [Transfer(9, 0, b"\x00", 0), Flow(0, 1, 0, 1, handle=9), Begin(None, 0, 1, 1)])
@pytest.mark.asyncio
async def test_what_belongs_to_no_link_closes_the_connection(
    performative: Transfer | Flow | Begin, server: Server
) -> None:
    async with peer(server) as connected:
        await connected.open()
        if isinstance(performative, Begin):
            connected.send(End(), channel=7)
            connected.send(Attach("x", 0, SENDER), channel=7)
        else:
            connected.send(performative)
        closed, _ = await connected.receive(Close)
        assert closed.error.value[0] == "amqp:connection:framing-error"


@pytest.mark.asyncio
async def test_a_producer_is_answered_and_an_oversized_message_detaches_it(hub: Hub, server: Server) -> None:
    async with peer(server) as connected:
        await connected.open(max_frame_size=1 << 16)
        await connected.authorise()
        connected.send(Attach("out", 3, SENDER, source=source("me"), target=target("agents"), initial_delivery_count=0))
        await connected.receive(Attach)
        assert (await connected.receive(Flow))[0].link_credit == 300
        connected.send(Transfer(3, 1, b"\x01", 0, more=True), data_head(6) + b"abc")
        connected.send(Transfer(3, 1, b"\x01", 0), b"def")
        settled, _ = await connected.receive(Disposition)
        assert (settled.first, settled.settled, settled.state.descriptor) == (1, True, 0x24)
        connected.send(Transfer(3, 2, b"\x02", 0), b"\xff")
        rejected, _ = await connected.receive(Disposition)
        assert rejected.state.descriptor == 0x25
        for _ in range(17):
            connected.send(Transfer(3, 3, b"\x03", 0, more=True), b"\x00" * 65_000)
        detached, _ = await connected.receive(Detach)
        assert detached.error.value[0] == "amqp:link:message-size-exceeded"
    assert [event.body for event in hub.read("0", 0)] == [b"abcdef"]


@pytest.mark.parametrize("address", ["agents/Partitions/9", "other", "agents/ConsumerGroups/x/Partitions/9", ""])
@pytest.mark.parametrize("role", [SENDER, RECEIVER])
@pytest.mark.asyncio
async def test_what_does_not_exist_is_refused(address: str, role: bool, server: Server) -> None:
    async with peer(server) as connected:
        await connected.open()
        await connected.authorise()
        near, far = target("me"), source(address)
        if role == SENDER:
            near, far = target(address), source("me")
        connected.send(Attach("x", 0, role, source=far, target=near, initial_delivery_count=0))
        answer, _ = await connected.receive(Attach)
        assert (answer.target if role == SENDER else answer.source) is None
        detached, _ = await connected.receive(Detach)
        assert detached.error.value[0] in {"amqp:not-found", "amqp:unauthorized-access"}


def test_a_head_is_checked_before_the_body_is_awaited() -> None:
    with pytest.raises(WireError):
        frames.read_head(b"\x00\x00\x00\x07\x02\x00\x00\x00")


def test_starting_on_a_taken_port_is_an_error(hub: Hub, server: Server) -> None:
    with pytest.raises(OSError, match="address already in use"):
        Server(hub, port=server.port).start()


def test_a_server_can_be_stopped_twice_and_started_again(hub: Hub) -> None:
    server = Server(hub)
    server.stop()
    server.start()
    port = server.port
    server.stop()
    server.stop()
    with server:
        assert server.port == port


def test_open_is_written_in_full() -> None:
    assert len(Open("x")) == 10
