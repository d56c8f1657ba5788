"""However the partitions of a stream race each other, and wherever the process is started anew: one set of alerts.

`INTERLEAVINGS=100 pytest tests/live/test_order.py` for a longer run.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from functools import cache
from pathlib import Path
from random import Random

import pytest

from detector.config.load import load
from detector.config.settings import Settings
from detector.domain.delivery import Delivery, Position
from detector.runtime.live.alignment import Patience
from detector.runtime.live.inbox import Inbox
from tests.live.hosted import Hosted
from tests.live.referee import Referee
from tests.live.stage import Stage
from tests.live.stream import Stream, Verdict, stream, undisturbed
from tests.runtime.live.parts import Bench

INTERLEAVINGS = int(os.environ.get("INTERLEAVINGS", "2"))
"""Runs for each size of burst."""
BURSTS = (5, 300, 2_000)
"""Messages that a partition brings before another one does."""
PARTITIONS = 4
ROOM = 512 * 2**10
ENDLESS = Patience(near=1e9, far=1e9)


@cache
def told() -> tuple[Stream, Settings, Verdict]:
    found = stream(days=1.0, agents=12)
    settings = load(text=json.dumps(found.configuration))
    return found, settings, undisturbed(found, settings)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def dealt(found: Stream, dice: Random) -> dict[str, list[Delivery]]:
    """The messages of the stream by partition, each message in any of them."""
    queues: dict[str, list[Delivery]] = {str(number): [] for number in range(PARTITIONS)}
    for message in found.messages:
        name = dice.choice(list(queues))
        place = len(queues[name])
        queues[name].append(Delivery(name, Position(place, str(place)), message.enqueued, message.body))
    return queues


class Race:
    """One life of the process: partitions bring their messages in bursts, the worker takes what it may."""

    def __init__(
        self, directory: Path, settings: Settings, queues: dict[str, list[Delivery]], *, aligned: bool
    ) -> None:
        self.inbox = Inbox(asyncio.get_running_loop(), ROOM, Clock(), patience=ENDLESS)
        self.bench = Bench(directory, settings, inbox=self.inbox)
        known = self.bench.worker.positions()
        self.left = {
            name: queue[known[name].sequence + 1 :] if name in known else list(queue) for name, queue in queues.items()
        }
        self.waiting: dict[str, asyncio.Task[None]] = {}
        if aligned:
            self.inbox.align(lambda: [name for name, queue in self.left.items() if queue])

    async def run(self, burst: int, dice: Random, *, until: int | None) -> bool:
        """Runs to the end, or through so many bursts; whether it came to the end."""
        while any(self.left.values()):
            if until is not None and (until := until - 1) < 0:
                return False
            await self.bring(dice.choice([name for name, queue in self.left.items() if queue]), burst)
            await self.take(dice.choice((8_000, 50_000, 400_000)))
        self.inbox.close()
        await self.take(10**9)
        return True

    async def bring(self, name: str, burst: int) -> None:
        """A partition brings messages until its burst is over or there is no room."""
        queue = self.left[name]
        for _ in range(min(burst, len(queue))):
            task = self.waiting.get(name) or asyncio.create_task(self.inbox.put(queue[0]))
            self.waiting[name] = task
            await asyncio.sleep(0)
            if not task.done():
                return
            del self.waiting[name]
            queue.pop(0)

    async def take(self, most: int) -> None:
        while batch := self.inbox.take(most=most, linger=0.0, patience=0.0):
            self.bench.judge(batch)
            await asyncio.sleep(0)
            for name, task in list(self.waiting.items()):
                if task.done():
                    del self.waiting[name]
                    self.left[name].pop(0)

    async def leave(self) -> None:
        """Ends without a word: what is not committed comes again."""
        for task in self.waiting.values():
            task.cancel()
        await asyncio.gather(*self.waiting.values(), return_exceptions=True)
        self.bench.store.close()


async def raced(
    directory: Path, seed: int, burst: int, *, aligned: bool = True
) -> tuple[frozenset[str], dict[str, int]]:
    """Alert ids and accounting of one run with up to two new starts in it."""
    found, settings, _ = told()
    dice = Random(f"{seed} {burst}")
    queues = dealt(found, dice)
    for _ in range(dice.choice((0, 1, 2))):
        race = Race(directory, settings, queues, aligned=aligned)
        await race.run(burst, dice, until=dice.randrange(1, 8 * max(1, 600 // burst)))
        await race.leave()
    race = Race(directory, settings, queues, aligned=aligned)
    assert await race.run(burst, dice, until=None)
    store = race.bench.store
    ids = frozenset(row.alert_id for row in store.outbox.pending("one", 100_000))
    counters = store.load().counters
    await race.leave()
    return ids, counters


@pytest.mark.slow
@pytest.mark.parametrize("burst", BURSTS)
def test_every_race_of_the_partitions_ends_with_the_same_alerts(
    tmp_path: Path, burst: int, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = told()[2]
    assert len(wanted.alerts) > 20
    different = []
    for seed in range(INTERLEAVINGS):
        ids, counters = asyncio.run(raced(tmp_path / str(seed), seed, burst))
        if ids != wanted.alerts or counters != wanted.counters:
            different.append((seed, len(wanted.alerts - ids), len(ids - wanted.alerts)))
    with capsys.disabled():
        sys.stdout.write(f"\nbursts of {burst}: {INTERLEAVINGS} interleavings, {len(different)} differ\n")
    assert different == []


@pytest.mark.slow
@pytest.mark.parametrize("burst", BURSTS[1:])
def test_without_alignment_the_races_would_differ(tmp_path: Path, burst: int) -> None:
    """The planted fault: nobody waits for the partitions that are behind, so their records are late."""
    wanted = told()[2]
    ids, counters = asyncio.run(raced(tmp_path, 1, burst, aligned=False))
    assert counters["late"] > wanted.counters["late"]
    assert ids != wanted.alerts


@pytest.mark.slow
def test_files_of_different_days_are_judged_in_order_although_they_do_not_fit_into_memory(tmp_path: Path) -> None:
    """The oldest is read on while the others, of which nothing is needed yet, wait for room."""
    found = stream(days=0.5, agents=6)
    with Referee() as referee:
        stage = Stage(tmp_path, found, referee, None)  # type: ignore[arg-type] -- nobody is forked
        logs = tmp_path / "logs"
        logs.mkdir()
        third = len(found.messages) // 3
        for number in range(3):
            part = found.messages[number * third : None if number == 2 else (number + 1) * third]
            (logs / f"{2 - number}.jsonl").write_bytes(b"".join(message.body + b"\n" for message in part))
        stage.document["batch"]["inbox_bytes"] = 2**17
        stage.reads({"files": {"path": str(logs), "chunk_bytes": 4096, "poll_seconds": 0.05}})
        wanted = stage.verdict()
        with Hosted(stage.config) as at:
            at.until(lambda: stage.counters() == wanted.counters)
            at.until(lambda: set(referee.seen) == wanted.alerts)
