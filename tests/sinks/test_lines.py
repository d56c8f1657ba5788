"""Files and pipes: every alert there once, and never half a line."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.domain.alerts import Alert
from detector.sinks import appended_file
from detector.sinks.appended_file import AppendedFile
from detector.sinks.formats import FORMATS
from detector.sinks.outcome import DELIVERED, Retry
from detector.sinks.sink import Terms
from detector.sinks.standard_output import StandardOutput
from tests.sinks.outboxes import numbered

NATIVE = FORMATS["native"]


def opened(path: Path, encoding: Any = "native") -> AppendedFile:
    return AppendedFile("file", Terms(batch=100), FORMATS[encoding], path)


def ids_in(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_bytes().splitlines()]


async def deliver(path: Path, *batches: list[Alert]) -> None:
    """One life of a process."""
    sink = opened(path)
    for batch in batches:
        assert set((await sink.deliver(batch)).values()) == {DELIVERED}
    await sink.close()


@pytest.mark.asyncio
async def test_alerts_are_appended_once_across_restarts(tmp_path: Path) -> None:
    path = tmp_path / "new" / "alerts.jsonl"
    alerts = numbered(6)
    await deliver(path, alerts[:3], alerts[1:4])
    await deliver(path, alerts[2:])
    assert ids_in(path) == [each.id for each in alerts]


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", FORMATS)
async def test_ids_are_found_again_in_every_form(encoding: Any, tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    for _ in range(2):
        sink = opened(path, encoding)
        await sink.deliver(numbered(3))
        await sink.close()
    assert len(path.read_bytes().splitlines()) == 3


@pytest.mark.asyncio
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1))
async def test_a_crash_in_the_middle_of_a_line_leaves_no_trace(cut: float, tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.unlink(missing_ok=True)
    alerts = numbered(4)
    await deliver(path, alerts)
    with path.open("r+b") as file:
        file.truncate(int(cut * path.stat().st_size))
    await deliver(path, alerts)
    assert sorted(ids_in(path)) == sorted(each.id for each in alerts)


@pytest.mark.asyncio
async def test_only_the_end_of_a_large_file_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "alerts.jsonl"
    alerts = numbered(20)
    await deliver(path, alerts)
    monkeypatch.setattr(appended_file, "TAIL_BYTES", 3 * len(NATIVE.line(alerts[0])))
    await deliver(path, alerts[-2:])
    assert len(ids_in(path)) == 20


@pytest.mark.asyncio
async def test_foreign_lines_are_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(b'not json\n[1]\n{"id":7}\n"id"\n\n')
    await deliver(path, numbered(1))
    assert path.read_bytes().startswith(b'not json\n[1]\n{"id":7}\n"id"\n\n{"id":"')


@pytest.mark.asyncio
async def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    first, second = numbered(2)
    sink = opened(path)
    await sink.deliver([first])
    path.rename(tmp_path / "alerts.1")
    await sink.deliver([second])
    await sink.close()
    assert ids_in(tmp_path / "alerts.1") == [first.id]
    assert ids_in(path) == [second.id]


@pytest.mark.asyncio
async def test_a_place_that_cannot_be_written_is_a_matter_of_trying_again(tmp_path: Path) -> None:
    sink = opened(tmp_path)
    (one,) = numbered(1)
    assert await sink.deliver([one]) == {one.id: Retry("write_failed")}
    await sink.close()


@pytest.mark.asyncio
async def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "alerts.jsonl"
    first, second = numbered(2)
    sink = opened(path)
    await sink.deliver([first])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert await sink.deliver([second]) == {second.id: Retry("write_failed")}
    assert ids_in(path) == [first.id]
    assert await sink.deliver([second]) == {second.id: DELIVERED}
    await sink.close()
    assert ids_in(path) == [first.id, second.id]


@pytest.mark.asyncio
async def test_standard_output_gets_whole_lines_at_once() -> None:
    stream = io.BytesIO()
    alerts = numbered(3)
    sink = StandardOutput("stdout", Terms(batch=9), NATIVE, stream)
    assert set((await sink.deliver(alerts)).values()) == {DELIVERED}
    assert stream.getvalue() == b"".join(NATIVE.line(each) for each in alerts)
    await sink.close()
    assert not stream.closed


@pytest.mark.asyncio
async def test_a_pipe_that_nobody_reads_is_a_matter_of_trying_again() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = open(writing, "wb", buffering=0)  # noqa: SIM115 -- closed below
    (one,) = numbered(1)
    assert await StandardOutput("stdout", Terms(), NATIVE, stream).deliver([one]) == {one.id: Retry("write_failed")}
    stream.close()
    assert await StandardOutput("stdout", Terms(), NATIVE, stream).deliver([one]) == {one.id: Retry("write_failed")}
