"""`make bench`: the bars of the project, measured and printed side by side."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from statistics import median

from rich.console import Console
from rich.table import Table

from bench import memory
from bench.workloads import DENSITIES, bodies, decode, paired, parse, ratio, replay, timed_replay

CONSOLE = Console(width=120)


def speed(records: int, agents: int, rounds: int, padding: str) -> None:
    """Replay and decode against the yardstick, at three densities."""
    table = Table(title=f"{records:,} sign-ins, {agents:,} agents, {padding} records; CPU, one core, {rounds} rounds")
    for heading in (
        "density",
        "bytes",
        "orjson us",
        "decode us",
        "replay us",
        "with a model us",
        "decode",
        "replay",
        "with a model",
    ):
        table.add_column(heading, justify="right")
    for name, span in DENSITIES.items():
        stream = bodies(records, agents, span, padding)
        size = sum(map(len, stream)) // records
        candidates = {"orjson": parse, "decode": decode, "replay": replay, "model": partial(replay, model="shipped")}
        seconds = paired(candidates, stream, rounds)
        each = {key: median(values) / records * 1e6 for key, values in seconds.items()}
        table.add_row(
            name,
            f"{size:,}",
            *(f"{each[key]:.2f}" for key in candidates),
            f"{ratio(seconds['decode'], seconds['orjson']):.2f}",
            f"[bold]{ratio(seconds['replay'], seconds['orjson']):.2f}[/bold]",
            f"{ratio(seconds['model'], seconds['orjson']):.2f}",
        )
    CONSOLE.print(table)
    CONSOLE.print(
        "decode, replay, with a model: how many times faster than orjson.loads of the same bytes and nothing else"
    )
    CONSOLE.print("Bars: 1.0 for the replay, 0.8 with the shipped model of finished hours.\n")


def two_processes(records: int, agents: int) -> None:
    """Two replays at once, each of half the stream, against one after the other."""
    halves = [(records // 2, agents // 2, 3), (records // 2, agents // 2, 4)]
    alone = sum(timed_replay(half) for half in halves)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        together = max(pool.map(timed_replay, halves))
    CONSOLE.print(
        f"two processes on {os.cpu_count()} cores, stream already split by blueprint: {alone / together:.2f} times one "
        f"process ({records / together:,.0f} against {records / alone:,.0f} records/s)\n"
    )


def state_size(agents: int) -> None:
    """Bytes of state an agent after a week."""
    under_keys, ids = memory.measure(agents)
    CONSOLE.print(
        f"state at {agents:,} agents with a week of history: {under_keys:,.0f} bytes an agent (bar 4,096); record ids "
        f"of the last hours: {ids:,.0f} more\n"
    )


def start_up() -> None:
    """CPU seconds of `agent-detector --help`, best of five."""
    best = float("inf")
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "detector", "--help"], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    CONSOLE.print(f"agent-detector --help: {best:.2f} s CPU (bar 0.30)\n")


def live(rounds: int) -> None:
    """The live service from a loopback hub against the bare SDK, at two sizes of messages."""
    from bench.live import compare

    table = Table(title=f"live service with durable commits, loopback hub, 4 partitions, {rounds} rounds; records/s")
    for heading in ("message", "bare SDK", "service", "replay", "service against SDK", "bar", "against replay"):
        table.add_column(heading, justify="right")
    for records, each, bar in ((120_000, 60, 0.4), (40_000, 1, 0.6)):
        found = compare(records, each, rounds)
        table.add_row(
            f"{found['bytes a message'] / 1000:.0f} KB",
            *(f"{found[name]:,.0f}" for name in ("bare", "service", "replay")),
            f"[bold]{found['ratio']:.2f}[/bold]",
            f"{bar}",
            f"{found['of replay']:.2f}",
        )
    CONSOLE.print(table)


def main() -> None:
    """Runs what was asked for; everything by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--agents", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--padding", default="typical", choices=("lean", "typical", "wide"))
    parser.add_argument("--memory-agents", type=int, default=100_000)
    parser.add_argument("--only", choices=("speed", "processes", "memory", "start", "live"), default=None)
    chosen = parser.parse_args()
    if chosen.only in {None, "start"}:
        start_up()
    if chosen.only in {None, "speed"}:
        speed(chosen.records, chosen.agents, chosen.rounds, chosen.padding)
    if chosen.only in {None, "processes"}:
        two_processes(chosen.records, chosen.agents)
    if chosen.only in {None, "memory"}:
        state_size(chosen.memory_agents)
    if chosen.only in {None, "live"}:
        live(chosen.rounds)


if __name__ == "__main__":
    main()
