"""The live path from a loopback hub: bare SDK, and the whole service with durable commits, side by side.

The hub is a process of its own. Both read the same messages over the same kind of receivers; time counts from the first
message to the last, received by the SDK or committed by the service.
"""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from azure.eventhub.aio import EventHubConsumerClient

from bench.workloads import bodies, replay
from detector.config.load import load
from detector.runtime.live.service import Environment, Service

PARTITIONS = 4


@contextmanager
def hub(folder: Path, messages: list[bytes]) -> Iterator[str]:
    """A hub in a process of its own that holds the messages; its connection string."""
    file = folder / "bodies"
    file.write_bytes(b"".join(message + b"\n" for message in messages))
    command = [sys.executable, "-m", "tests.hub", "--partitions", str(PARTITIONS), "--bodies", str(file)]
    command += ["--count", str(len(messages)), "--until-stdin-ends"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield json.loads(process.stdout.readline())["connection_string"]
        process.stdin.close()


async def bare(connection_string: str, count: int) -> tuple[float, float]:
    """(wall seconds, CPU seconds) that the SDK needs to receive everything."""
    client = EventHubConsumerClient.from_connection_string(connection_string, "$Default", retry_total=0)
    got, first, last, cpu = 0, 0.0, 0.0, 0.0
    done = asyncio.Event()

    async def received(_: object, events: list[object]) -> None:
        nonlocal got, first, last, cpu
        if events and not got:
            first, cpu = time.monotonic(), time.process_time()
        got += len(events)
        last = time.monotonic()
        if got >= count:
            done.set()

    tasks = [
        asyncio.create_task(
            client.receive_batch(
                received,
                partition_id=str(partition),
                starting_position="-1",
                owner_level=1,
                prefetch=50,
                max_batch_size=100,
                max_wait_time=1,
            )
        )
        for partition in range(PARTITIONS)
    ]
    await asyncio.wait_for(done.wait(), 300)
    spent = time.process_time() - cpu
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.close()
    return last - first, spent


async def whole(connection_string: str, folder: Path, records: int) -> tuple[float, float]:
    """(wall seconds, CPU seconds) that the service needs to commit everything."""
    secret = folder / "connection"
    secret.write_text(connection_string)
    settings = load(
        text=json.dumps(
            {
                "source": {"event_hubs": {"connection_string_file": str(secret), "start": "earliest"}},
                "store": {"directory": str(folder / "state"), "min_free": 0.0},
                "telemetry": {"port": 0},
            }
        )
    )
    service = Service(
        settings,
        Environment(
            now=time.time,  # noqa: TID251 - a benchmark
            monotonic=time.monotonic,
            log=io.StringIO(),
            stdout=io.BytesIO(),
            credential=lambda: None,  # type: ignore[arg-type, return-value]
        ),
        load=lambda: settings,
    )
    facts = service.telemetry.runtime
    committed, got, first, last, cpu = facts.batch_committed, 0, 0.0, 0.0, 0.0
    begun, done = facts.batch_received, asyncio.Event()
    loop = asyncio.get_running_loop()

    def batch_received(partition: str, events: int, size: int) -> None:
        nonlocal got, first, cpu
        if not got:
            first, cpu = time.monotonic(), time.process_time()
        got += events
        begun(partition, events, size)

    def batch_committed(**said: object) -> None:
        nonlocal last
        last = time.monotonic()
        committed(**said)  # type: ignore[arg-type]
        if got >= records:
            loop.call_soon_threadsafe(done.set)

    facts.batch_received = batch_received  # type: ignore[method-assign]
    facts.batch_committed = batch_committed  # type: ignore[method-assign]
    running = asyncio.create_task(service.run())
    await asyncio.wait_for(done.wait(), 600)
    spent = time.process_time() - cpu
    service.stop()
    await running
    return last - first, spent


def compare(records: int, records_per_body: int, rounds: int) -> dict[str, float]:
    """Rates in records a second: bare SDK, service, replay of the same bodies; medians over rounds."""
    made = bodies(records, 2_000, 3_600.0, "typical", records_per_body=records_per_body)
    size = sum(map(len, made))
    found: dict[str, list[float]] = {"bare": [], "service": [], "replay": [], "ratio": [], "of replay": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name, hub(Path(name), made) as connection_string:
            wall, _ = asyncio.run(bare(connection_string, len(made)))
            live, _ = asyncio.run(whole(connection_string, Path(name), records))
        started = time.perf_counter()
        replay(made)
        again = time.perf_counter() - started
        found["bare"].append(records / wall)
        found["service"].append(records / live)
        found["replay"].append(records / again)
        found["ratio"].append(wall / live)
        found["of replay"].append(again / live)
    rates = {name: median(values) for name, values in found.items()}
    return {**rates, "bytes a message": size / len(made), "MB/s": size / records * rates["service"] / 1e6}
