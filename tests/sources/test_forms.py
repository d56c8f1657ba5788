"""Every form in which records lie on a disk gives the same records."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from detector.sources.chunk import CHUNK_BYTES
from detector.sources.files import FileSource
from detector.sources.lines import record_lines
from detector.sources.sniff import kind_of
from tests.sources.records import message, record, seconds_of, stamp

SECONDS = [float(second) for second in range(0, 6000, 10)]


def table() -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["TimeGenerated [UTC]", "CreatedDateTime", "Agent"])
    for second in SECONDS:
        writer.writerow([stamp(second), stamp(second), '{"agentType":\n"agenticAppInstance"}'])
    return text.getvalue().encode()


def pages() -> bytes:
    records = [json.loads(record(second)) for second in SECONDS]
    return json.dumps({"@odata.context": "x", "value": records, "@odata.nextLink": "y"}, indent=2).encode()


FORMS: dict[str, bytes] = {
    "json lines of records": b"\n".join(map(record, SECONDS)),
    "json lines with windows line ends, as in PT1H.json": b"\r\n".join(map(record, SECONDS)) + b"\r\n",
    "json lines of messages": b"\n\n".join(message(SECONDS[at : at + 7]) for at in range(0, len(SECONDS), 7)),
    "one message": message(SECONDS),
    "a message, printed prettily": json.dumps(json.loads(message(SECONDS)), indent=1).encode(),
    "an array": b"[" + b",".join(map(record, SECONDS)) + b"]",
    "an array over lines": b"[\n" + b",\n".join(map(record, SECONDS)) + b"\n]\n",
    "a pretty array": json.dumps([json.loads(record(second)) for second in SECONDS], indent=4).encode(),
    "a page of Graph": pages(),
    "an array of messages": b"[" + b",".join(message(SECONDS[at : at + 50]) for at in range(0, 600, 50)) + b"]",
    "texts one after the other": b"".join(
        json.dumps(json.loads(message(SECONDS[at : at + 50])), indent=1).encode() for at in range(0, 600, 50)
    ),
    "csv": table(),
}

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "utf-16": lambda data: data.decode().encode("utf-16"),
    "gzip": gzip.compress,
    "gzip of several members": lambda data: gzip.compress(data[:999]) + gzip.compress(data[999:]) + b"\0" * 50,
    "zstd": zstandard.compress,
    "zstd of several frames": lambda data: zstandard.compress(data[:999]) + zstandard.compress(data[999:]),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("form", FORMS)
def test_a_form_in_any_packing_gives_all_records_in_order(form: str, packing: str, tmp_path: Path) -> None:
    file = tmp_path / "misleading.txt"
    file.write_bytes(PACKINGS[packing](FORMS[form]))
    source = FileSource([str(file)])
    assert seconds_of(source) == SECONDS
    assert source.failures == []
    assert source.bytes_done == source.bytes_total == file.stat().st_size


@pytest.mark.parametrize("form", FORMS)
def test_standard_input_takes_the_same_forms(form: str) -> None:
    assert seconds_of(FileSource(["-"], stdin=io.BytesIO(gzip.compress(FORMS[form])))) == SECONDS


def test_chunks_of_records_are_small_and_know_their_line(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"\n".join(map(record, map(float, range(5000)))))
    chunks = list(FileSource([str(file)]))
    lines = file.read_bytes().split(b"\n")
    assert len(chunks) > 3
    for chunk in chunks:
        assert len(chunk.data) <= 256 * 2**10
        assert chunk.data.startswith(lines[chunk.line - 1])
    assert b"".join(chunk.data for chunk in chunks) == file.read_bytes()


@pytest.mark.parametrize("length", [20, 3_000, 200_000])
@pytest.mark.parametrize("size", [999, 2**17, 2**20, 2**22])
def test_blocks_of_any_size_are_cut_into_chunks_that_know_their_line(length: int, size: int) -> None:
    chance = random.Random(length)
    lines = [b"x" * chance.randrange(length) + b"\n" for _ in range(4_000_000 // length)]
    data = b"".join(lines)
    chunks = list(record_lines(iter([data[at : at + size] for at in range(0, len(data), size)]), "f"))
    assert b"".join(chunk.data for chunk in chunks) == data
    assert all(len(chunk.data) <= max(CHUNK_BYTES * 3 // 2, length) + CHUNK_BYTES for chunk in chunks)
    assert [chunk.line for chunk in chunks] == [
        1 + sum(chunk.data.count(b"\n") for chunk in chunks[:at]) for at in range(len(chunks))
    ]


def test_messages_know_their_line_although_blank_lines_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(message([1]) + b"\n\n  \n" + message([2]) + b"\n")
    assert [chunk.line for chunk in FileSource([str(file)])] == [1, 4]


def test_a_line_that_is_too_long_is_refused_and_those_around_it_are_read(tmp_path: Path) -> None:
    file = tmp_path / "f"
    long = b'{"x": "' + b"y" * 5_000_000 + b'"}'
    file.write_bytes(record(1) + b"\n" + long + b"\n" + record(2) + b"\n" + record(3))
    chunks = list(FileSource([str(file)], max_line_bytes=100_000))
    refused = [chunk.refused[0] for chunk in chunks if chunk.form == "refused"]
    assert [(each.reason, each.size) for each in refused] == [("too_large", len(long))]
    assert long.startswith(refused[0].data)
    assert [chunk.line for chunk in chunks] == [1, 2, 3, 4]
    assert seconds_of(chunk for chunk in chunks if chunk.form != "refused") == [1, 2, 3]


def test_an_array_longer_than_memory_is_allowed_to_be_streams_by(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"[" + b",\n ".join(map(record, SECONDS)) + b"]")
    assert seconds_of(FileSource([str(file)], max_line_bytes=2000)) == SECONDS


def test_what_stands_between_records_is_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"[" + record(1) + b', 17, "text", nonsense, ' + record(2) + b", [3], null]")
    source = FileSource([str(file)])
    lines = b"\n".join(chunk.data for chunk in source).split(b"\n")
    assert lines == [record(1), b'17, "text", nonsense', record(2), b"[3]", b"null"]


def test_an_array_that_is_cut_off_gives_what_is_there_and_fails(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"[" + record(1) + b"," + record(2)[:-10])
    source = FileSource([str(file)])
    assert b"\n".join(chunk.data for chunk in source).split(b"\n") == [record(1), record(2)[:-10]]
    assert "cut off" in source.failures[0].message


def test_brackets_inside_strings_are_text(tmp_path: Path) -> None:
    file = tmp_path / "f"
    tricky = json.dumps({"createdDateTime": stamp(5), "n": '}]"records":[{\\"'}, indent=2).encode()
    file.write_bytes(b'{"value": [\n' + tricky + b",\n" + record(6) + b"\n]}")
    assert seconds_of(FileSource([str(file)])) == [5, 6]


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_it_does_not_matter_where_blocks_end(size: int) -> None:
    from detector.sources.documents import document_records

    data = FORMS["texts one after the other"][:20_000].rsplit(b"}{", 1)[0] + b"}"
    blocks = (data[at : at + size] for at in range(0, len(data), size))
    whole = list(document_records(iter((data,)), "f", 5000))
    assert b"\n".join(c.data for c in document_records(blocks, "f", 5000)) == b"\n".join(c.data for c in whole)
    assert len(b"\n".join(c.data for c in whole).split(b"\n")) >= 50


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", "empty"),
        (b"\r\n \n", "empty"),
        (b'{"a":1}', "records"),
        (b'{"a":1}\n{"a":2}', "records"),
        (b'{"a":1\n{"a":2}\n{"a":3}', "records"),
        (b'nonsense\n{"a":2}\n', "records"),
        (b'{"records":[]}\n{"records":[]}', "messages"),
        (b'{\n  "value": [', "document"),
        (b'[{"a":1}]', "document"),
        (b"[1]\n[2]\n", "messages"),
        (b'"TimeGenerated","Id"\n', "table"),
        (b"TimeGenerated [UTC],CreatedDateTime [UTC]\r\n", "table"),
        (b"a,b\n1,2\n", "foreign"),
        (b"# a note\n", "foreign"),
        (bytes(random.Random(1).randbytes(1000)), "foreign"),
    ],
)
def test_the_form_is_told_from_the_beginning(head: bytes, kind: str) -> None:
    assert kind_of(head) == kind
