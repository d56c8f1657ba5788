"""What is committed is what is loaded, all of it or nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from detector.domain.delivery import Position
from detector.stores.errors import Fenced, StoreCorrupted, StoreLocked, StoreUnavailable
from detector.stores.records import Commit, Committed, CoreRow, StateRow
from detector.stores.store import Store
from tests.stores.stage import Facts, alert, batch, content, killed, loaded, opened, workings


def test_a_new_store_is_empty(tmp_path: Path) -> None:
    facts = Facts()
    with opened(tmp_path / "a" / "b", facts) as store:
        assert store.opening == "new"
        assert store.epoch == 1
        assert not any(loaded(store).values())
        assert store.load().inflight == {}
    assert facts.of("store_opened") == [("new", 1, 0.0)]


def test_what_is_committed_is_loaded_by_the_next_owner(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        done = store.commit(
            Commit(
                state=[
                    StateRow("agent", "t", "a", b"\x00\xff", 3),
                    StateRow("agent", "t", "b", b""),
                    StateRow("blueprint", "t", "a", b"other"),
                    StateRow("agent", "ü\u202e", "a", b"foreign"),
                ],
                core=[CoreRow("said", b"ids", 2), CoreRow("parked", b"")],
                positions={"0": Position(7, "opaque"), "1": Position(-1, "")},
                identities={"hub": "2026"},
                digests={5: bytes(range(16)), 6: b""},
                counters={"received": 2**60},
                alerts=[alert(1)],
            )
        )
        assert done == Committed((alert(1).id,), (), ())
    with opened(tmp_path) as store:
        assert store.opening == "kept"
        assert store.epoch == 2
        assert loaded(store) == {
            "state": {
                ("agent", "t", "a"): (3, b"\x00\xff"),
                ("agent", "t", "b"): (1, b""),
                ("blueprint", "t", "a"): (1, b"other"),
                ("agent", "ü\u202e", "a"): (1, b"foreign"),
            },
            "core": {"said": CoreRow("said", b"ids", 2), "parked": CoreRow("parked", b"", 1)},
            "positions": {"0": Position(7, "opaque"), "1": Position(-1, "")},
            "identities": {"hub": "2026"},
            "digests": {5: [bytes(range(8)), bytes(range(8, 16))]},
            "counters": {"received": 2**60},
        }


def test_rows_are_replaced_and_deleted_and_the_last_of_a_batch_holds(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(Commit(state=[StateRow("agent", "t", name, b"1") for name in "abc"], core=[CoreRow("x", b"1")]))
        store.commit(
            Commit(
                state=[
                    StateRow("agent", "t", "a", None),
                    StateRow("agent", "t", "b", b"2"),
                    StateRow("agent", "t", "b", b"3"),
                    StateRow("agent", "t", "c", b"2"),
                    StateRow("agent", "t", "c", None),
                    StateRow("agent", "t", "never", None),
                ],
                core=[CoreRow("x", None)],
            )
        )
        got = loaded(store)
    assert got["state"] == {("agent", "t", "b"): (1, b"3")}
    assert got["core"] == {}


def test_positions_only_move_forward(tmp_path: Path) -> None:
    facts = Facts()
    with opened(tmp_path, facts) as store:
        store.commit(Commit(positions={"0": Position(10, "ten"), "1": Position(5, "five")}))
        store.commit(Commit(positions={"0": Position(9, "nine"), "1": Position(6, "six")}))
        assert loaded(store)["positions"] == {"0": Position(10, "ten"), "1": Position(6, "six")}
        assert facts.of("position_kept") == [("0",)]
        store.commit(Commit(positions={"0": Position(10, "ten again")}))
        assert loaded(store)["positions"]["0"] == Position(10, "ten again")
        assert facts.of("position_kept") == [("0",)]


def test_positions_go_back_only_on_demand(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(Commit(positions={"0": Position(10, "a"), "1": Position(10, "b")}, identities={"hub": "old"}))
        store.begin_inflight({"0": (11, 12)})
        store.forget_positions(["0", "unknown"], {"hub": "new"})
        assert loaded(store)["positions"] == {"1": Position(10, "b")}
        assert loaded(store)["identities"] == {"hub": "new"}
        store.commit(Commit(positions={"0": Position(1, "c")}))
        assert loaded(store)["positions"]["0"] == Position(1, "c")


def test_a_commit_can_be_repeated_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(batch(1))
        once = loaded(store)
        done = store.commit(batch(1))
        assert done == Committed((), (), (alert(1).id,))
        twice = loaded(store)
        assert {**once, "digests": {}} == {**twice, "digests": {}}
        assert {hour: set(ids) for hour, ids in once["digests"].items()} == {
            hour: set(ids) for hour, ids in twice["digests"].items()
        }
        assert [row.document for row in store.outbox.pending("webhook")] == [alert(1).document]


def test_an_alert_stays_as_it_was_first_told(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(Commit(alerts=[alert(1)]))
        store.outbox.mark_sent("alertmanager", [alert(1).id])
        store.commit(Commit(alerts=[alert(1, document=b"other", severity="critical", sinks=("webhook",))]))
        assert store.alerts.get(alert(1).id).document == alert(1).document
        assert store.outbox.depths() == {}


def test_a_batch_that_makes_no_sense_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(batch(1))
        before = content(tmp_path)
        with pytest.raises(ValueError, match="64-bit"):
            store.commit(batch(2, digests={1: b"1234567"}))
        with pytest.raises(ValueError, match="not in tuple"):
            store.commit(batch(2, alerts=[alert(2, severity="dreadful")]))
        assert content(tmp_path) == before
        store.commit(batch(2))


def test_a_disk_error_changes_nothing_and_the_same_batch_goes_through_later(tmp_path: Path) -> None:
    facts, failing = Facts(), [True]

    def at(point: str) -> None:
        if point == "before_commit" and failing[0]:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorname = "SQLITE_IOERR_WRITE"
            raise error

    with opened(tmp_path, facts, at=at) as store:
        with pytest.raises(StoreUnavailable, match=r"Nothing was changed"):
            store.commit(batch(1))
        assert len(facts.of("commit_failed")) == 1
        assert loaded(store)["state"] == {}
        failing[0] = False
        store.commit(batch(1))
        assert facts.of("batch_committed") == [(0.0, 5, 1)]


def test_a_newer_owner_fences_the_older_one_off(tmp_path: Path) -> None:
    facts = Facts()
    old = opened(tmp_path, facts)
    old.commit(batch(1))
    (tmp_path / "store.lock").rename(tmp_path / "elsewhere")
    with opened(tmp_path) as new:
        assert new.epoch == old.epoch + 1
        before = content(tmp_path)
        for forbidden in (
            lambda: old.commit(batch(2)),
            lambda: old.begin_inflight({"0": (1, 2)}),
            lambda: old.forget_positions(["0"], {}),
        ):
            with pytest.raises(Fenced, match=r"epoch 2, ours is 1"):
                forbidden()
        assert content(tmp_path) == before
        assert facts.of("commit_fenced") == [(1, 2)] * 3
        new.begin_inflight({"0": (11, 20)})
        old.close()
        new.commit(batch(2))
        assert new.load().inflight == {}


def test_zombies_are_fenced_twenty_times_out_of_twenty(tmp_path: Path) -> None:
    store, fenced = opened(tmp_path), 0
    for number in range(20):
        zombie = store
        zombie.commit(batch(2 * number))
        (tmp_path / "store.lock").unlink()
        store = opened(tmp_path)
        store.commit(batch(2 * number + 1))
        try:
            zombie.commit(batch(2 * number + 2))
        except Fenced:
            fenced += 1
        zombie.close()
    assert fenced == 20
    assert store.epoch == 21
    assert loaded(store)["positions"]["0"] == batch(39).positions["0"]
    store.close()


def test_two_processes_cannot_have_one_store(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(StoreLocked, match=r"process \d+ on .+ Stop it first"):
        opened(tmp_path)
    opened(tmp_path).close()


def test_the_epoch_rises_even_when_the_store_is_lost(tmp_path: Path) -> None:
    for _ in range(3):
        opened(tmp_path).close()
    (tmp_path / "store.db").write_bytes(b"")
    facts = Facts()
    with opened(tmp_path, facts) as store:
        assert store.opening == "lost"
        assert store.epoch == 4
    assert facts.of("store_lost") == [()]


def test_the_epoch_never_falls_behind_one_that_was_used_before_a_restore(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.snapshot()
    for _ in range(3):
        opened(tmp_path).close()
    (tmp_path / "store.db").unlink()
    with opened(tmp_path) as store:
        assert store.opening == "restored"
        assert store.epoch == 5


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    with opened(directory) as store:
        store.commit(batch(1))
        store.snapshot()
        files = [path for path in directory.rglob("*") if path.is_file()]
        assert {path.name for path in files} >= {"store.db", "store.db-wal", "store.db-shm", "store.lock"}
        assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
        folders = [directory, *(path for path in directory.rglob("*") if path.is_dir())]
        assert {oct(path.stat().st_mode & 0o777) for path in folders} == {"0o700"}
    (directory / "store.db").chmod(0o644)
    opened(directory).close()
    assert (directory / "store.db").stat().st_mode & 0o777 == 0o600


def test_a_clean_end_leaves_one_file_without_a_log(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(batch(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store.db", "store.lock"]


def test_a_reader_sees_the_last_commit_while_one_is_in_work(tmp_path: Path) -> None:
    seen: list[int] = []

    def at(point: str) -> None:
        if point == "before_commit":
            seen.append(len(store.outbox.pending("alertmanager")))

    with opened(tmp_path, at=at) as store:
        store.commit(batch(1))
        store.commit(batch(2))
        assert seen == [0, 1]


def test_the_log_is_carried_over_when_it_has_grown(tmp_path: Path) -> None:
    facts = Facts()
    with opened(tmp_path, facts, checkpoint_bytes=100_000) as store:
        for number in range(40):
            store.commit(batch(number))
        assert 1 < len(facts.of("checkpoint_finished")) < 40
        assert (tmp_path / "store.db-wal").stat().st_size < 300_000
        assert store.size() > 100_000
        assert 0 < store.disk_free_ratio() < 1


def test_a_reader_in_the_way_delays_a_checkpoint_and_nothing_else(tmp_path: Path) -> None:
    facts = Facts()
    with opened(tmp_path, facts, checkpoint_bytes=50_000) as store:
        store.commit(batch(0))
        reader = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM alerts").fetchone() == (1,)
        for number in range(1, 30):
            store.commit(batch(number))
        assert (tmp_path / "store.db-wal").stat().st_size > 100_000
        assert reader.execute("SELECT count(*) FROM alerts").fetchone() == (1,)
        reader.close()
        for number in range(30, 60):
            store.commit(batch(number))
        assert (tmp_path / "store.db-wal").stat().st_size < 200_000
    assert not facts.of("checkpoint_failed")


def test_without_full_sync_a_commit_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    for full, level in ((True, 2), (False, 1)):
        with opened(tmp_path, full_sync=full) as store:
            store.begin_inflight({"0": (1, 1)})
            assert store._writer.rows("PRAGMA synchronous") == [(level,)]
            assert store._writer.rows("PRAGMA journal_mode") == [("wal",)]


def test_a_payload_that_was_changed_behind_our_back_is_noticed_while_loading(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(batch(1))
        with store._writer.transaction() as connection:
            connection.execute("UPDATE state SET payload = x'00' WHERE id = 'agent-3'")
        with pytest.raises(StoreCorrupted, match="A row of state"):
            loaded(store)
    facts = Facts()
    with opened(tmp_path, facts) as store:
        assert store.opening == "lost"
    assert facts.of("store_corrupted")[0][0] == "A row of state does not match its checksum."


def test_a_kill_between_commits_loses_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as store:
        for number in range(5):
            store.commit(batch(number))
            want = loaded(store)
            with opened(killed(tmp_path / "a", tmp_path / f"killed-{number}")) as other:
                assert loaded(other) == want


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="Name another"):
        Store.open(tmp_path / "file", workings())
    with pytest.raises(StoreUnavailable, match="Name another"):
        Store.open(tmp_path / "file" / "below", workings())
