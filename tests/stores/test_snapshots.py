"""Snapshots: checked copies, few of them, and only good ones are restored."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from detector.stores.errors import StoreCorrupted
from tests.stores.stage import NOW, Facts, batch, content, loaded, opened


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "snapshots").iterdir())


def test_a_snapshot_is_described_by_its_manifest(tmp_path: Path) -> None:
    facts = Facts()
    with opened(tmp_path, facts) as store:
        store.commit(batch(1))
        manifest = store.snapshot()
    path = tmp_path / "snapshots" / "snapshot-00000001.db"
    said = json.loads(path.with_suffix(".json").read_bytes())
    assert said == {
        "snapshot": "snapshot-00000001",
        "created": NOW,
        "format": 1,
        "epoch": 1,
        "size": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    assert manifest.sha256 == said["sha256"]
    assert facts.of("snapshot_taken") == [("snapshot-00000001", said["size"], 0.0)]


def test_the_newest_three_are_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for number in range(6):
            store.commit(batch(number))
            store.snapshot()
    assert names(tmp_path) == [f"snapshot-0000000{n}.{kind}" for n in (4, 5, 6) for kind in ("db", "json")]
    with opened(tmp_path, snapshots=1) as store:
        store.snapshot()
    assert names(tmp_path) == ["snapshot-00000007.db", "snapshot-00000007.json"]


def test_the_newest_good_one_is_restored_and_bad_ones_are_named(tmp_path: Path) -> None:
    times, facts = [NOW], Facts()
    with opened(tmp_path, now=lambda: times[0], snapshots=9) as store:
        for number in range(6):
            store.commit(batch(number))
            store.snapshot()
            if number == 1:
                want = loaded(store)
                times[0] += 900
    folder = tmp_path / "snapshots"
    cut = folder / "snapshot-00000006.db"
    cut.write_bytes(cut.read_bytes()[:-1])
    (folder / "snapshot-00000005.json").write_text("{}")
    (folder / "snapshot-00000004.db").unlink()
    changed = bytearray((folder / "snapshot-00000003.db").read_bytes())
    changed[30_000] ^= 1
    (folder / "snapshot-00000003.db").write_bytes(changed)
    (folder / "snapshot-00000007.db").write_bytes(b"never finished")
    (tmp_path / "store.db").write_bytes(b"ruined" * 99)
    with opened(tmp_path, facts, now=lambda: times[0]) as store:
        assert store.opening == "restored"
        assert loaded(store) == want
        assert store.epoch == 2
    assert facts.of("snapshot_ignored") == [
        ("snapshot-00000006", "It differs from its manifest."),
        ("snapshot-00000005", "Its manifest cannot be read."),
        ("snapshot-00000004", "It cannot be read (No such file or directory)."),
        ("snapshot-00000003", "It differs from its manifest."),
    ]
    assert facts.of("store_restored") == [("snapshot-00000002", 900.0)]


def test_a_snapshot_with_a_good_hash_and_bad_content_is_not_restored(tmp_path: Path) -> None:
    facts = Facts()
    with opened(tmp_path) as store:
        store.commit(batch(1))
        store.snapshot()
    path = tmp_path / "snapshots" / "snapshot-00000001.db"
    data = bytearray(path.read_bytes())
    data[data.index(b"1:1:")] ^= 1
    path.write_bytes(data)
    said = json.loads(path.with_suffix(".json").read_bytes())
    said["sha256"] = hashlib.sha256(data).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(said))
    (tmp_path / "store.db").write_bytes(b"ruined" * 99)
    with opened(tmp_path, facts) as store:
        assert store.opening == "lost"
    assert "does not match its checksum" in facts.of("snapshot_ignored")[0][1]


def test_a_damaged_store_does_not_push_out_the_good_snapshots(tmp_path: Path) -> None:
    facts = Facts()
    with opened(tmp_path, facts) as store:
        store.commit(batch(1))
        store.snapshot()
        before = names(tmp_path)
        with store._writer.transaction() as connection:
            connection.execute("UPDATE core SET payload = x'00'")
        for _ in range(4):
            with pytest.raises(StoreCorrupted, match="A row of core"):
                store.snapshot()
        assert names(tmp_path) == before
    assert len(facts.of("snapshot_failed")) == 4


def test_a_restored_store_takes_the_next_number(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(batch(1))
        store.snapshot()
        want = content(tmp_path)
    (tmp_path / "store.db").unlink()
    with opened(tmp_path) as store:
        assert content(tmp_path) == want
        assert store.snapshot().snapshot == "snapshot-00000002"
