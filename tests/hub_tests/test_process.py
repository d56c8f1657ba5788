"""A hub in a process of its own: `python -m tests.hub`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub.aio import EventHubConsumerClient

from tests.hub.__main__ import main

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@contextmanager
def process(*arguments: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """A hub in another process, and what it said when it was ready."""
    command = [sys.executable, "-m", "tests.hub", "--until-stdin-ends", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield json.loads(running.stdout.readline()), running
        finally:
            running.terminate()
            assert running.wait(60) == 0


@pytest.mark.asyncio
async def test_it_serves_the_lines_of_a_file_in_turn(tmp_path: Path) -> None:
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text('{"a":1}\n\n{"a":2}\n')
    with process("--partitions", "2", "--bodies", str(bodies), "--count", "5") as (ready, _):
        assert (ready["events"], ready["bytes"]) == (5, 35)
        async with EventHubConsumerClient.from_connection_string(ready["connection_string"], "$Default") as client:
            assert await client.get_partition_ids() == ["0", "1"]
            numbers = [
                (await client.get_partition_properties(name))["last_enqueued_sequence_number"] for name in ("0", "1")
            ]
    assert numbers == [2, 1]


@pytest.mark.asyncio
async def test_it_enqueues_at_a_rate_and_keeps_so_many() -> None:
    with process("--partitions", "1", "--bodies", "1K", "--rate", "200", "--keep", "10") as (ready, running):
        connection = ready["connection_string"]
        async with EventHubConsumerClient.from_connection_string(connection, "$Default") as client:
            state: dict[str, Any] = {"last_enqueued_sequence_number": -1}
            while state["last_enqueued_sequence_number"] < 40:
                assert running.poll() is None
                state = await client.get_partition_properties("0")
    assert 9 <= state["last_enqueued_sequence_number"] - state["beginning_sequence_number"] <= 10


def test_it_stops_when_its_input_ends() -> None:
    with process("--partitions", "1") as (_, running):
        assert running.stdin is not None
        running.stdin.close()
        assert running.wait(60) == 0


def test_it_refuses_a_file_without_bodies(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    with pytest.raises(SystemExit, match="holds no bodies"):
        main(["--bodies", str(empty), "--count", "1"])


def test_no_thread_is_left() -> None:
    assert not [thread for thread in threading.enumerate() if thread.name == "test-hub"]
