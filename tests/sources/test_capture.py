"""Files of Event Hubs Capture, written by the reference library."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import fastavro
import pytest

from detector.sources.files import FileSource
from tests.sources.records import message, record, seconds_of

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "EventData",
    "namespace": "Microsoft.ServiceBus.Messaging",
    "fields": [
        {"name": "SequenceNumber", "type": "long"},
        {"name": "Offset", "type": "string"},
        {"name": "EnqueuedTimeUtc", "type": "string"},
        {"name": "SystemProperties", "type": {"type": "map", "values": ["long", "double", "string", "bytes"]}},
        {"name": "Properties", "type": {"type": "map", "values": ["long", "double", "string", "bytes", "null"]}},
        {"name": "Body", "type": ["null", "bytes"]},
    ],
}
SECONDS = [float(second) for second in range(0, 3000, 5)]


def row(number: int, body: bytes | None) -> dict[str, Any]:
    return {
        "SequenceNumber": number,
        "Offset": str(number * 100),
        "EnqueuedTimeUtc": "10/5/2026 12:00:00 AM",
        "SystemProperties": {"x-opt-kafka": 1},
        "Properties": {"a": "b", "c": None},
        "Body": body,
    }


def captured(bodies: list[bytes | None], codec: str = "deflate", schema: dict[str, Any] = SCHEMA) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, schema, [row(number, body) for number, body in enumerate(bodies)], codec, sync_interval=4000)
    return out.getvalue()


BODIES: list[bytes | None] = [message(SECONDS[at : at + 7]) for at in range(0, len(SECONDS), 7)]


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_the_messages_of_a_capture_are_read_in_order(codec: str, tmp_path: Path) -> None:
    path = tmp_path / "27.avro"
    path.write_bytes(captured([None, b"", *BODIES], codec))
    source = FileSource([str(tmp_path)])
    assert seconds_of(source) == SECONDS
    assert not source.failures


def test_partitions_are_merged_by_time_and_an_idle_one_is_empty(tmp_path: Path) -> None:
    for partition in range(3):
        folder = tmp_path / f"ns/hub/{partition}/2026/10/05/00/00"
        folder.mkdir(parents=True)
        (folder / "00.avro").write_bytes(captured(BODIES[partition::2] if partition < 2 else []))
    source = FileSource([str(tmp_path)])
    assert seconds_of(source) == SECONDS
    assert not source.failures


def test_any_cut_is_told_and_what_comes_before_is_read(tmp_path: Path) -> None:
    data = captured(BODIES)
    path = tmp_path / "f.avro"
    for size in range(5, len(data), 97):
        path.write_bytes(data[:size])
        source = FileSource([str(path)])
        found = seconds_of(source)
        assert found == SECONDS[: len(found)]
        assert len(found) == len(SECONDS) or [failure.place for failure in source.failures] == [str(path)] or not found


def test_any_changed_byte_costs_a_failure_at_most(tmp_path: Path) -> None:
    data = captured(BODIES)
    path = tmp_path / "f.avro"
    for at in range(4, len(data), 131):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        source = FileSource([str(path)])
        list(source)
        assert all(failure.message.endswith(".") for failure in source.failures)


def test_a_block_that_unfolds_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.sources.capture._LONGEST_BLOCK", 2**20)
    path = tmp_path / "f.avro"
    path.write_bytes(captured([bytes(2**21)]))
    source = FileSource([str(path)])
    assert list(source) == []
    assert "damaged" in source.failures[0].message


def test_avro_of_another_kind_is_refused_with_advice(tmp_path: Path) -> None:
    schema = {"type": "record", "name": "Other", "fields": [{"name": "a", "type": "string"}]}
    out = io.BytesIO()
    fastavro.writer(out, schema, [{"a": "b"}])
    (tmp_path / "f.avro").write_bytes(out.getvalue())
    source = FileSource([str(tmp_path)])
    assert list(source) == []
    assert "no column Body" in source.failures[0].message


def test_a_message_beyond_the_limit_is_told(tmp_path: Path) -> None:
    (tmp_path / "f.avro").write_bytes(captured([record(1), os.urandom(9000), record(2)]))
    source = FileSource([str(tmp_path)], max_line_bytes=5000)
    list(source)
    assert "longer than 5,000 bytes" in source.failures[0].message
