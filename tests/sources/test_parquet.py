"""Parquet files, written by the reference library: the same records as in any other form, within bounds."""

from __future__ import annotations

import gzip
import io
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.engine.engine import Engine
from detector.errors import SourceError
from detector.runtime.replay import replay
from detector.runtime.summary import Summary
from detector.sources.chunk import Chunk
from detector.sources.files import FileSource, Manner
from detector.sources.parquet import frames, worker
from detector.sources.parquet.reader import ParquetReader
from tests.archive import on_time, sampled
from tests.live.stream import stream
from tests.sources.records import START, record, seconds_of, stamp
from tests.tables import json_lines, parquet, rows_of

SECONDS = [float(second) for second in range(0, 30_000, 5)]
ROWS = [{"CreatedDateTime": stamp(second), "Id": f"r-{second}", "Agent": '{"agentType": "x"}'} for second in SECONDS]


@cache
def logs() -> list[dict[str, Any]]:
    """A quarter of what half a day of a tenant brings; not made by a worker that needs none of it."""
    return rows_of(sampled(on_time(stream(days=0.5, agents=6)), 4))


def judged(*paths: Path) -> tuple[list[str], Summary, FileSource]:
    settings = load()
    found: list[str] = []
    source = FileSource([str(path) for path in paths], lateness=settings.lateness)
    decoder = Decoder(**decoder_settings(settings))
    summary = replay(source, decoder, Engine(engine_settings(settings)), on_alert=lambda alert: found.append(alert.id))
    return sorted(found), summary, source


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], Summary]:
    path = tmp_path_factory.mktemp("lines") / "export.jsonl"
    path.write_bytes(json_lines(logs()))
    found, summary, _ = judged(path)
    assert found
    return path, found, summary


# The same records


@pytest.mark.parametrize(
    ("typed", "compression"), [(True, "none"), (True, "snappy"), (True, "gzip"), (True, "zstd"), (False, "snappy")]
)
def test_a_table_gives_the_alerts_of_the_same_rows_as_json_lines(
    typed: bool, compression: str, lines: tuple[Path, list[str], Summary], tmp_path: Path
) -> None:
    path = tmp_path / "export.parquet"
    path.write_bytes(parquet(logs(), typed=typed, compression=compression, row_group_size=300))
    found, summary, source = judged(path)
    assert found == lines[1]
    assert summary.accounting == lines[2].accounting
    assert source.failures == []


@pytest.mark.parametrize(
    "options",
    [
        {"use_dictionary": False},
        {"version": "1.0", "use_deprecated_int96_timestamps": True},
        {"data_page_version": "2.0", "data_page_size": 5_000},
        {"use_dictionary": False, "column_encoding": {"Id": "DELTA_BYTE_ARRAY", "Type": "DELTA_LENGTH_BYTE_ARRAY"}},
        {"store_schema": False, "write_statistics": False},
    ],
)
def test_however_it_is_written(options: dict[str, Any], lines: tuple[Path, list[str], Summary], tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    path.write_bytes(parquet(logs(), **options))
    assert judged(path)[0] == lines[1]


def test_what_is_in_a_table_and_in_lines_counts_once(lines: tuple[Path, list[str], Summary], tmp_path: Path) -> None:
    half = tmp_path / "half.parquet"
    half.write_bytes(parquet(logs()[: len(logs()) // 2]))
    found, summary, _ = judged(half, lines[0])
    assert found == lines[1]
    more = summary.accounting.received - lines[2].accounting.received
    assert more == len(logs()) // 2
    assert summary.accounting.applied == lines[2].accounting.applied


def test_rows_in_any_order_and_in_several_files_come_in_order_of_time(tmp_path: Path) -> None:
    mixed = ROWS[:]
    random.Random(4).shuffle(mixed)
    for number in range(3):
        (tmp_path / f"{number}.parquet").write_bytes(parquet(mixed[number::3], row_group_size=300))
    source = FileSource([str(tmp_path)])
    assert seconds_of(source) == SECONDS
    assert source.failures == []


def test_an_archived_hour_may_be_a_table(tmp_path: Path) -> None:
    for hour in range(3):
        path = tmp_path / f"am-aadserviceprincipalsigninlogs/y=2026/m=10/d=05/h=0{hour}/m=00/PT1H.parquet"
        path.parent.mkdir(parents=True)
        path.write_bytes(parquet([row for row, at in zip(ROWS, SECONDS, strict=True) if at // 3600 == hour]))
    source = FileSource([str(tmp_path)], manner=Manner(hashed=True))
    assert seconds_of(source) == [second for second in SECONDS if second < 3 * 3600]
    assert [each.status for each in source.readings] == ["read"] * 3
    assert all(each.sha256 and each.form == "parquet" and each.read == each.size for each in source.readings)


PACKINGS: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_table_may_be_packed_and_come_through_a_pipe(packing: str, tmp_path: Path) -> None:
    data = PACKINGS[packing](parquet(ROWS))
    assert seconds_of(FileSource(["-"], stdin=io.BytesIO(data))) == SECONDS
    (tmp_path / "f").write_bytes(data)
    assert seconds_of(FileSource([str(tmp_path / "f")])) == SECONDS


def test_a_reading_goes_on_in_the_middle_of_a_table(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}.parquet").write_bytes(parquet(ROWS[number::2], row_group_size=500))
    source = FileSource([str(tmp_path)])
    found, position = [], None
    for number, chunk in enumerate(source):
        found.append(chunk)
        if number >= 9 and (position := source.position) is not None:
            break
    assert position is not None
    rest = FileSource([str(tmp_path)], manner=Manner(position=position))
    assert seconds_of([*found, *rest]) == SECONDS


# Values


def written(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def reader() -> Iterator[ParquetReader]:
    with closing(ParquetReader()) as made:
        yield made


def chunks_of(reader: ParquetReader, data: bytes, most: int = 2**20) -> list[Chunk]:
    return list(reader.rows(iter((data,)), "f", most))


def rows_in(reader: ParquetReader, data: bytes) -> list[dict[str, str]]:
    return [dict(row) for chunk in chunks_of(reader, data) for row in chunk.rows]


MOMENT = datetime(2026, 10, 5, 8, 0, 1, 250_000)  # noqa: DTZ001 -- columns of times may have no zone
TEXTS: dict[str, tuple[Any, str]] = {
    "text": (pa.array(["x"]), "x"),
    "long text": (pa.array(["x"], pa.large_string()), "x"),
    "bytes": (pa.array([b"x\xff"]), "x\ufffd"),
    "bytes of fixed length": (pa.array([b"xy"], pa.binary(2)), "xy"),
    "truth": (pa.array([True]), "true"),
    "number": (pa.array([50126]), "50126"),
    "number among nulls": (pa.array([50126.0]), "50126"),
    "fraction": (pa.array([0.5]), "0.5"),
    "decimal": (pa.array([Decimal("1.50")]), "1.50"),
    "moment": (pa.array([MOMENT.replace(tzinfo=UTC)], pa.timestamp("us", "UTC")), "2026-10-05T08:00:01.250000Z"),
    "moment without a zone": (pa.array([MOMENT], pa.timestamp("ms")), "2026-10-05T08:00:01.250000Z"),
    "moment of another zone": (
        pa.array([MOMENT.replace(tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin")),
        "2026-10-05T08:00:01.250000Z",
    ),
    "nanoseconds": (pa.array([1_759_651_200_123_456_789], pa.timestamp("ns")), "2025-10-05T08:00:00.123456Z"),
    "day": (pa.array([date(2026, 10, 5)]), "2026-10-05"),
    "time of day": (pa.array([clock_time(8, 0)]), "08:00:00.000000"),
    "length of time": (pa.array([timedelta(seconds=2)], pa.duration("ms")), "2000"),
    "recurring text": (pa.array(["x"]).dictionary_encode(), "x"),
    "structure": (pa.array([{"a": 1, "b": None, "c": {"d": "x"}}]), '{"a":1,"c":{"d":"x"}}'),
    "list": (pa.array([["x", None, "y"]]), '["x",null,"y"]'),
    "list of structures": (pa.array([[{"a": MOMENT}]]), '[{"a":"2026-10-05T08:00:01.250000Z"}]'),
    "map": (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), '{"k":1}'),
    "list of fixed length": (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), "[1,2]"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_value_of_any_kind_is_the_text_of_an_export(kind: str, reader: ParquetReader) -> None:
    array, text = TEXTS[kind]
    null = pa.nulls(1, array.type)
    table = pa.table({"c": pa.chunked_array([null, array, null, array]), "n": pa.array([1, 2, 3, 4])})
    found = rows_in(reader, written(table))
    assert found == [{"n": "1"}, {"c": text, "n": "2"}, {"n": "3"}, {"c": text, "n": "4"}]


def test_nothing_and_numbers_that_are_none_are_left_out(reader: ParquetReader) -> None:
    table = pa.table({"n": pa.nulls(1), "t": [""], "f": [float("nan")], "x": ["x"]})
    assert rows_in(reader, written(table)) == [{"x": "x"}]


def test_empty_structures_and_lists_are_told_apart_from_nulls(reader: ParquetReader) -> None:
    kind = pa.list_(pa.struct([("a", pa.string())]))
    table = pa.table({"c": pa.array([None, [], [None], [{"a": None}], [{"a": "x"}, {"a": "y"}]], kind), "n": range(5)})
    texts = [row.get("c") for row in rows_in(reader, written(table))]
    assert texts == [None, "[]", "[null]", "[{}]", '[{"a":"x"},{"a":"y"}]']


def test_text_that_is_not_utf_8_is_replaced(reader: ParquetReader) -> None:
    broken = pa.Array.from_buffers(pa.string(), 1, [None, *pa.array([b"a\xffb"]).buffers()[1:]])
    for dictionary in (True, False):
        assert rows_in(reader, written(pa.table({"c": broken}), use_dictionary=dictionary)) == [{"c": "a\ufffdb"}]


def test_a_row_in_the_shape_of_a_message_is_sorted_by_the_time_in_it(tmp_path: Path) -> None:
    records = [json.loads(record(second)) for second in SECONDS]
    random.Random(5).shuffle(records)
    for typed in (True, False):
        (tmp_path / "f").write_bytes(parquet(records, typed=typed))
        source = FileSource([str(tmp_path / "f")])
        found = [json.loads(row["properties"])["createdDateTime"] for chunk in source for row in chunk.rows]
        assert found == [stamp(second) for second in SECONDS]


# What cannot be read


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = tmp_path / "a.parquet", tmp_path / "b"
    bad.write_bytes(parquet(ROWS))
    good.write_bytes(record(1))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    source = FileSource([str(tmp_path)])
    assert seconds_of(source) == [1]
    assert [failure.place for failure in source.failures] == [str(bad)]
    assert "entra-agent-detector[parquet]" in source.failures[0].message
    assert {each.place: each.status for each in source.readings} == {str(bad): "failed", str(good): "read"}


def read_beside_a_good_one(data: bytes, folder: Path) -> tuple[list[float], FileSource]:
    """What is found of a file; the one beside it is read whatever that is."""
    bad, good = folder / "a.parquet", folder / "b"
    bad.write_bytes(data)
    good.write_bytes(record(-5))
    source = FileSource([str(bad), str(good)])
    found = seconds_of(source)
    assert -5.0 in found
    assert {failure.place for failure in source.failures} <= {str(bad)}
    return [second for second in found if second >= 0], source


def test_any_cut_is_told(tmp_path: Path) -> None:
    data = parquet(ROWS)
    for size in [*range(4, 40, 5), *range(40, len(data), len(data) // 20)]:
        found, source = read_beside_a_good_one(data[:size], tmp_path)
        assert found == []
        assert "cut off or damaged" in source.failures[0].message
        assert source.readings[0].status == "failed"


def test_what_comes_before_damage_is_read(tmp_path: Path) -> None:
    data = parquet(ROWS, row_group_size=1000, compression="none")
    metadata = pq.read_metadata(io.BytesIO(data))
    start = metadata.row_group(4).column(0).dictionary_page_offset
    end = metadata.row_group(5).column(0).dictionary_page_offset
    found, source = read_beside_a_good_one(data[:start] + b"\xff" * (end - start) + data[end:], tmp_path)
    assert "damaged" in source.failures[0].message
    assert found in ([], SECONDS[:4000])


def test_damage_anywhere_costs_that_file_only(reader: ParquetReader) -> None:
    """Some bytes are changed; some of these files end the library's process, as they would have ended ours."""
    chance = random.Random(6)
    data = parquet(ROWS[:300], typed=False, row_group_size=100, compression="zstd")
    failures = []
    for _ in range(120):
        changed = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(4, len(changed))] = chance.randrange(256)
        try:
            assert sum(len(chunk.rows) for chunk in chunks_of(reader, bytes(changed))) <= 300
        except SourceError as error:
            failures.append(error.message)
        assert rows_in(reader, data) == ROWS[:300]
    assert len(failures) > 40


def test_an_encrypted_table_is_refused(tmp_path: Path) -> None:
    _, source = read_beside_a_good_one(b"PARE" + bytes(50) + b"PARE", tmp_path)
    assert "encrypted" in source.failures[0].message


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    for make in (lambda **_: Full(), lambda **_: Full().write(b"")):
        monkeypatch.setattr(worker, "TemporaryFile", make)
        asked, told = io.BytesIO(), io.BytesIO()
        for piece in (msgspec.msgpack.encode(frames.Request(2**20, None, None)), parquet(ROWS), b""):
            frames.write(asked, piece)
        asked.seek(0)
        worker.serve(asked, told)
        told.seek(0)
        answer = frames.ANSWER.decode(frames.read(told))
        assert isinstance(answer, frames.Failed)
        assert "TMPDIR" in answer.message


def test_a_process_that_dies_costs_one_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a damaged file has been seen to do to the library."""
    started = []

    class Dying(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)
            if len(started) == 1:
                self.kill()

    monkeypatch.setattr(subprocess, "Popen", Dying)
    for number in range(3):
        (tmp_path / f"{number}.parquet").write_bytes(parquet(ROWS[number::3]))
    with closing(ParquetReader()) as reader:
        with pytest.raises(SourceError, match="broke the library"):
            list(reader.rows(iter((parquet(ROWS),)), "f", 2**20))
        for _ in range(3):
            assert sum(len(chunk.rows) for chunk in reader.rows(iter((parquet(ROWS),)), "f", 2**20)) == len(ROWS)
    assert len(started) == 2, "one process reads file after file"
    assert all(process.poll() is not None for process in started)


def test_a_reading_that_is_broken_off_ends_its_process(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(parquet(ROWS * 20))
    before = set(psutil.Process().children())
    reading = iter(FileSource([str(tmp_path / "f")]))
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    with closing(ParquetReader()) as reader:
        chunks = reader.rows(iter((parquet(ROWS * 20),)), "f", 2**20)
        next(chunks)
        chunks.close()  # type: ignore[attr-defined]
        assert set(psutil.Process().children()) == before


# Bounds


def held_in_order(data: bytes, count: int) -> tuple[list[Chunk], int]:
    """Some chunks, and the greatest resident memory of the process that made them, in bytes."""
    with closing(ParquetReader()) as reader:
        chunks = reader.rows(iter((data,)), "f", 8 * 2**20)
        found, most = [], 0
        try:
            for chunk in islice(chunks, count):
                found.append(chunk)
                most = max(most, *(child.memory_info().rss for child in psutil.Process().children()))
        finally:
            chunks.close()  # type: ignore[attr-defined]
    return found, most


def test_a_value_that_comes_many_times_is_not_made_many_times() -> None:
    """A dictionary of one long text, and 100,000 rows that name it: 100 GB, if all were made at once."""
    long = pa.array(["x" * 2**20]).dictionary_encode()
    many = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), long.dictionary)
    data = written(pa.table({"Id": pa.array(range(100_000)), "Agent": many}))
    assert len(data) < 3 * 2**20
    found, most = held_in_order(data, 20)
    assert all(1 <= len(chunk.rows) <= 8 for chunk in found)
    assert most < 300 * 2**20


@pytest.mark.parametrize("count", [100_000, 1])
def test_a_file_that_unfolds_beyond_the_limit_is_refused(count: int) -> None:
    """A column over a dictionary of one long text; and one value that is a thousand times longer than the file."""
    size = 2**21 if count > 1 else 400 * 2**20
    long = pa.array([b"\0" * size])
    table = pa.table({"v": pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), long)})
    data = written(table, store_schema=False, compression="zstd", write_statistics=False)
    assert len(data) < 2**20
    with pytest.raises(SourceError, match="memory"):
        held_in_order(data, 10)


def test_a_row_that_is_too_long_is_refused_and_those_around_it_are_read(reader: ParquetReader) -> None:
    for nested in (False, True):
        long = ["x" * 40_000] * 50
        values: list[Any] = ["a", "".join(long), "c"] if not nested else [["a"], long, ["c"]]
        data = written(pa.table({"Id": ["1", "2", "3"], "v": values}))
        chunks = chunks_of(reader, data)
        assert [chunk.form for chunk in chunks] == ["rows", "refused", "rows"]
        assert [chunk.line for chunk in chunks] == [1, 2, 3]
        (refused,) = chunks[1].refused
        assert (refused.reason, refused.data) == ("too_large", b'{"Id":"2"}')
        assert refused.size > 2_000_000


def test_values_that_share_their_beginnings_are_read_a_few_at_a_time(reader: ParquetReader) -> None:
    """Delta encoding: each of the values may be as long as the page, although its own part is a byte."""
    head = "x" * 100_000
    table = pa.table({"v": [f"{head}{number:04}" for number in range(2000)]})
    data = written(table, use_dictionary=False, column_encoding={"v": "DELTA_BYTE_ARRAY"}, data_page_size=2**30)
    assert len(data) < 2**20
    assert sum(len(chunk.rows) for chunk in chunks_of(reader, data)) == 2000


def test_an_index_without_end_is_refused(tmp_path: Path) -> None:
    _, source = read_beside_a_good_one(b"PAR1" + bytes(50) + (2**31 - 1).to_bytes(4, "little") + b"PAR1", tmp_path)
    assert "index" in source.failures[0].message


def test_time_is_counted_from_the_start() -> None:
    """The tests above compare with moments of this day."""
    assert datetime(2026, 10, 5, tzinfo=UTC) == START
