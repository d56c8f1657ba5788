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
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
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


def times(folder: Path, count: int, rounds: int) -> Iterator[dict[str, Seconds]]:
    """How long the same records take: out of memory, from the disk, and from the disk with hashes, in turn."""
    some = [str(path) for path in sorted(folder.rglob("PT1H.json")) if _hour(path) < 8 + count]
    manner = Manner(tolerance=30.0)
    chunks = list(FileSource(some, manner=manner))
    for _ in range(rounds):
        yield {
            "memory": _time(chunks),
            "disk": _time(FileSource(some, manner=manner)),
            "hashed": _time(FileSource(some, manner=Manner(tolerance=30.0, hashed=True))),
        }


class Seconds(NamedTuple):
    """What a replay took."""

    processor: float
    """CPU seconds of the thread that judges, which a busy machine disturbs less."""
    clock: float
    records: int


def _time(source: Iterable[Chunk]) -> Seconds:
    settings = load()
    processor, clock = thread_time(), perf_counter()
    decoder, engine = Decoder(**decoder_settings(settings)), Engine(engine_settings(settings))
    summary = replay(source, decoder, engine, on_alert=[].append)
    return Seconds(thread_time() - processor, perf_counter() - clock, summary.accounting.received)


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
    parser.add_argument("--rounds", type=int, default=5)
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
        found = list(times(chosen.folder, min(count, chosen.memory_hours), chosen.rounds))
        for kind in found[0]:
            each = [one[kind] for one in found]
            rate = median(one.records / one.processor for one in each)
            shares = [one["memory"].processor / one[kind].processor for one in found]
            best = min(one["memory"].processor for one in found) / min(one.processor for one in each)
            clock = median(one["memory"].clock / one[kind].clock for one in found)
            print(
                f"{kind:<7} {rate:>8,.0f} records a CPU second; of that out of memory {median(shares):.2f} (median), "
                f"{best:.2f} (least disturbed), {clock:.2f} by the clock; bar 0.8"
            )


if __name__ == "__main__":
    main()
