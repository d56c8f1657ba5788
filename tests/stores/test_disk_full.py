"""A full disk: nothing is lost, and work goes on when there is room again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from detector.stores.errors import StoreUnavailable
from detector.stores.records import Commit, StateRow
from tests.stores.stage import Facts, batch, content, loaded, opened

CYCLES = 20
_ON_TMPFS = """
import json, os, subprocess, sys
from pathlib import Path
from detector.domain.delivery import Position
from detector.stores.errors import StoreUnavailable
from detector.stores.records import Commit, StateRow
from tests.stores.stage import alert, loaded, opened

place = Path(sys.argv[1])
subprocess.run(("mount", "-t", "tmpfs", "-o", "size=4m", "none", place), check=True)
ballast, data = place / "ballast", place / "data"
store, done, refused = opened(data, checkpoint_bytes=300_000), 0, 0
for cycle in range(int(sys.argv[2])):
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(65_536)):
                pass
        except OSError:
            pass
    os.truncate(ballast, ballast.stat().st_size - cycle % 5 * 60_000)  # a few commits fit in
    before = refused
    for _ in range(400):
        batch = Commit(
            state=[StateRow("agent", "t", f"{done % 7}-{k}", bytes([done % 251]) * 300) for k in range(20)],
            positions={"0": Position(done, str(done))},
            alerts=[alert(done)],
        )
        try:
            store.commit(batch)
            done += 1
        except StoreUnavailable:
            refused += 1
            if cycle % 3 == 0:
                store.outbox.pending("alertmanager", 1)
            if cycle % 3 == 1:
                # A restart on a full disk is refused too, and harms nothing.
                store.close()
                try:
                    store = opened(data, checkpoint_bytes=300_000)
                except StoreUnavailable:
                    refused += 1
            break
    assert refused > before, cycle
    ballast.unlink()
    if store._lock._closed:
        store = opened(data, checkpoint_bytes=300_000)
    assert loaded(store)["positions"] == ({"0": Position(done - 1, str(done - 1))} if done else {}), cycle
    store.commit(batch)
    done += 1
    ids = [row.alert_id for row in store.outbox.pending("alertmanager", 10_000)]
    assert len(ids) == done, (cycle, len(ids), done)
    if done > 1500:
        sys.exit("make the disk smaller")
store.close()
store = opened(data)
print(json.dumps({"opening": store.opening, "commits": done, "refused": refused, "state": len(loaded(store)["state"])}))
store.close()
"""


def test_a_store_that_may_not_grow_refuses_and_goes_on_later(tmp_path: Path) -> None:
    """The limit on pages stands for the disk: SQLite answers both with SQLITE_FULL."""
    facts = Facts()
    with opened(tmp_path, facts) as store:
        store.commit(batch(0))
        for cycle in range(1, CYCLES + 1):
            pages = store._writer.rows("PRAGMA page_count")[0][0]
            store._writer.rows(f"PRAGMA max_page_count = {pages}")
            before = content(tmp_path)
            large = batch(cycle, state=[StateRow("agent", "t", f"{cycle}", bytes(200_000))])
            with pytest.raises(StoreUnavailable, match="the disk is full"):
                store.commit(large)
            assert content(tmp_path) == before
            assert not store._writer.connection.in_transaction
            store._writer.rows("PRAGMA max_page_count = 1000000")
            store.commit(large)
        assert len(facts.of("commit_failed")) == CYCLES
        want = loaded(store)
    with opened(tmp_path, facts) as store:
        assert loaded(store) == want
        assert len(store.outbox.pending("alertmanager")) == CYCLES + 1
    assert not facts.of("store_corrupted")


@pytest.mark.untraced
@pytest.mark.slow
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """20 times: fill a small file system, commit until it refuses, make room, and find everything there."""
    isolation = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")
    allowed = subprocess.run((*isolation, "mount", "-t", "tmpfs", "none", tmp_path), capture_output=True, check=False)
    if allowed.returncode and os.environ.get("CI") != "true":
        pytest.skip("no file system may be mounted here")
    ended = subprocess.run(
        (*isolation, sys.executable, "-c", _ON_TMPFS, tmp_path, str(CYCLES)),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    print(said)  # noqa: T201 -- the figures
    assert said["opening"] == "kept"
    assert said["refused"] >= CYCLES
    assert said["state"] == 140


def test_a_checkpoint_that_finds_no_room_is_told_and_harms_nothing(tmp_path: Path) -> None:
    facts, broken = Facts(), [False]

    def at(point: str) -> None:
        if point == "in_checkpoint" and broken[0]:
            raise StoreUnavailable("no room")

    with opened(tmp_path, facts, at=at, checkpoint_bytes=50_000) as store:
        broken[0] = True
        for number in range(20):
            store.commit(batch(number))
        want = loaded(store)
        assert 1 <= len(facts.of("checkpoint_failed")) < 15
        broken[0] = False
    with opened(tmp_path) as store:
        assert loaded(store) == want


def test_no_snapshot_is_taken_without_room_and_the_older_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collections import namedtuple

    facts = Facts()
    with opened(tmp_path, facts) as store:
        store.commit(Commit(state=[StateRow("agent", "t", "a", b"1")]))
        store.snapshot()
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr("shutil.disk_usage", lambda _: usage(2**30, 2**30 - 2**20, 2**20))
        with pytest.raises(StoreUnavailable, match=r"no room for a snapshot: [\d,]+ bytes are needed, 1,048,576 are"):
            store.snapshot()
        assert store.disk_free_ratio() == pytest.approx(1 / 1024)
    assert len(facts.of("snapshot_failed")) == 1
    assert sorted(path.name for path in (tmp_path / "snapshots").iterdir()) == [
        "snapshot-00000001.db",
        "snapshot-00000001.json",
    ]
