"""Trouble that is no damage is told as what it is, and leftovers are cleared away."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from detector.stores import integrity
from detector.stores.database import Database, raise_translated
from detector.stores.errors import StoreCorrupted, StoreUnavailable
from detector.stores.lock import Lock
from detector.stores.schema import STEPS
from detector.stores.wal import commits_lost
from tests.stores.stage import batch, killed, loaded, opened


def failing(name: str | None) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("what SQLite says")
    if name is not None:
        error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SQLITE_FULL", StoreUnavailable),
        ("SQLITE_IOERR_FSYNC", StoreUnavailable),
        ("SQLITE_BUSY_SNAPSHOT", StoreUnavailable),
        ("SQLITE_READONLY_DBMOVED", StoreUnavailable),
        ("SQLITE_CORRUPT_INDEX", StoreCorrupted),
        ("SQLITE_NOTADB", StoreCorrupted),
        (None, StoreCorrupted),
        ("SQLITE_ERROR", sqlite3.OperationalError),
    ],
)
def test_an_error_of_sqlite_says_what_to_do(name: str | None, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        raise_translated(failing(name), Path("store.db"))
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (failing("SQLITE_IOERR_READ"), StoreUnavailable),
        (failing("SQLITE_ERROR"), StoreCorrupted),
        (failing(None), StoreCorrupted),
        (sqlite3.DatabaseError("malformed"), StoreCorrupted),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), StoreCorrupted),
        (PermissionError(13, "Permission denied"), StoreUnavailable),
    ],
)
def test_a_disk_that_cannot_be_read_is_not_taken_for_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[Exception]
) -> None:
    opened(tmp_path).close()

    def broken(*_: object) -> int:
        raise error

    monkeypatch.setattr(integrity, "_inspect", broken)
    with pytest.raises(kind):
        integrity.inspect(tmp_path / "store.db", STEPS)
    if kind is StoreUnavailable:
        with pytest.raises(StoreUnavailable):
            opened(tmp_path)
        assert not (tmp_path / "damaged").exists()


def test_an_epoch_that_cannot_be_written_down_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        opened(tmp_path)
    monkeypatch.undo()
    opened(tmp_path).close()


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff", b'{"epoch": -3}', b'{"epoch": "4"}'])
def test_a_lock_file_of_any_content_can_be_taken(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "store.lock").write_bytes(text)
    lock = Lock(tmp_path)
    assert (lock.epoch, lock.used) == (0, bool(text))
    lock.record(5)
    lock.release()
    lock.release()
    again = Lock(tmp_path)
    assert again.epoch == 5
    again.release()


def test_leftovers_of_a_copy_are_removed(tmp_path: Path) -> None:
    (tmp_path / "store.db.tmp").write_bytes(b"half")
    opened(tmp_path).close()
    assert not (tmp_path / "store.db.tmp").exists()


def test_a_file_that_is_no_database_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"nonsense" * 1000)
    with pytest.raises(StoreCorrupted):
        Database(tmp_path / "x", "rw")
    with pytest.raises(StoreUnavailable):
        Database(tmp_path / "y", "rw")


@pytest.mark.parametrize(
    ("place", "harm"),
    [(0, b"\0"), (5, b"\xff"), (10, b"\xff"), (17, b"\xff"), (30, b"\xff")],
)
def test_commits_behind_a_damaged_head_of_the_log_are_counted(tmp_path: Path, place: int, harm: bytes) -> None:
    with opened(tmp_path / "live") as store:
        for number in range(4):
            store.commit(batch(number))
        directory = killed(tmp_path / "live", tmp_path / "killed")
    path = directory / "store.db"
    assert commits_lost(path) == 0
    log = path.with_name("store.db-wal")
    data = bytearray(log.read_bytes())
    data[place : place + 1] = harm
    log.write_bytes(data)
    (directory / "store.db-shm").unlink()
    assert commits_lost(path) == 4
    with opened(directory) as store:
        assert loaded(store)["positions"] == {}


def test_a_log_that_never_got_its_last_frames_is_no_damage(tmp_path: Path) -> None:
    with opened(tmp_path / "live") as store:
        store.commit(batch(0))
        want = loaded(store)
        size = (tmp_path / "live" / "store.db-wal").stat().st_size
        store.commit(batch(1))
        directory = killed(tmp_path / "live", tmp_path / "killed")
    log = directory / "store.db-wal"
    log.write_bytes(log.read_bytes()[: size + 4120 + 100])
    assert commits_lost(directory / "store.db") == 0
    with opened(directory) as store:
        assert loaded(store) == want
