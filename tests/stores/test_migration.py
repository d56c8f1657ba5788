"""Formats: an older store is converted in one transaction, a newer one is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from detector.stores.alerts import Alerts
from detector.stores.errors import StoreError, StoreTooNew
from detector.stores.schema import STEPS, Step, create_table
from tests.stores.stage import NOW, Facts, alert, batch, content, loaded, opened


def with_notes() -> tuple[Step, ...]:
    """A release after this one: it has a table for notes, and made one note out of each position."""

    def notes(connection: sqlite3.Connection) -> None:
        from detector.stores.checksums import checked

        create_table(connection, "notes", "id INTEGER NOT NULL PRIMARY KEY, text TEXT NOT NULL")
        for number, (mark,) in enumerate(connection.execute("SELECT mark FROM positions ORDER BY 1").fetchall()):
            connection.execute("INSERT INTO notes VALUES (?, ?, ?)", checked(number, mark))

    return (*STEPS, notes)


def test_an_older_store_is_converted_and_keeps_everything(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(batch(1))
        want = loaded(store)
    facts = Facts()
    with opened(tmp_path, facts, steps=with_notes()) as store:
        assert loaded(store) == want
        assert {row[:2] for row in content(tmp_path)["notes"]} == {(0, "1"), (1, "offset-1")}
        store.commit(batch(2))
    assert facts.of("store_migrated") == [(1, 2)]
    with opened(tmp_path, facts, steps=with_notes()) as store:
        assert store.opening == "kept"
    assert facts.of("store_migrated") == [(1, 2)]
    assert not facts.of("store_corrupted")


def test_a_newer_store_is_refused_with_advice_and_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path, steps=with_notes()) as store:
        store.commit(batch(1))
    before = (tmp_path / "store.db").read_bytes()
    with pytest.raises(StoreTooNew, match=r"format 2, this release knows up to 1\. Use the release that wrote it"):
        opened(tmp_path)
    with pytest.raises(StoreTooNew, match="format 2"):
        Alerts.open(tmp_path, now=lambda: NOW)
    assert (tmp_path / "store.db").read_bytes() == before


def test_the_copy_from_before_the_conversion_serves_the_older_release(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(batch(1))
        want = loaded(store)
    with opened(tmp_path, steps=with_notes()) as store:
        store.commit(batch(2))
        store.snapshot()
    (tmp_path / "store.db").unlink()
    facts = Facts()
    with opened(tmp_path, facts) as store:
        assert store.opening == "restored"
        assert loaded(store) == want
    assert [name for name, _ in facts.of("snapshot_ignored")] == ["snapshot-00000002"]


def test_a_conversion_that_fails_leaves_the_old_store(tmp_path: Path) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE state")
        raise ZeroDivisionError

    with opened(tmp_path) as store:
        store.commit(batch(1))
        want = loaded(store)
    with pytest.raises(ZeroDivisionError):
        opened(tmp_path, steps=(*STEPS, broken))
    with opened(tmp_path) as store:
        assert store.opening == "kept"
        assert loaded(store) == want


def test_the_command_leaves_an_older_store_to_the_service(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(batch(1, alerts=[alert(1)]))
    with pytest.raises(StoreError, match="Start the service once"):
        Alerts.open(tmp_path, now=lambda: NOW, steps=with_notes())
