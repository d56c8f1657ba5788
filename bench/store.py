"""`python -m bench.store`: how long a commit takes, and how long until a large store is ready.

Numbers depend on the disk: name one with --directory that is like the one in production.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

from detector.domain.delivery import Position
from detector.stores.records import Commit, NewAlert, StateRow
from detector.stores.settings import StoreSettings
from detector.stores.store import Store
from detector.stores.workings import Workings

CONSOLE = Console(width=110)
TENANT = "99999999-0000-4000-8000-00000000aaaa"
READY_BAR = 15.0


def row(number: int, size: int, chance: random.Random) -> StateRow:
    """Memory of one agent."""
    return StateRow("identity", TENANT, f"7d540000-2222-4333-8444-{number:012x}", chance.randbytes(size))


def alert(number: int) -> NewAlert:
    """An alert with a document of usual length."""
    subject = f"7d540000-2222-4333-8444-{number % 50:012x}"
    return NewAlert(f"{number:032x}", 1.79e9, "high", "token_spike", subject, bytes(2_000), ("alertmanager", "webhook"))


def opened(directory: Path, *, full_sync: bool = True) -> Store:
    """A store on real clocks."""
    settings = StoreSettings(full_sync=full_sync)
    return Store.open(directory, Workings(now=perf_counter, monotonic=perf_counter, settings=settings))


def batches(count: int, agents: int, rows: int, size: int) -> Iterator[Commit]:
    """Batches that touch `rows` of `agents` agents each, at random, with as many record ids."""
    chance = random.Random(1)
    for number in range(count):
        yield Commit(
            state=[row(agent, size, chance) for agent in chance.sample(range(agents), rows)],
            positions={str(partition): Position(number, str(number)) for partition in range(4)},
            digests={number // 200: chance.randbytes(8 * rows)},
            counters={"received": number * rows, "applied": number * rows},
            alerts=[alert(number)] if number % 10 == 0 else [],
        )


def commits(folder: Path, count: int, agents: int) -> None:
    """Commits of 1,000 rows of 300 bytes and 1,000 record ids."""
    table = Table(title=f"commit of 1,000 rows of 300 bytes and 1,000 record ids; {agents:,} agents; ms")
    for heading in ("sync", "p50", "p90", "p99", "max", "CPU a commit", "commits/s", "in flight mark p50"):
        table.add_column(heading, justify="right")
    for full in (True, False):
        with opened(folder / f"commits-{full}", full_sync=full) as store:
            chance = random.Random(0)
            store.commit(Commit(state=[row(agent, 300, chance) for agent in range(agents)]))
            took, marks = [], []
            cpu = _cpu()
            for batch in batches(count, agents, 1_000, 300):
                number = batch.positions["0"].sequence
                begun = perf_counter()
                store.begin_inflight({str(partition): (number, number) for partition in range(4)})
                marked = perf_counter()
                store.commit(batch)
                took.append(perf_counter() - marked)
                marks.append(marked - begun)
            cpu = _cpu() - cpu
        took.sort()
        marks.sort()
        at = [took[min(count - 1, int(count * part))] * 1e3 for part in (0.5, 0.9, 0.99, 1.0)]
        cells = [*at, cpu / count * 1e3, count / sum(took), marks[count // 2] * 1e3]
        table.add_row("FULL" if full else "NORMAL", *(f"{cell:,.2f}" for cell in cells))
    CONSOLE.print(table)


def ready(folder: Path, rows: int, size: int) -> None:
    """From a process that was killed to an engine that has its memory."""
    chance = random.Random(2)
    directory = folder / "ready"
    store = opened(directory)
    for start in range(0, rows, 5_000):
        store.commit(Commit(state=[row(number, size, chance) for number in range(start, min(rows, start + 5_000))]))
    store.commit(Commit(digests={hour: chance.randbytes(8 * 1_000_000) for hour in range(3)}))
    begun = perf_counter()
    store.snapshot()
    snapshot = perf_counter() - begun
    store.close()
    begun = perf_counter()
    with opened(directory) as again:
        checked = perf_counter()
        got = again.load()
        count = sum(1 for _ in got.state)
        loaded = perf_counter()
        on_disk = again.size()
    assert count == rows
    (directory / "store.db").write_bytes(b"ruined")
    restoring = perf_counter()
    opened(directory).close()
    restored = perf_counter() - restoring
    CONSOLE.print(
        f"{rows:,} rows of {size:,} bytes and 3,000,000 record ids, {on_disk / 1e6:,.0f} MB on disk: "
        f"opened and checked in {checked - begun:.2f} s, loaded in {loaded - checked:.2f} s; "
        f"[bold]ready in {loaded - begun:.2f} s[/bold] (bar {READY_BAR:.0f}); snapshot {snapshot:.2f} s; "
        f"restored from it in {restored:.2f} s\n"
    )


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Runs what was asked for; everything by default."""
    parser = argparse.ArgumentParser(prog="python -m bench.store", description=__doc__)
    parser.add_argument("--commits", type=int, default=300)
    parser.add_argument("--agents", type=int, default=50_000)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--row-bytes", type=int, default=2_000)
    parser.add_argument("--directory", type=Path, default=None, help="where to put the stores; removed afterwards")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.directory) as folder:
        commits(Path(folder), chosen.commits, chosen.agents)
        ready(Path(folder), chosen.rows, chosen.row_bytes)


if __name__ == "__main__":
    main()
