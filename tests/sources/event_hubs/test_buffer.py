"""What waits is bounded in bytes, and a single message always fits."""

from __future__ import annotations

import asyncio

import pytest

from detector.domain.delivery import Delivery, Position
from detector.sources.event_hubs.buffer import OVERHEAD, Allowance, Buffer


def message(sequence: int, size: int) -> Delivery:
    return Delivery("0", Position(sequence, str(sequence)), 0.0, b"x" * (size - OVERHEAD))


async def fits(buffer: Buffer, delivery: Delivery) -> bool:
    try:
        await asyncio.wait_for(buffer.room(delivery), 0.01)
    except TimeoutError:
        return False
    return True


@pytest.mark.asyncio
async def test_a_full_buffer_pauses_until_a_message_leaves() -> None:
    allowance = Allowance(100_000)
    buffer = Buffer(10_000, allowance)
    buffer.append(message(1, 6_000))
    assert await fits(buffer, message(2, 4_000))
    buffer.append(message(2, 4_000))
    assert not await fits(buffer, message(3, 1_000))
    waiting = asyncio.create_task(buffer.room(message(3, 1_000)))
    await asyncio.sleep(0)
    assert buffer.paused
    assert (await buffer.first()).position.sequence == 1
    buffer.drop_first()
    await waiting
    assert not buffer.paused
    assert (buffer.size, allowance.used) == (4_000, 4_000)


@pytest.mark.asyncio
async def test_a_message_larger_than_the_limit_fits_into_an_empty_buffer_only() -> None:
    buffer = Buffer(10_000, Allowance(10_000))
    assert await fits(buffer, message(1, 50_000))
    buffer.append(message(1, 1_000))
    assert not await fits(buffer, message(2, 50_000))


@pytest.mark.asyncio
async def test_all_partitions_share_an_allowance_and_none_starves() -> None:
    allowance = Allowance(10_000)
    greedy, other = Buffer(10_000, allowance), Buffer(10_000, allowance)
    greedy.append(message(1, 9_000))
    greedy.append(message(2, 1_000))
    assert not await fits(greedy, message(3, 1_000))
    assert await fits(other, message(1, 1_000))
    other.append(message(1, 1_000))
    assert not await fits(other, message(2, 1_000))
    waiting = asyncio.create_task(other.room(message(2, 1_000)))
    await asyncio.sleep(0)
    greedy.drop_first()
    await waiting


@pytest.mark.asyncio
async def test_readers_wait_for_the_first_message_and_for_the_last_to_leave() -> None:
    buffer = Buffer(10_000, Allowance(10_000))
    first = asyncio.create_task(buffer.first())
    await asyncio.sleep(0)
    buffer.append(message(7, 1_000))
    assert (await first).position.sequence == 7
    drained = asyncio.create_task(buffer.drained())
    await asyncio.sleep(0)
    assert not drained.done()
    buffer.drop_first()
    await drained
    assert len(buffer) == 0
