"""The real client over a real socket: what a healthy hub gives, and where reading begins and goes on."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from azure.core.credentials import AccessToken

from detector.config.event_hubs import EventHubsSettings
from detector.domain.delivery import Position
from detector.errors import SourceError
from detector.sources.event_hubs.clocks import Clocks
from detector.sources.event_hubs.connection import Connector
from detector.sources.event_hubs.failures import HubRecreated
from detector.sources.event_hubs.source import EventHubsSource, Resume
from tests.hub import Hub, Server
from tests.sources.event_hubs.live import QUICK, Live, quick
from tests.sources.event_hubs.recorded import Facts, Taker, until

Make = Callable[..., Live]

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning")
"""Whenever a connection breaks the client may forget its socket; the `forgotten` fixture collects it."""


@pytest.mark.asyncio
async def test_every_message_is_taken_over_once_in_order_with_its_bytes(live: Make) -> None:
    at = live(watchdog={"close": 60.0})  # a slow machine is not to leave anything behind
    for number in range(40):
        at.hub.put(number % 2, b"body %d" % number, enqueued=1_700_000_000.0 + number)
    async with at.running() as (source, _):
        await until(at.whole)
        at.check()
        assert at.taker.bodies("1")[:2] == [b"body 1", b"body 3"]
        assert at.taker.deliveries[0].enqueued in (1_700_000_000.0, 1_700_000_001.0)
        await until(lambda: {each.health for each in source.state().values()} == {"idle"})
        assert {name: state.lag for name, state in source.state().items()} == {"0": 0, "1": 0}
        assert source.hub_identity == at.identity
        assert source.hub_identity is not None
        assert source.hub_identity.startswith("agents@")
    assert at.stopped_in < 10
    assert at.facts.told["exception_caught"] == at.facts.told["left_behind"] == []
    assert sum(count for _, count, _ in at.facts.told["received"]) == 40


@pytest.mark.asyncio
async def test_nothing_of_the_source_is_left_after_it_has_stopped(live: Make) -> None:
    at = live()
    before = asyncio.all_tasks()
    for load in (b"x", None):
        async with at.running():
            if load is not None:
                at.hub.put("0", load)
                await until(at.whole)
    assert asyncio.all_tasks() == before
    assert at.server.stats.wait_for(lambda stats: stats.open_connections == 0)


@pytest.mark.asyncio
async def test_a_source_may_be_stopped_before_it_runs_and_while_the_hub_is_away(live: Make) -> None:
    at = live()
    await at.source().stop()
    at.server.stop()
    async with at.running() as (source, _):
        await until(lambda: len(at.facts.told["management_failed"]) > 2)
        assert source.state() == {}
        assert source.hub_identity is None
    assert at.stopped_in < 10


@pytest.mark.asyncio
async def test_a_cancelled_source_closes_everything(live: Make) -> None:
    at = live()
    source = at.source()
    task = asyncio.create_task(source.run())
    await at.opened()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert at.server.stats.wait_for(lambda stats: stats.open_connections == 0)


# -------------------------------------------------------------------------------------------- where to begin


@pytest.mark.asyncio
async def test_latest_is_decided_once_and_holds_for_the_second_start(live: Make) -> None:
    at = live(partitions=1, start="latest")
    at.hub.put_many("0", [b"old"] * 5)
    async with at.running():
        await at.opened()
    assert at.remembered == {"0": Position(4, "")}
    at.hub.put_many("0", [b"new"] * 3)
    async with at.running():
        await until(lambda: len(at.taker.of("0")) == 3)
    assert at.taker.bodies("0") == [b"new"] * 3


@pytest.mark.asyncio
async def test_a_time_begins_with_the_messages_enqueued_from_then_on(live: Make) -> None:
    at = live(partitions=1, start="2026-11-23T08:00:00Z")
    noon = 1_795_420_800.0  # 2026-11-23T08:00:00Z
    for offset in (-60, -0.001, 0, 0.001, 60):
        at.hub.put("0", b"%r" % offset, enqueued=noon + offset)
    async with at.running() as (source, _):
        await until(lambda: len(at.taker.of("0")) == 3)
        await until(lambda: source.state()["0"].health == "idle")
    assert at.taker.of("0") == [2, 3, 4]
    assert at.facts.lost() == 0


@pytest.mark.asyncio
async def test_a_time_when_nothing_was_enqueued_yet_is_no_stall(live: Make) -> None:
    at = live(partitions=1, start="2200-01-01T00:00:00Z", watchdog={"stalled_after": 0.5})
    at.hub.put_many("0", [b"old"] * 5)
    async with at.running():
        await at.opened()
        await asyncio.sleep(2)
    assert at.facts.told["stalled"] == []
    assert at.taker.deliveries == []


@pytest.mark.asyncio
async def test_a_restart_goes_on_after_the_last_message_taken_over(live: Make) -> None:
    at = live()
    for number in range(3):
        for name in at.hub.partition_ids:
            at.hub.put_many(name, [b"%d" % number] * 4)
        async with at.running():
            await until(at.whole)
    at.check()


@pytest.mark.asyncio
async def test_messages_gone_before_a_restart_are_counted_and_the_rest_is_read(live: Make) -> None:
    at = live(partitions=1)
    at.hub.put_many("0", [b"x"] * 5)
    async with at.running():
        await until(at.whole)
    at.hub.put_many("0", [b"x"] * 10)
    at.hub.expire("0", 12)
    async with at.running():
        await until(lambda: at.taker.of("0")[-1] == 14)
    assert at.taker.of("0") == [0, 1, 2, 3, 4, 12, 13, 14]
    assert at.facts.told["events_lost"] == [("0", 7)]
    assert at.remembered["0"] == Position(11, "-1")


@pytest.mark.asyncio
async def test_a_loss_is_counted_once_even_if_nothing_comes_before_the_next_restart(live: Make) -> None:
    at = live(partitions=1)
    at.hub.put_many("0", [b"x"] * 5)
    async with at.running():
        await until(at.whole)
    at.hub.put_many("0", [b"x"] * 5)
    at.hub.expire("0", 10)
    for _ in range(2):
        async with at.running():
            await at.opened()
    assert at.facts.lost() == 5


@pytest.mark.asyncio
async def test_messages_that_go_while_they_are_read_are_counted_after_a_second_look(live: Make) -> None:
    at = live(partitions=1)
    at.hub.put_many("0", [b"x"] * 5)
    async with at.running():
        await until(at.whole)
        at.server.faults.withhold("0")
        at.hub.put_many("0", [b"x"] * 10)
        at.hub.expire("0", 9)
        at.server.faults.withhold("0", on=False)
        await until(lambda: at.taker.of("0")[-1] == 14)
    assert at.taker.of("0") == [*range(5), *range(9, 15)]
    assert at.facts.lost() == 4


@pytest.mark.asyncio
async def test_a_partition_added_while_nothing_ran_is_read_from_its_beginning(live: Make) -> None:
    at = live(partitions=1, start="latest")
    async with at.running():
        await at.opened()
    added = at.hub.add_partition()
    at.hub.put_many(added, [b"x"] * 3)
    async with at.running():
        await until(at.whole)
    at.check()


@pytest.mark.asyncio
async def test_a_position_beyond_the_end_is_another_hub(live: Make) -> None:
    """Even without a stored identity, as from a store of an older version."""
    at = live(partitions=1)
    at.hub.put_many("0", [b"new"] * 3)
    at.stored["0"] = Position(41, "4711")
    async with at.running() as (_, task):
        await until(task.done)
        with pytest.raises(HubRecreated):
            await task
    async with at.running(accept_new_hub=True):
        await until(lambda: at.taker.of("0") == [0, 1, 2])
    assert at.remembered["0"] == Position(-1, "-1")


@pytest.mark.asyncio
async def test_a_hub_made_anew_while_running_is_read_from_its_beginning_if_accepted(live: Make) -> None:
    at = live(accept_new_hub=True)
    for name in at.hub.partition_ids:
        at.hub.put_many(name, [b"old"] * 5)
    async with at.running():
        await until(at.whole)
        old = at.identity
        at.taker.deliveries.clear()
        at.hub.recreate(created=1_800_000_000.0)
        for name in at.hub.partition_ids:
            at.hub.put_many(name, [b"new"] * 7)
        await until(at.whole)
        assert at.identity != old
    at.check()


@pytest.mark.asyncio
async def test_when_the_offset_is_refused_the_sequence_number_is_tried(
    live: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a hub was replicated to another region: same messages, other offsets."""
    from azure.eventhub.aio import EventHubConsumerClient
    from azure.eventhub.exceptions import EventHubError

    real = EventHubConsumerClient.receive_batch
    asked: list[Any] = []

    async def refusing(self: EventHubConsumerClient, *arguments: Any, **named: Any) -> None:
        start = named["starting_position"]
        asked.append(start)
        if isinstance(start, str) and start != "-1":
            raise EventHubError(f"The supplied offset '{start}' is invalid. The last offset in the system is '7'")
        await real(self, *arguments, **named)

    at = live(partitions=1)
    at.hub.put_many("0", [b"x"] * 3)
    async with at.running():
        await until(at.whole)
    monkeypatch.setattr(EventHubConsumerClient, "receive_batch", refusing)
    at.hub.put_many("0", [b"x"] * 3)
    async with at.running():
        await until(at.whole)
    at.check()
    assert asked[-1] == 2
    assert at.facts.told["offset_refused"] == [("0",)]


@pytest.mark.asyncio
async def test_nothing_is_read_until_the_store_knows_where_that_began(live: Make) -> None:
    at = live(partitions=1)
    at.hub.put_many("0", [b"x"] * 3)
    failures = iter([OSError("disk full"), OSError("disk full")])
    remember = at._remember

    async def failing(identity: str, positions: Any) -> None:
        error = next(failures, None)
        assert at.taker.offered == 0
        if error is not None:
            raise error
        await remember(identity, positions)

    at._remember = failing  # type: ignore[method-assign]
    async with at.running():
        await until(at.whole)
    assert len(at.facts.told["exception_caught"]) == 2


# ---------------------------------------------------------------------------------------------- how to connect


@pytest.mark.asyncio
async def test_a_rotated_key_is_read_from_the_file_at_the_next_reconnection(tmp_path: Path) -> None:
    hub = Hub("agents", partitions=1)
    keys = {"listen": "old="}
    with Server(hub, keys=keys) as server:
        file = tmp_path / "connection"
        file.write_text(server.connection_string(), encoding="utf-8")
        at = Live(hub, server, quick(file))
        async with at.running():
            hub.put("0", b"x")
            await until(at.whole)
            port = server.port
            server.stop()
            with Server(hub, keys={"listen": "new="}, port=port) as rotated:
                at.server = rotated
                hub.put("0", b"y")
                await until(lambda: "unauthorized" in {kind for (kind,) in at.facts.told["management_failed"]})
                file.write_text(rotated.connection_string(), encoding="utf-8")
                await until(at.whole)
        at.check()


def certificates(directory: Path) -> tuple[ssl.SSLContext, Path]:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    bundle = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    return context, bundle


class Credential:
    """An asynchronous token credential, as azure-identity has them."""

    def __init__(self) -> None:
        self.scopes: set[str] = set()
        self.closed = False

    async def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        self.scopes.update(scopes)
        return AccessToken("token", 4_000_000_000)

    async def close(self) -> None:
        self.closed = True


@pytest.mark.asyncio
async def test_an_identity_reads_over_tls_through_a_gateway_with_a_private_authority(tmp_path: Path) -> None:
    hub = Hub("agents", partitions=1)
    context, bundle = certificates(tmp_path)
    with Server(hub, tls=context) as server:
        settings = EventHubsSettings.model_validate(
            {
                **QUICK,
                "namespace": "my-namespace.servicebus.windows.net",
                "hub": "agents",
                "endpoint": server.address,
                "ca_file": str(bundle),
            }
        )
        credential, facts, taker = Credential(), Facts(), Taker()
        source = EventHubsSource(
            settings,
            Connector(settings, credential),
            resume=Resume(owner_level=1),
            deliver=taker.deliver,
            facts=facts,
            clocks=Clocks(now=lambda: 0.0),
        )
        task = asyncio.create_task(source.run())
        hub.put("0", b"secret")
        await until(lambda: taker.bodies("0") == [b"secret"])
        await source.stop()
        await task
        assert credential.scopes == {"https://eventhubs.azure.net//.default"}
        assert not credential.closed, "whoever made it closes it"


# What the SDK passes to aiohttp when there is no TLS, as only here.
@pytest.mark.filterwarnings("ignore:ssl=None is deprecated:DeprecationWarning")
@pytest.mark.asyncio
async def test_websocket_carries_the_same(tmp_path: Path) -> None:
    hub = Hub("agents", partitions=1)
    with Server(hub, websocket=True) as server:
        file = tmp_path / "connection"
        file.write_text(server.connection_string(), encoding="utf-8")
        at = Live(hub, server, quick(file, transport="websocket", endpoint=server.websocket_address))
        async with at.running():
            hub.put_many("0", [b"x"] * 5)
            await until(at.whole)
            server.faults.drop_connections()
            hub.put_many("0", [b"x"] * 5)
            await until(at.whole)
        at.check()


def test_a_connection_string_that_cannot_work_is_refused_at_once(tmp_path: Path) -> None:
    file = tmp_path / "connection"
    file.write_text("Endpoint=sb://ns.example.com/;SharedAccessKeyName=n;SharedAccessKey=hunter2", encoding="utf-8")
    with pytest.raises(SourceError, match="names a hub") as caught:
        Connector(quick(file))
    assert "hunter2" not in str(caught.value)
