"""Messages that the process makes itself go on where the store has come to, and are told of when they are stored."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from detector.domain.delivery import Position
from detector.runtime.live.archiving import Archive
from detector.runtime.live.inbox import Inbox
from detector.runtime.live.producing import Producer, is_own, last_numbers
from detector.stores.records import Commit, Inflight, Loaded
from detector.stores.store import Store
from detector.telemetry.labels import is_file
from tests.stores.stage import workings

pytestmark = pytest.mark.asyncio


def made(*, most: int = 1_000, last: int = 0) -> tuple[Producer, Inbox]:
    loop = asyncio.get_running_loop()
    inbox = Inbox(loop, most, loop.time)
    return Producer("evidence", inbox, last=last, now=lambda: 7.0), inbox


def take(inbox: Inbox) -> list[tuple[str, int, float, bytes]]:
    return [
        (each.partition, each.position.sequence, each.enqueued, each.body)
        for each in inbox.take(most=10**9, linger=0.0, patience=0.0)
    ]


async def test_messages_are_numbered_from_where_the_last_process_was() -> None:
    producer, inbox = made(last=41)
    assert [await producer.put(b"a\n"), await producer.put(b"b\n")] == [42, 43]
    assert take(inbox) == [("own/evidence", 42, 7.0, b"a\n"), ("own/evidence", 43, 7.0, b"b\n")]


async def test_a_silent_producer_holds_nobody_up() -> None:
    producer, inbox = made()
    await producer.put(b"a")
    assert len(take(inbox)) == 1
    other = Producer("inventory", inbox, last=0, now=lambda: 9.0)
    await other.put(b"b")
    assert take(inbox) == [("own/inventory", 1, 9.0, b"b")]


async def test_whoever_waits_is_told_once_it_is_stored_and_no_other() -> None:
    producer, _ = made()
    first, second = await producer.put(b"a"), await producer.put(b"b")
    waiting = [asyncio.create_task(producer.committed(number)) for number in (first, second)]
    await asyncio.sleep(0)
    producer.reached({"0": Position(9, "9")})
    producer.reached({"own/evidence": Position(first, "1")})
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [True, False]
    assert await waiting[0]
    producer.reached({"own/evidence": Position(second, "2")})
    assert await waiting[1]
    assert await producer.committed(first), "long since"


async def test_when_the_service_ends_nobody_waits_on() -> None:
    producer, _ = made()
    done, lost = await producer.put(b"a"), await producer.put(b"b")
    waiting = asyncio.create_task(producer.committed(lost))
    await asyncio.sleep(0)
    producer.reached({"own/evidence": Position(done, "1")})
    producer.end()
    assert not await waiting
    assert (await producer.committed(done), await producer.committed(lost)) == (True, False)
    assert not producer.room()


async def test_whoever_gives_up_leaves_nothing_behind() -> None:
    producer, _ = made()
    number = await producer.put(b"a")
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(producer.committed(number), 0.01)
    assert producer._waiting == {}
    waiting = asyncio.create_task(producer.committed(number))
    await asyncio.sleep(0)
    waiting.cancel()
    producer.reached({producer.partition: Position(number, "1")})
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_those_who_wait_for_room_come_in_the_order_of_their_calls() -> None:
    producer, inbox = made(most=1)
    assert producer.room()
    await producer.put(b"a")
    assert not producer.room()
    waiting = [asyncio.create_task(producer.put(body)) for body in (b"b", b"c")]
    given_up = asyncio.create_task(producer.put(b"never"))
    await asyncio.sleep(0.01)
    given_up.cancel()
    found = []
    while len(found) < 3:
        batch = inbox.take(most=1, linger=0.0, patience=0.0)
        found += [(each.position.sequence, each.body) for each in batch]
        inbox.release(batch)
        await asyncio.sleep(0.01)
    assert found == [(1, b"a"), (2, b"b"), (3, b"c")]
    assert [await each for each in waiting] == [2, 3]


async def test_the_name_of_an_own_partition_is_that_of_no_partition_of_a_hub_and_of_no_file(tmp_path: Path) -> None:
    producer, _ = made()
    assert is_own(producer.partition)
    assert is_file(producer.partition), "a hub that was made anew does not void it"
    assert not is_own("0")
    assert not is_own("own.jsonl")
    with pytest.raises(OSError, match="No such file"):
        (tmp_path / producer.partition).write_text("")


async def test_a_number_under_suspicion_is_not_used_again(tmp_path: Path) -> None:
    with Store.open(tmp_path, workings()) as store:
        store.load()
        store.commit(Commit(positions={"0": Position(5, "5"), "own/a": Position(3, "3")}))
        loaded: Loaded = store.load()
        assert last_numbers(loaded) == {"own/a": 3}
        suspected = {
            "own/a": Inflight("own/a", 4, 6, 1, 0),
            "own/b": Inflight("own/b", 1, 1, 1, 1),
            "0": Inflight("0", 6, 6, 1, 1),
        }
        assert last_numbers(replace(loaded, inflight=suspected)) == {"own/a": 6, "own/b": 1}


async def test_what_is_to_be_kept_is_written_down_before_it_goes_its_way(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    inbox = Inbox(loop, 1_000, loop.time)
    path = tmp_path / "deep" / "evidence.jsonl"
    producer = Producer("evidence", inbox, last=0, now=lambda: 7.0, keep=Archive(path).keep)
    await asyncio.gather(*(producer.put(b"%d\n" % number) for number in range(5)))
    assert path.read_bytes() == b"".join(each[3] for each in take(inbox)) == b"0\n1\n2\n3\n4\n"
    path.rename(tmp_path / "rotated")
    await producer.put(b"5\n")
    assert path.read_bytes() == b"5\n"


async def test_what_cannot_be_kept_is_not_brought(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    inbox = Inbox(loop, 1_000, loop.time)
    producer = Producer("evidence", inbox, last=0, now=lambda: 7.0, keep=Archive(tmp_path).keep)
    with pytest.raises(IsADirectoryError):
        await producer.put(b"a\n")
    assert take(inbox) == []


async def test_half_a_line_that_a_crash_left_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "evidence.jsonl"
    path.write_bytes(b'{"a":1}\n{"b":')
    await Archive(path).keep(b'{"c":3}\n')
    assert path.read_bytes() == b'{"a":1}\n{"b":\n{"c":3}\n'
