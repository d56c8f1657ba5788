"""Replay of an archive tree on disk: rate against the same records in memory, and greatest resident memory.

    python -m bench.archive --folder build/archive --gigabytes 10

makes the tree (once), replays it in a process of its own, and replays a part of it out of memory for comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import geometric_mean, median
from threading import Semaphore
from time import perf_counter, thread_time
from typing import Any, NamedTuple

from bench.workloads import bodies
from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.engine.engine import Engine
from detector.runtime.replay import replay
from detector.sources.chunk import Chunk
from detector.sources.files import FileSource, Manner

TREES = ("serviceprincipalsigninlogs", "managedidentitysigninlogs", "noninteractiveusersigninlogs")
"""The same records dealt to three logs, so that the merge has work."""
HOUR_BYTES = 400 * 2**20
_TURN = 24
"""Calls of `on_progress` that make a turn: some 100 MB, more than caches hold."""
_ID = re.compile(rb'"id":"([0-9a-f]{8})-')
_TIME = re.compile(rb"2026-10-05T(08|09):")


def hours(folder: Path, gigabytes: float, agents: int) -> int:
    """Writes the tree: one hour is made, the others are it with other times and record ids."""
    count = max(1, round(gigabytes * 2**30 / HOUR_BYTES))
    if (folder / f"{count}.made").exists():
        return count
    records = HOUR_BYTES // 3300
    made = bodies(records, agents, 3600.0, "typical", records_per_body=1)
    lines = [body.removeprefix(b'{"records":[').removesuffix(b"]}") for body in made]
    for number in range(count):
        day, hour = divmod(8 + number, 24)
        stamps = {b"08": _stamp(8 + number), b"09": _stamp(9 + number)}
        for place, name in enumerate(TREES):
            text = b"\r\n".join(lines[place :: len(TREES)]) + b"\r\n"
            text = _TIME.sub(lambda found: stamps[found[1]], text)  # noqa: B023
            text = _ID.sub(lambda found: b'"id":"%08x-' % (int(found[1], 16) ^ number), text)  # noqa: B023
            path = folder / f"insights-logs-{name}/tenantId=t/y=2026/m=10/d={5 + day:02}/h={hour:02}/m=00/PT1H.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
    (folder / f"{count}.made").touch()
    return count


def _stamp(number: int) -> bytes:
    return f"2026-10-{5 + number // 24:02}T{number % 24:02}:".encode()


def shares(folder: Path, count: int, hashed: bool) -> Shares:
    """The rate at which hours are replayed from the disk, as a share of that of others out of memory; one round.

    The two take turns of a fraction of a second, so that what else the machine does falls on both alike. They read
    different hours, which differ in times and record ids alone, so that neither finds what the other has warmed.
    Whoever has the first turn is some percent slower, so the round is both orders.
    """
    paths = sorted(map(str, folder.rglob("PT1H.json")))
    some, others = ([path for path in paths if start <= _hour(Path(path)) < start + count] for start in (8, 8 + count))
    manner = Manner(tolerance=30.0, hashed=hashed)
    kept = list(FileSource(some, manner=Manner(tolerance=30.0)))
    memory, disk = _together([kept, FileSource(others, manner=manner)])
    disk_first, memory_then = _together([FileSource(others, manner=manner), kept])
    return Shares(
        processor=geometric_mean((memory.processor / disk.processor, memory_then.processor / disk_first.processor)),
        clock=geometric_mean((memory.clock / disk.clock, memory_then.clock / disk_first.clock)),
    )


class Shares(NamedTuple):
    """Of the rate out of memory."""

    processor: float
    clock: float


class Seconds(NamedTuple):
    """What a replay took."""

    processor: float
    """CPU seconds of the thread that judges, which a busy machine disturbs less."""
    clock: float
    records: int


class _Turns:
    """Lets threads run one at a time, in turn, and knows how long each had the turn."""

    def __init__(self, count: int) -> None:
        self._gates = [Semaphore(int(number == 0)) for number in range(count)]
        self._going = [True] * count
        self._begun = 0.0
        self._pauses = [0] * count
        self.clock = [0.0] * count

    def begin(self, number: int) -> None:
        """Waits for the turn."""
        self._gates[number].acquire()
        self._begun = perf_counter()

    def pause(self, number: int) -> None:
        """Gives the turn on, now and then, and waits for the next one."""
        self._pauses[number] += 1
        if self._pauses[number] % _TURN == 0:
            self._pass(number)
            self.begin(number)

    def end(self, number: int) -> None:
        """Gives the turn on for good."""
        self._going[number] = False
        self._pass(number)

    def _pass(self, number: int) -> None:
        self.clock[number] += perf_counter() - self._begun
        following = [*range(number + 1, len(self._gates)), *range(number + 1)]
        for each in following:
            if self._going[each]:
                self._gates[each].release()
                return


def _together(sources: Sequence[Iterable[Chunk]]) -> list[Seconds]:
    turns = _Turns(len(sources))
    with ThreadPoolExecutor(len(sources)) as threads:
        found = [threads.submit(_time, source, turns, number) for number, source in enumerate(sources)]
        return [each.result() for each in found]


def _time(source: Iterable[Chunk], turns: _Turns, number: int) -> Seconds:
    settings = load()
    turns.begin(number)
    try:
        processor = thread_time()
        decoder, engine = Decoder(**decoder_settings(settings)), Engine(engine_settings(settings))
        pause = partial(turns.pause, number)
        summary = replay(source, decoder, engine, on_alert=[].append, on_progress=pause)
        processor = thread_time() - processor
    finally:
        turns.end(number)
    return Seconds(processor, turns.clock[number], summary.accounting.received)


def _hour(path: Path) -> int:
    found = re.search(r"d=(\d\d)/h=(\d\d)/", str(path))
    assert found is not None
    return (int(found[1]) - 5) * 24 + int(found[2])


def from_disk(folder: Path) -> tuple[dict[str, Any], list[int]]:
    """The summary of `agent-detector replay`, and its resident memory in KiB, second by second."""
    summary, alerts = folder / "summary.json", folder / "alerts.jsonl"
    command = (sys.executable, "-m", "detector", "replay", *map(str, sorted(folder.glob("insights-logs-*"))))
    options = ("--output", alerts, "--summary", summary, "--manifest", folder / "manifest.json", "--no-progress")
    resident = []
    with subprocess.Popen((*command, *map(str, options)), stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            resident += list(_resident(process.pid))
            try:
                process.wait(1.0)
            except subprocess.TimeoutExpired:
                continue
    return json.loads(summary.read_text()), resident


def _resident(pid: int) -> Iterator[int]:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    if found is not None:
        yield int(found[1])


def main() -> None:
    """Prints what was measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.archive", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--agents", type=int, default=5_000)
    parser.add_argument("--memory-hours", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--only", choices=("make", "memory", "disk"), default=None)
    chosen = parser.parse_args()
    count = hours(chosen.folder, chosen.gigabytes, chosen.agents)
    size = sum(path.stat().st_size for path in chosen.folder.rglob("PT1H.json"))
    print(f"{count} hours, {size / 2**30:.2f} GiB, {os.cpu_count()} cores")
    if chosen.only in (None, "disk"):
        summary, resident = from_disk(chosen.folder)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = used.ru_utime + used.ru_stime
        third = max(1, len(resident) // 3)
        print(f"archive: {summary['records_per_second']:,} records/s over {summary['seconds']} s")
        print(f"resident MiB: {max(resident) >> 10} at most; {max(resident[:third]) >> 10} in the first third")
        print(f"CPU:     {summary['records']['received'] / cpu:,.0f} records a second of {cpu:.0f} s, hashing included")
        print(f"records: {summary['records']}")
    if chosen.only in (None, "memory"):
        for kind in ("disk", "hashed"):
            found = [
                shares(chosen.folder, max(1, min(count // 2, chosen.memory_hours)), kind == "hashed")
                for _ in range(chosen.rounds)
            ]
            processor, clock = _spread([each.processor for each in found]), _spread([each.clock for each in found])
            print(f"{kind}: {processor} of the rate out of memory by CPU, {clock} by the clock; bar 0.8", flush=True)


def _spread(shares: list[float]) -> str:
    """Median, least and greatest."""
    return f"{median(shares):.2f} ({min(shares):.2f} to {max(shares):.2f})"


if __name__ == "__main__":
    main()
