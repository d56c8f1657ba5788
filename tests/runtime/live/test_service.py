"""Positions that no message taught are stored after everything that was handed over before them."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest

from detector.domain.delivery import Delivery, Position
from detector.runtime.live.feeds import Before
from detector.runtime.live.inbox import Inbox
from detector.runtime.live.service import _remembering
from detector.stores.errors import StoreUnavailable

OLD = {"0": Position(9, "9"), "1": Position(9, "9"), "17": Position(3, "3"), "logs/a.jsonl": Position(7, "7")}


class Working:
    """A worker that does at once what it is asked, and remembers it."""

    def __init__(self) -> None:
        self.remembered: list[tuple[str, str, dict[str, Position], list[str]]] = []
        self.refuses = 0

    def positions(self) -> dict[str, Position]:
        return dict(OLD)

    def call(self, errand: Any) -> Future[object]:
        done: Future[object] = Future()
        try:
            done.set_result(errand())
        except StoreUnavailable as error:
            done.set_exception(error)
        return done

    def remember(self, source: str, identity: str, positions: dict[str, Position], void: list[str]) -> None:
        if self.refuses:
            self.refuses -= 1
            raise StoreUnavailable("no disk")
        self.remembered.append((source, identity, positions, void))


def made(identity: str | None) -> tuple[Working, Inbox, Any]:
    worker: Any = Working()
    inbox = Inbox(asyncio.get_running_loop(), 1_000, asyncio.get_running_loop().time)
    before = Before(epoch=1, positions=OLD, identities={} if identity is None else {"hub": identity})
    return worker, inbox, _remembering(worker, inbox, before, lambda: "hub")


def message(partition: str) -> Delivery:
    return Delivery(partition, Position(1, "1"), 1.0, b"x")


@pytest.mark.asyncio
async def test_it_waits_for_what_the_partition_brought_and_for_no_other() -> None:
    worker, inbox, remember = made("h@1")
    await inbox.put(message("0"))
    await inbox.put(message("1"))
    taken = inbox.take(most=1, linger=0.0, patience=0.0)
    waiting = asyncio.create_task(remember("h@1", {"0": Position(20, "20")}))
    await asyncio.sleep(0.01)
    assert not waiting.done(), "it is in work"
    assert [each.partition for each in taken] == ["0"]
    inbox.release(taken)
    await asyncio.wait_for(waiting, 60)
    assert worker.remembered == [("hub", "h@1", {"0": Position(20, "20")}, [])]


@pytest.mark.asyncio
async def test_the_first_position_of_another_hub_voids_all_of_the_old_one_and_of_no_file() -> None:
    worker, inbox, remember = made("h@1")
    await inbox.put(message("1"))
    inbox.align(lambda: ["0"])
    place = {"0": Position(-1, "-1")}
    waiting = asyncio.create_task(remember("h@2", place))
    await asyncio.sleep(0.01)
    assert not waiting.done(), "the message of another partition would be stored as one of the new hub"
    taken = inbox.take(most=10, linger=0.0, patience=0.0)
    assert len(taken) == 1, "what the new hub holds is not waited for"
    inbox.release(taken)
    await asyncio.wait_for(waiting, 60)
    await remember("h@2", {"1": Position(-1, "-1")})
    assert worker.remembered == [
        ("hub", "h@2", place, ["0", "1", "17"]),
        ("hub", "h@2", {"1": Position(-1, "-1")}, []),
    ]


@pytest.mark.asyncio
async def test_while_the_store_refuses_the_hub_is_still_another_one() -> None:
    worker, _, remember = made("h@1")
    worker.refuses = 1
    with pytest.raises(StoreUnavailable):
        await remember("h@2", {"0": Position(-1, "-1")})
    await remember("h@2", {"0": Position(-1, "-1")})
    assert worker.remembered[0][3] == ["0", "1", "17"]


@pytest.mark.asyncio
async def test_a_first_start_voids_nothing() -> None:
    worker, _, remember = made(None)
    await remember("h@1", {"0": Position(5, "5")})
    assert worker.remembered == [("hub", "h@1", {"0": Position(5, "5")}, [])]
