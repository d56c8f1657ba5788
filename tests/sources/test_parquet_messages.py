"""Parquet as Azure Stream Analytics writes what it takes from a hub: a column of records, or one record a row."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.domain.quarantine import Quarantined
from detector.engine.engine import Engine
from detector.runtime.replay import replay
from detector.runtime.summary import Summary
from detector.sources.files import FileSource
from detector.sources.parquet.reader import ParquetReader
from tests.archive import on_time, sampled
from tests.live.stream import stream

MOMENT = datetime(2026, 10, 5, 8, tzinfo=UTC)


@cache
def messages() -> list[list[dict[str, Any]]]:
    """The records of every second message of half a day; not made by a worker that needs none of it."""
    return [json.loads(message.body)["records"] for message in sampled(on_time(stream(days=0.5, agents=6)), 4)]


@cache
def all_records() -> list[dict[str, Any]]:
    return [record for records in messages() for record in records]


def of_the_job(count: int) -> dict[str, Any]:
    """The columns that a job adds; moments are INT96 in the file."""
    moments = pa.array([MOMENT] * count, pa.timestamp("us", "UTC"))
    return {
        "EventProcessedUtcTime": moments,
        "PartitionId": pa.array(range(count), pa.int64()),
        "EventEnqueuedUtcTime": moments,
    }


def written(columns: dict[str, Any], **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, use_deprecated_int96_timestamps=True, compression="snappy", **options)
    return out.getvalue()


def judged(path: Path) -> tuple[list[str], Summary, list[Quarantined]]:
    settings = load()
    found: list[str] = []
    refused: list[Quarantined] = []
    source = FileSource([str(path)], lateness=settings.lateness)
    summary = replay(
        source,
        Decoder(**decoder_settings(settings)),
        Engine(engine_settings(settings)),
        on_alert=lambda alert: found.append(alert.id),
        on_quarantine=refused.append,
    )
    assert source.failures == []
    return sorted(found), summary, refused


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Summary]:
    path = tmp_path_factory.mktemp("lines") / "hub.jsonl"
    path.write_bytes(b"\n".join(json.dumps({"records": records}).encode() for records in messages()))
    found, summary, _ = judged(path)
    assert found
    return found, summary


def _text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def _of_one_kind(values: Sequence[Any]) -> Any:
    """A member of many records as Arrow can hold it: what is of one kind here and of another there is text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([_text(value) for value in values])


def _structures(records: Sequence[dict[str, Any]]) -> Any:
    names = list(dict.fromkeys(name for record in records for name in record))
    return pa.StructArray.from_arrays([_of_one_kind([each.get(name) for each in records]) for name in names], names)


def array_of_structures() -> dict[str, Any]:
    ends = [0]
    for records in messages():
        ends.append(ends[-1] + len(records))
    return {"records": pa.ListArray.from_arrays(pa.array(ends, pa.int32()), _structures(all_records()))}


def array_as_text() -> dict[str, Any]:
    return {"Records": pa.array([json.dumps(records) for records in messages()])}


def array_of_texts() -> dict[str, Any]:
    return {"records": pa.array([[json.dumps(record) for record in records] for records in messages()])}


def structure_a_row() -> dict[str, Any]:
    return {"ArrayIndex": pa.array([0] * len(all_records())), "ArrayValue": _structures(all_records())}


def element_and_array_a_row() -> dict[str, Any]:
    """`SELECT *` behind `GetArrayElements`: the whole array beside each of its elements."""
    pairs = [(record, records) for records in messages() for record in records]
    return {
        "records": pa.array([json.dumps(records) for _, records in pairs]),
        "records_ArrayValue": pa.array([json.dumps(record) for record, _ in pairs]),
    }


def record_a_row() -> dict[str, Any]:
    structures = _structures(all_records())
    return {field.name: structures.field(field.name) for field in structures.type}


def record_a_row_as_text() -> dict[str, Any]:
    names = dict.fromkeys(name for record in all_records() for name in record)
    return {name: pa.array([_text(record.get(name)) for record in all_records()]) for name in names}


SHAPES: list[Callable[[], dict[str, Any]]] = [
    array_of_structures,
    array_as_text,
    array_of_texts,
    structure_a_row,
    element_and_array_a_row,
    record_a_row,
    record_a_row_as_text,
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_what_a_job_writes_gives_the_alerts_of_the_messages_it_took(
    shape: Callable[[], dict[str, Any]], wanted: tuple[list[str], Summary], tmp_path: Path
) -> None:
    columns = shape()
    (tmp_path / "f.parquet").write_bytes(written({**columns, **of_the_job(len(next(iter(columns.values()))))}))
    found, summary, refused = judged(tmp_path / "f.parquet")
    assert refused == []
    assert summary.accounting == wanted[1].accounting
    assert found == wanted[0]


def _small(value: Any) -> Any:
    if isinstance(value, dict):
        return {name.lower(): _small(inner) for name, inner in value.items()}
    return [_small(inner) for inner in value] if isinstance(value, list) else value


def test_a_job_of_the_oldest_compatibility_level_writes_names_in_small_letters(
    wanted: tuple[list[str], Summary], tmp_path: Path
) -> None:
    columns = {"records": pa.array([json.dumps(_small(records)) for records in reversed(messages())])}
    (tmp_path / "f").write_bytes(written({**columns, **of_the_job(len(messages()))}))
    found, summary, refused = judged(tmp_path / "f")
    assert refused == []
    assert summary.accounting == wanted[1].accounting
    assert found == wanted[0]


def test_rows_that_hold_no_record_are_counted_and_put_by(tmp_path: Path) -> None:
    """A job is known to write nulls for structures that it cannot write; and some of a hub's messages are broken."""
    good = json.dumps([record for record in all_records() if record["category"] == "ServicePrincipalSignInLogs"][:3])
    values = [good, None, '[{"time": ', "[]", "hello", '[7, null, "[1", {"category": "AuditLogs"}]', "7"]
    (tmp_path / "f").write_bytes(written({"records": pa.array(values), **of_the_job(len(values))}))
    _, summary, refused = judged(tmp_path / "f")
    assert summary.accounting.applied == 3
    assert summary.accounting.filtered == {"empty": 2}
    assert sum(summary.accounting.quarantined.values()) == len(refused) == 7
    assert {each.reason for each in refused} == {"unsupported_shape"}
    assert any(b"EventEnqueuedUtcTime" in each.data for each in refused), "a row that says nothing is told whole"
    assert any(each.data == b'{"records":"[1"}' for each in refused)


def test_a_few_rows_with_many_records_are_told_a_few_at_a_time() -> None:
    many = json.dumps([{"category": "AuditLogs", "number": number} for number in range(1000)])
    data = written({"records": pa.array([many, many])})
    with closing(ParquetReader()) as reader:
        chunks = list(reader.rows(iter((data,)), "f", 2**20))
    assert max(len(chunk.rows) for chunk in chunks) == 200
    assert [row["number"] for chunk in chunks for row in chunk.rows] == [*map(str, range(1000))] * 2
