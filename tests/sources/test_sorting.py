"""What does not fit in memory is sorted on the disk, and comes out the same."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.sources import sorting
from detector.sources.chunk import Chunk
from detector.sources.files import FileSource
from detector.sources.ordering import records_of
from detector.sources.sorting import Room, in_sorted_order
from tests.sources.records import record, seconds_of, stamp

MOMENTS = st.lists(st.integers(0, 300), min_size=1, max_size=120)


def chunks_of(moments: list[int], rows: bool) -> list[Chunk]:
    """Records whose names say where they stood, in chunks of seven."""
    chunks = []
    for start in range(0, len(moments), 7):
        part = list(enumerate(moments))[start : start + 7]
        if rows:
            table = [{"CreatedDateTime": stamp(moment), "Id": str(number)} for number, moment in part]
            chunks.append(Chunk(b"", "f", "rows", rows=list(table)))
        else:
            chunks.append(Chunk(b"\n".join(record(moment, f"n{number}") for number, moment in part), "f", "lines"))
    return chunks


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments=MOMENTS, rows=st.booleans(), room=st.integers(0, 20_000))
def test_runs_on_the_disk_give_what_memory_gives(
    moments: list[int], rows: bool, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorting, "_LEAST_RUN", 2_000)
    chunks, small = chunks_of(moments, rows), Room(room)
    in_memory = [each for chunk in in_sorted_order(iter(chunks), "f", Room(2**30)) for each in records_of(chunk)]
    on_disk = [each for chunk in in_sorted_order(iter(chunks), "f", small) for each in records_of(chunk)]
    assert on_disk == in_memory
    assert small.used == 0, "the room is given back"


def test_a_file_of_any_size_is_sorted_in_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "_LEAST_RUN", 10_000)
    runs: list[Any] = []
    real = sorting._spilled
    monkeypatch.setattr(sorting, "_spilled", lambda *given: runs.append(real(*given)) or runs[-1])
    path = tmp_path / "large"
    path.write_bytes(b"\n".join(record(float(second)) for second in range(180_000, 0, -30)))
    source = FileSource([str(path)], max_sort_bytes=10_000)
    assert seconds_of(source) == sorted(float(second) for second in range(180_000, 0, -30))
    assert len(runs) > 3
    assert all(run.closed for run in runs)


def test_what_is_gathered_before_damage_is_given_sorted(tmp_path: Path) -> None:
    lines = b"\n".join(record(float(second), os.urandom(30).hex()) for second in range(60_000, 0, -5))
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(lines)[:-5000])
    for room in (10 * 2**20, 10_000):
        source = FileSource([str(path)], max_sort_bytes=room)
        found = seconds_of(source)
        assert len(found) > 6000
        assert found == sorted(found)
        assert ["cut off" in failure.message for failure in source.failures] == [True]
        assert source.readings[0].status == "partly"


def test_a_full_disk_is_told_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sorting, "_LEAST_RUN", 1_000)
    monkeypatch.setattr(sorting, "TemporaryFile", full)
    large, small = tmp_path / "large", tmp_path / "small"
    large.write_bytes(b"\n".join(record(float(second)) for second in range(90_000, 0, -300)))
    small.write_bytes(record(1.0))
    source = FileSource([str(large), str(small)], max_sort_bytes=1_000)
    assert seconds_of(source) == [1.0]
    assert [failure.place for failure in source.failures] == [str(large)]
    assert "TMPDIR" in source.failures[0].message
