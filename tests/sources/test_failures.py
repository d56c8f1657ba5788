"""A file that cannot be read costs itself only, and is named."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from detector.sources.files import FileSource
from tests.sources.records import record, seconds_of, stamp

GOOD = [float(second) for second in range(0, 50_000, 5)]
LINES = b"\n".join(map(record, GOOD))


def damaged(data: bytes) -> bytes:
    """With its second half full of ones, which is no valid block in either format."""
    return data[: len(data) // 2] + b"\xff" * (len(data) // 2)


BROKEN: dict[str, tuple[bytes, str]] = {
    "gzip cut off": (gzip.compress(LINES)[:-2000], "cut off"),
    "gzip damaged": (damaged(gzip.compress(LINES)), "Copy it again"),
    "zstd cut off": (zstandard.compress(LINES)[:-2000], "cut off"),
    "zstd damaged": (damaged(zstandard.compress(LINES)), "damaged"),
    "avro": (b"Obj\x01\x04\x14avro.codec", "Avro"),
    "parquet": (b"PAR1\x15\x04\x15", "Parquet"),
    "zip": (b"PK\x03\x04\x14\x00", "zip"),
    "text": (b"Dear all,\nplease find enclosed\n", "neither JSON nor"),
    "binary": (bytes(range(256)) * 20, "neither JSON nor"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_and_the_next_one_is_read(name: str, tmp_path: Path) -> None:
    data, word = BROKEN[name]
    bad, good = tmp_path / "a", tmp_path / "b"
    bad.write_bytes(data)
    good.write_bytes(LINES)
    source = FileSource([str(bad), str(good)])
    found = seconds_of(source)
    assert set(GOOD) <= set(found)
    assert [failure.place for failure in source.failures] == [str(bad)]
    assert word in source.failures[0].message


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_what_comes_before_the_damage_is_read(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    lines = b"\n".join(record(second, os.urandom(40).hex()) for second in GOOD)
    path = tmp_path / "f"
    path.write_bytes(pack(lines)[:-5000])
    found = seconds_of(FileSource([str(path)]))
    assert len(found) > len(GOOD) // 2
    assert found == GOOD[: len(found)]


def test_paths_that_stand_for_nothing_are_failures(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    source = FileSource([str(tmp_path / "none"), str(tmp_path / "*.json"), str(tmp_path / "empty")])
    assert list(source) == []
    assert len(source.failures) == 3
    assert all(failure.message.endswith(".") for failure in source.failures)


def test_a_file_without_permission_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    path = tmp_path / "f"
    path.write_bytes(LINES)
    real = builtins.open

    def refusing(file: object, *args: object, **kwargs: object) -> object:
        if file == str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real(file, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(builtins, "open", refusing)
    source = FileSource([str(path)])
    assert list(source) == []
    assert "Permission denied" in source.failures[0].message


def test_a_file_is_read_once_however_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_bytes(LINES)
    (tmp_path / "link.json").symlink_to(path)
    source = FileSource([str(tmp_path), str(path), str(tmp_path / "*.json")])
    assert seconds_of(source) == GOOD


def test_in_directories_only_files_of_records_are_read(tmp_path: Path) -> None:
    for name in ("a.json", "b.yaml", ".hidden.json", ".git/c.json", "sub/d.JSONL", "out.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(record(len(name)))
    source = FileSource([str(tmp_path)], exclude=[str(tmp_path / "out.json")])
    assert sorted(os.path.basename(path) for path in source.paths) == ["a.json", "d.JSONL"]
    assert [os.path.basename(path) for path in source.ignored] == ["b.yaml"]


def test_empty_files_are_no_failure(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"")
    (tmp_path / "b.json").write_bytes(gzip.compress(b""))
    source = FileSource([str(tmp_path)])
    assert list(source) == []
    assert source.failures == []


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(LINES))
    writer.start()
    assert seconds_of(FileSource([str(pipe)])) == GOOD
    writer.join()


def test_a_bomb_comes_in_pieces() -> None:
    import io

    bomb = zstandard.compress(b"\n" * 300_000_000)
    sizes = [len(chunk.data) for chunk in FileSource(["-"], stdin=io.BytesIO(bomb))]
    assert sizes == []


def test_a_damaged_table_gives_the_rows_before_and_fails(tmp_path: Path) -> None:
    import csv

    path = tmp_path / "f.csv"
    rows = "".join(f"{stamp(second)},x\n" for second in (1, 2, 3))
    path.write_text(f'CreatedDateTime,Id\n{rows}{stamp(4)},"{"y" * 40_000_000}"\n', encoding="utf-8")
    before = csv.field_size_limit()
    source = FileSource([str(path)])
    assert seconds_of(source) == [1, 2, 3]
    assert "The CSV is damaged" in source.failures[0].message
    csv.field_size_limit(before)


def test_brackets_that_do_not_match_end_a_text_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_bytes(b"[\n" + record(1) + b",\n{" + (b'"x": {' + b" " * 100) * 2000)
    source = FileSource([str(path)], max_line_bytes=10_000)
    assert seconds_of(source) == [1]
    assert "brackets do not match" in source.failures[0].message
