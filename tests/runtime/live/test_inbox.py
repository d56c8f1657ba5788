"""Messages of all partitions come out in the order in which they entered the stream, and never more than fit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.domain.delivery import Delivery, Position
from detector.runtime.live.alignment import Patience
from detector.runtime.live.inbox import Inbox


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def message(partition: str, sequence: int, enqueued: float, size: int = 10) -> Delivery:
    return Delivery(partition, Position(sequence, str(sequence)), enqueued, b"x" * size)


BRIEF, ENDLESS = Patience(near=10.0, far=30.0, reach=100.0), Patience(near=1e9, far=1e9)


def run(work: Callable[[Inbox, Clock], Awaitable[None]], *, most: int = 1_000, patience: Patience = BRIEF) -> None:
    async def main() -> None:
        clock = Clock()
        await work(Inbox(asyncio.get_running_loop(), most, clock, patience=patience), clock)

    asyncio.run(main())


def take(inbox: Inbox, *, most: int = 10**9) -> list[Delivery]:
    """What can be had at once."""
    return inbox.take(most=most, linger=0.0, patience=0.0)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 60))
def test_whatever_the_speeds_of_partitions_the_order_is_that_of_the_stream(
    seed: int, partitions: int, messages: int
) -> None:
    """Each partition is brought on at random; one that is known to hold more is waited for."""
    dice = Random(seed)
    queues: dict[str, list[Delivery]] = {str(number): [] for number in range(partitions)}
    for number in range(messages):
        name = str(dice.randrange(partitions))
        queues[name].append(message(name, len(queues[name]), float(number)))
    wanted = sorted((each for queue in queues.values() for each in queue), key=lambda each: each.enqueued)

    async def work(inbox: Inbox, clock: Clock) -> None:
        inbox.align(lambda: [name for name, queue in queues.items() if queue])
        got: list[Delivery] = []
        while any(queues.values()):
            clock.now += 1.0
            name = dice.choice([name for name, queue in queues.items() if queue])
            for _ in range(dice.choice((1, 5))):
                if queues[name]:
                    await inbox.put(queues[name][0])
                    queues[name].pop(0)
            got += take(inbox, most=dice.choice((1, 100, 10**9)))
        clock.now += 1.0
        got += take(inbox)
        assert got == wanted
        inbox.release(got)
        assert inbox.held == 0

    run(work, most=10**9, patience=ENDLESS)


def test_a_partition_that_brings_nothing_is_waited_for_only_so_long() -> None:
    async def work(inbox: Inbox, clock: Clock) -> None:
        await inbox.put(message("slow", 1, 1.0))
        assert len(take(inbox)) == 1
        clock.now = 1.0
        inbox.align(lambda: ["slow"])
        await inbox.put(message("quick", 1, 5.0))
        assert take(inbox) == []
        clock.now = 10.9
        assert take(inbox) == []
        clock.now = 11.1
        assert [each.partition for each in take(inbox)] == ["quick"]
        await inbox.put(message("quick", 2, 6.0))
        assert [each.partition for each in take(inbox)] == ["quick"], "it is not waited for again"
        await inbox.put(message("slow", 2, 2.0))
        await inbox.put(message("quick", 3, 7.0))
        assert [each.partition for each in take(inbox)] == ["slow"], "once it brings something it is"
        clock.now = 15.0
        assert take(inbox) == []

    run(work)


def test_a_partition_is_waited_for_longer_when_its_records_would_become_late() -> None:
    async def work(inbox: Inbox, clock: Clock) -> None:
        await inbox.put(message("slow", 1, 1_000.0))
        await inbox.put(message("quick", 1, 1_020.0))
        assert len(take(inbox)) == 2
        inbox.align(lambda: ["slow"])
        clock.now = 1.0
        for number, order in ((2, 1_120.0), (3, 1_120.5)):
            await inbox.put(message("quick", number, order))
        assert take(inbox) == []
        clock.now = 11.1
        assert [each.position.sequence for each in take(inbox)] == [2], "up to here it was not behind: 1,020 and 100"
        clock.now = 30.9
        assert take(inbox) == []
        clock.now = 31.1
        assert [each.position.sequence for each in take(inbox)] == [3]

    run(work)


def test_a_partition_that_never_brought_anything_may_hold_anything() -> None:
    async def work(inbox: Inbox, clock: Clock) -> None:
        inbox.align(lambda: ["slow"])
        await inbox.put(message("quick", 1, 5.0))
        for now, found in ((0.0, 0), (29.9, 0), (30.1, 1)):
            clock.now = now
            assert len(take(inbox)) == found

    run(work)


def test_nobody_is_waited_for_when_nobody_is_behind() -> None:
    async def work(inbox: Inbox, _: Clock) -> None:
        await inbox.put(message("a", 1, 5.0))
        assert len(take(inbox)) == 1
        await inbox.put(message("a", 2, 6.0))
        assert not inbox.done
        inbox.close()
        assert not inbox.done
        assert len(take(inbox)) == 1
        assert inbox.done

    run(work)


def test_when_it_is_closed_what_comes_after_a_missing_message_is_left_for_the_next_process() -> None:
    """Judged now, it would make the records of the partition that is behind late."""

    async def work(inbox: Inbox, clock: Clock) -> None:
        inbox.align(lambda: ["b"])
        await inbox.put(message("a", 1, 5.0))
        await inbox.put(message("b", 1, 4.0))
        await inbox.put(message("a", 2, 6.0))
        inbox.close()
        assert [each.partition for each in take(inbox)] == ["b"]
        assert inbox.done
        clock.now = 100.0
        assert not inbox.done, "nobody is waited for longer than usual"
        assert len(take(inbox)) == 2
        assert inbox.done

    run(work)


def test_whoever_finds_no_room_waits_until_something_is_released() -> None:
    async def work(inbox: Inbox, _: Clock) -> None:
        await inbox.put(message("a", 1, 1.0, size=90))
        await inbox.put(message("b", 1, 1.0, size=90))
        late = asyncio.create_task(inbox.put(message("a", 2, 2.0, size=20)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not late.done()
        taken = take(inbox, most=1)
        await asyncio.sleep(0.001)
        # Its line is empty now, so it may bring one although there is no room: others may be waiting for it.
        await asyncio.wait_for(late, 60)
        later = asyncio.create_task(inbox.put(message("a", 3, 3.0, size=20)))
        await asyncio.sleep(0.001)
        assert not later.done()
        inbox.release(taken)
        await asyncio.wait_for(later, 60)
        assert inbox.held == 130

    run(work, most=150)


def test_who_is_cancelled_while_it_waits_has_brought_nothing() -> None:
    async def work(inbox: Inbox, _: Clock) -> None:
        await inbox.put(message("a", 1, 1.0, size=100))
        late = asyncio.create_task(inbox.put(message("a", 2, 2.0)))
        await asyncio.sleep(0)
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        assert len(take(inbox)) == 1
        assert take(inbox) == []

    run(work, most=100)


def test_a_paused_inbox_lets_nothing_in() -> None:
    async def work(inbox: Inbox, _: Clock) -> None:
        inbox.pause(paused=True)
        late = asyncio.create_task(inbox.put(message("a", 1, 1.0)))
        await asyncio.sleep(0)
        assert not late.done()
        inbox.pause(paused=False)
        await asyncio.wait_for(late, 60)

    run(work)


def test_a_worker_that_waits_is_woken_by_a_message_a_nudge_and_the_end() -> None:
    async def main() -> None:
        inbox = Inbox(asyncio.get_running_loop(), 1_000, time.monotonic)

        def waits() -> asyncio.Task[list[Delivery]]:
            return asyncio.create_task(asyncio.to_thread(inbox.take, most=1, linger=0.0, patience=600.0))

        waiting = waits()
        await asyncio.sleep(0.05)
        await inbox.put(message("a", 1, 1.0))
        assert len(await asyncio.wait_for(waiting, 60)) == 1
        waiting = waits()
        await asyncio.sleep(0.05)
        inbox.nudge()
        assert await asyncio.wait_for(waiting, 60) == []
        waiting = waits()
        await asyncio.sleep(0.05)
        inbox.close()
        assert await asyncio.wait_for(waiting, 60) == []

    asyncio.run(main())


def test_a_worker_lingers_for_more_but_not_beyond_its_size() -> None:
    async def main() -> None:
        inbox = Inbox(asyncio.get_running_loop(), 1_000, time.monotonic)
        await inbox.put(message("a", 1, 1.0))
        taking = asyncio.create_task(asyncio.to_thread(inbox.take, most=30, linger=600.0, patience=1.0))
        await asyncio.sleep(0.05)
        for number in (2, 3, 4):
            await inbox.put(message("a", number, float(number)))
        assert [each.position.sequence for each in await asyncio.wait_for(taking, 60)] == [1, 2, 3]

    asyncio.run(main())


def test_messages_may_be_merged_by_another_time_than_that_of_their_arrival() -> None:
    async def work(inbox: Inbox, _: Clock) -> None:
        await inbox.put(message("young", 1, 100.0), 9.0)
        await inbox.put(message("old", 1, 101.0), 3.0)
        assert [each.partition for each in take(inbox)] == ["old", "young"]

    run(work)
