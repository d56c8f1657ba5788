"""One test for every fault of the SDK that is known, with the real client over a real socket.

The names in brackets are those of the probes that first showed them with azure-eventhub 5.15.1.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.eventhub.aio import EventHubConsumerClient

from detector.config.event_hubs import WatchdogSettings
from detector.domain.delivery import Delivery
from detector.sources.event_hubs import mirror
from detector.sources.event_hubs.failures import Stalled
from detector.sources.event_hubs.source import EventHubsSource
from tests.sources.event_hubs.live import QUICK, Live
from tests.sources.event_hubs.recorded import until

Make = Callable[..., Live]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning"),
]


STALLED_AFTER = 4.0


async def idle(source: EventHubsSource) -> None:
    """Waits until all that is there was read: while nothing waits, a slow opening is no stall."""
    await until(lambda: {state.health for state in source.state().values()} == {"idle"})


def patient(at: Live) -> WatchdogSettings:
    """Limits within which a slow machine opens a receiver."""
    return at.settings.watchdog.model_copy(update={"stalled_after": 60.0})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The options of every `receive_batch`, which the real client gets all the same."""
    options: list[dict[str, Any]] = []
    real = EventHubConsumerClient.receive_batch

    async def recording(self: EventHubConsumerClient, *arguments: Any, **named: Any) -> None:
        options.append(named)
        await real(self, *arguments, **named)

    monkeypatch.setattr(EventHubConsumerClient, "receive_batch", recording)
    yield options
    assert "@latest" not in [each["starting_position"] for each in options]


@pytest.mark.asyncio
async def test_errors_before_there_is_a_partition_kill_nothing(live: Make) -> None:
    """[E1, S2] The SDK calls on_error without a context when it cannot list the partitions."""
    at = live()
    at.server.faults.fail_management(500, times=12)
    at.hub.put_many("0", [b"x"] * 3)
    async with at.running() as (_, task):
        await until(at.whole)
        assert not task.done()
    at.check()
    assert at.facts.told["management_failed"]


@pytest.mark.asyncio
async def test_a_delivery_that_fails_is_offered_again_and_the_next_follow(live: Make) -> None:
    """[E2] An exception of the handler made the SDK read the same messages for ever."""
    at = live(partitions=1)
    failures = iter([MemoryError(), RecursionError(), ValueError("poison"), None, None, OSError(), *[None] * 20])
    take = at.taker.deliver

    async def failing(delivery: Delivery) -> None:
        error = next(failures)
        if error is not None:
            raise error
        await take(delivery)

    at.taker.deliver = failing  # type: ignore[method-assign]
    at.hub.put_many("0", [b"x"] * 6)
    async with at.running():
        await until(at.whole)
        assert at.server.stats.opened["0"] == 1
    at.check()
    kinds = [kind for _, kind in at.facts.told["exception_caught"]]
    assert kinds == ["MemoryError", "RecursionError", "ValueError", "OSError"]


@pytest.mark.asyncio
async def test_after_an_error_reading_goes_on_after_the_last_message_taken(
    live: Make, asked: list[dict[str, Any]]
) -> None:
    """[E2b, E9] Without a checkpoint the SDK went on at `@latest`, and what lay between was lost."""
    at = live(partitions=1, start="latest")
    async with at.running():
        await at.opened()
        at.hub.put_many("0", [b"x"] * 5)
        await until(at.whole)
        at.server.faults.detach_receivers("amqp:internal-error", until_cleared=True)
        at.hub.put_many("0", [b"between"] * 5)
        await until(lambda: len(at.facts.endings()) > 2)
        at.server.faults.clear()
        await until(at.whole)
    at.check()
    assert asked[-1]["starting_position"] == at.taker.deliveries[4].position.offset


@pytest.mark.asyncio
async def test_messages_delivered_again_are_dropped_and_counted(live: Make) -> None:
    """[E3] A reconnection with a full buffer delivered messages twice within one process."""
    at = live(partitions=1)
    at.hub.put_many("0", [b"x"] * 10)
    async with at.running():
        await until(at.whole)
        at.server.faults.duplicate_next("0", 4)
        at.hub.put("0", b"y")
        await until(at.whole)
    at.check()
    assert sum(count for _, count in at.facts.told["redelivered"]) == 4


@pytest.mark.asyncio
async def test_a_receiver_that_shut_itself_down_is_replaced(live: Make) -> None:
    """[E4] A ValueError out of the AMQP layer is logged as a timeout, and the receive loop spins for ever."""
    at = live(partitions=1)
    at.hub.put("0", b"x")
    loop = asyncio.get_running_loop()
    async with at.running():
        await until(at.whole)
        at.server.faults.garbage_frame("frame-type")
        await until(lambda: ("receiver_shut_down",) in at.facts.told["sdk_warned"])
        at.hub.put("0", b"y")
        before = loop.time()
        await until(at.whole)
        limit: float = QUICK["watchdog"]["stalled_after"]
        assert loop.time() - before <= 2 * limit + 20, "the first step of the ladder, and a slow machine"
    at.check()
    assert "stalled" in at.facts.endings()


@pytest.mark.asyncio
async def test_a_receiver_nobody_hears_is_opened_anew_though_no_question_is_answered(live: Make) -> None:
    """A link that lost its frames clears gigabytes for every frame it expects: no answer comes in time any more.

    Here the flow is dead and the hub answers no question, which looks the same and needs no gigabytes.
    """
    at = live(partitions=1, watchdog={"unknown_after": 2.0, "stalled_after": 600.0})
    at.hub.put("0", b"x")
    async with at.running():
        await until(at.whole)
        at.server.faults.fail_management("silent")
        at.server.faults.black_hole()
        at.hub.put("0", b"y")
        await asyncio.sleep(0.3)
        at.server.faults.black_hole(on=False)
        await until(lambda: "unheard" in at.facts.endings())
        at.server.faults.clear()
        await until(at.whole)
    at.check()
    assert not at.facts.told["stalled"], "the ladder waits for answers"


@pytest.mark.asyncio
async def test_a_partition_that_is_added_is_read_from_its_beginning(live: Make) -> None:
    """[E5] The SDK lists the partitions once."""
    at = live(partitions=1, start="latest")
    async with at.running() as (source, _):
        await at.opened()
        added = at.hub.add_partition()
        at.hub.put_many(added, [b"x"] * 5)
        await until(at.whole)
        assert set(source.state()) == {"0", "1"}
    at.check()
    assert at.facts.told["partition_found"] == [("0",), ("1",)]


@pytest.mark.asyncio
async def test_nothing_is_taken_from_a_receiver_whose_beginning_failed(live: Make) -> None:
    """[E7] The SDK delivered although initialising the partition had failed."""
    at = live(partitions=1)
    at.hub.put_many("0", [b"x"] * 3)
    beginnings = 0

    def failing(_partition: str) -> None:
        nonlocal beginnings
        beginnings += 1
        if beginnings == 1:
            raise RuntimeError("no state")

    at.facts.receiver_opened = failing  # type: ignore[method-assign]
    async with at.running():
        await until(at.whole)
    at.check()
    assert at.facts.endings()[0] == "handler"
    assert beginnings == 2


@pytest.mark.asyncio
async def test_a_delivery_that_never_returns_is_reported_and_stopping_does_not_wait_for_it(live: Make) -> None:
    """[E8] A handler that hung was reported by nobody. It is no stall of the hub: nothing is replaced."""
    at = live(partitions=1, watchdog={"stalled_after": STALLED_AFTER})
    at.taker.gate.clear()
    async with at.running() as (source, task):
        await idle(source)
        at.hub.put_many("0", [b"x"] * 3)
        await until(lambda: at.facts.told["held"])
        await until(lambda: source.state()["0"].health == "held")
        at.hub.put_many("0", [b"x"] * 3)
        await asyncio.sleep(STALLED_AFTER + 1)
        assert not task.done()
        assert at.facts.endings() == []
    assert at.stopped_in < 10
    at.taker.gate.set()
    async with at.running(watchdog=patient(at)):
        await until(at.whole)
    at.check()


@pytest.mark.asyncio
async def test_a_slow_partition_does_not_hold_up_another(live: Make) -> None:
    """[S1] The synchronous client serves all partitions with one thread."""
    at = live(partitions=2)
    take = at.taker.deliver

    async def slow(delivery: Delivery) -> None:
        if delivery.partition == "0":
            await asyncio.Event().wait()
        await take(delivery)

    at.taker.deliver = slow  # type: ignore[method-assign]
    for name in at.hub.partition_ids:
        at.hub.put_many(name, [b"x"] * 200)
    async with at.running():
        await until(lambda: len(at.taker.of("1")) == 200)
        assert at.taker.of("0") == []


@pytest.mark.parametrize("how", ["broken", "expired"])
@pytest.mark.asyncio
async def test_a_token_link_that_fails_in_silence_is_noticed_by_the_lack_of_progress(how: str, live: Make) -> None:
    """[CBS] With the token link in error, the SDK returned False for ever."""
    at = live(partitions=1)
    at.hub.put("0", b"x")
    async with at.running():
        await until(at.whole)
        if how == "broken":
            at.server.faults.break_cbs()
            await asyncio.sleep(0.2)
            at.server.faults.withhold("0")
            at.hub.put("0", b"y")
            await until(lambda: at.facts.told["stalled"])
            at.server.faults.clear()
        else:
            at.server.faults.expire_tokens_after(0.1)
            await until(at.facts.endings)
            at.server.faults.expire_tokens_after(None)
            at.hub.put("0", b"y")
        await until(at.whole)
    at.check()


@pytest.mark.asyncio
async def test_what_waits_in_memory_is_bounded_in_bytes(live: Make) -> None:
    """[memory] 300 messages of 1 MB waited for every partition."""
    buffer = {"partition_bytes": 500_000, "prefetch": 5, "batch": 5}
    at = live(partitions=1, buffer=buffer, watchdog={"stalled_after": STALLED_AFTER})
    at.taker.gate.clear()
    async with at.running() as (source, task):
        await idle(source)
        at.hub.put_many("0", [bytes(100_000)] * 200)
        await until(lambda: at.taker.offered)
        await until(lambda: source._shared.allowance.used > 300_000)
        await asyncio.sleep(STALLED_AFTER + 1)
        buffered = source._shared.allowance.used
        assert 300_000 < buffered <= 500_000
        # Four in our buffer, a batch in the handler, what the SDK tops up to, and the credit of the link.
        assert at.server.stats.deliveries["0"] <= 4 + 5 + 5 + 1 + 5 + 5
        assert at.facts.endings() == []
        assert not task.done()
        at.taker.gate.set()
        await until(at.whole)
    at.check()


@pytest.mark.asyncio
async def test_no_ownership_or_checkpoint_of_the_sdk_decides_anything(live: Make, asked: list[dict[str, Any]]) -> None:
    """[blob] A zombie could claim a partition, or move its checkpoint backwards."""
    at = live(partitions=2)
    at.hub.put("0", b"x")
    async with at.running():
        await until(at.whole)
    async with at.running():
        at.hub.put("1", b"x")
        await until(at.whole)
    assert {each["partition_id"] for each in asked} == {"0", "1"}
    assert [each["owner_level"] for each in asked] == sorted(each["owner_level"] for each in asked)
    assert {each["owner_level"] for each in asked} == {1, 2}
    source = inspect.getsource(mirror)
    assert "list_checkpoints" not in source
    assert "claim_ownership" not in source


@pytest.mark.asyncio
async def test_receivers_are_replaced_before_the_link_remembers_too_much(live: Make) -> None:
    """[delivery tags] A link keeps something of every message for as long as it lives."""
    at = live(partitions=1, refresh={"messages": 50, "youngest": 0.1, "oldest": 3600.0})
    async with at.running():
        for _ in range(4):
            refreshed = at.facts.endings().count("refresh")
            at.hub.put_many("0", [b"x"] * 60)
            await until(at.whole)
            await until(lambda refreshed=refreshed: at.facts.endings().count("refresh") > refreshed)  # type: ignore[misc]
    at.check()
    assert at.facts.endings().count("refresh") >= 3
    assert at.facts.told["waited"] == []


@pytest.mark.asyncio
async def test_a_partition_that_stays_stalled_ends_the_process_after_receiver_and_client(live: Make) -> None:
    """Ladder: receiver, client, exit. Then the restarted process goes on where it was."""
    at = live(partitions=1, watchdog={"stalled_after": STALLED_AFTER})
    async with at.running() as (source, task):
        await idle(source)
        at.hub.put("0", b"x")
        await until(at.whole)
        at.server.faults.withhold("0")
        at.hub.put_many("0", [b"y"] * 3)
        await until(lambda: source.state()["0"].health == "stalled")
        await until(task.done)
        with pytest.raises(Stalled, match="exit code 75"):
            await task
    endings = [each for each in at.facts.endings() if each != "closed"]
    assert endings == ["stalled", "client"]
    assert at.facts.told["client_replaced"] == [("stalled",)]
    assert at.facts.told["stalled"] == [("0", 3)] * 3
    at.server.faults.clear()
    async with at.running(watchdog=patient(at)):
        await until(at.whole)
    at.check()


@pytest.mark.asyncio
async def test_a_newer_process_takes_over_and_the_older_one_gets_nothing_more(live: Make) -> None:
    """Fencing: the hub disconnects the receiver with the lower epoch and refuses it afterwards."""
    at = live(partitions=1)
    at.hub.put_many("0", [b"x"] * 3)
    async with at.running() as (_, old):
        await until(at.whole)
        newer = Live(at.hub, at.server, at.settings)
        newer.epoch = 1
        newer.stored, newer.identity = dict(at.stored), at.identity
        async with newer.running():
            await until(lambda: "stolen" in at.facts.endings())
            at.hub.put_many("0", [b"y"] * 4)
            await until(lambda: newer.taker.of("0") == [3, 4, 5, 6])
            await until(old.done)
            with pytest.raises(Stalled):
                await old
            assert at.taker.of("0") == [0, 1, 2]
            assert newer.facts.endings() == []
