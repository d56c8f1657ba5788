"""A process killed at any named point leaves a store from before or after, never one in between.

What a killed process leaves is the files as they are at that instant (`tests.stores.stage.killed`): the copies are
taken at each point, and each is then opened as the next process would.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from detector.stores.failpoints import POINTS, Point
from tests.stores.stage import NOW, Content, Facts, batch, content, killed, opened
from tests.stores.test_migration import with_notes


class Camera:
    """Keeps what a kill would leave at each passing of a point."""

    def __init__(self, directory: Path, target: Path) -> None:
        self.directory, self.target = directory, target
        self.taken: list[tuple[Point, Path]] = []

    def __call__(self, point: Point) -> None:
        self.taken.append((point, killed(self.directory, self.target / f"{len(self.taken)}-{point}")))


def after_restart(directory: Path, facts: Facts | None = None) -> Content:
    opened(directory, facts).close()
    return {table: rows for table, rows in content(directory).items() if table != "inflight"}


def at_rest(directory: Path) -> Content:
    return {table: rows for table, rows in content(directory).items() if table != "inflight"}


def test_a_kill_during_commits_leaves_the_batch_before_or_after(tmp_path: Path) -> None:
    camera = Camera(tmp_path / "live", tmp_path / "killed")
    with opened(tmp_path / "live", at=camera, checkpoint_bytes=40_000) as store:
        states = [at_rest(tmp_path / "live")]
        owner_of: list[int] = []
        for number in range(3):
            taken = len(camera.taken)
            store.begin_inflight({"0": (number * 10 - 9, number * 10)})
            store.commit(batch(number))
            states.append(at_rest(tmp_path / "live"))
            owner_of += [number] * (len(camera.taken) - taken)
        images = camera.taken[-len(owner_of) :]
        hits = dict.fromkeys(POINTS, 0)
        for (point, image), number in zip(images, owner_of, strict=True):
            hits[point] += 1
            after = point in {"after_commit", "in_checkpoint"}
            assert after_restart(image) == states[number + after], (point, number)
        for point in ("before_inflight", "after_inflight", "before_begin", "in_transaction", "after_rows",
                      "before_commit", "after_commit", "in_checkpoint"):  # fmt: skip
            assert hits[point] == 3, point


def test_a_kill_while_marking_sends_again_under_the_same_ids_or_not_at_all(tmp_path: Path) -> None:
    camera = Camera(tmp_path / "live", tmp_path / "killed")
    with opened(tmp_path / "live", at=camera) as store:
        for number in range(3):
            store.commit(batch(number))
        for _ in range(3):
            rows = store.outbox.pending("webhook", 1)
            camera.taken.clear()
            camera.target = tmp_path / rows[0].alert_id
            store.outbox.mark_sent("webhook", [rows[0].alert_id])
            camera("after_commit")
            assert [point for point, _ in camera.taken] == ["before_mark_sent", "in_mark_sent", "after_commit"]
            for point, image in camera.taken:
                with opened(image) as next_one:
                    again = next_one.outbox.pending("webhook", 1)
                    assert (again == rows) == (point != "after_commit")


def test_a_kill_during_a_snapshot_leaves_the_store_and_the_snapshots_there_were(tmp_path: Path) -> None:
    camera = Camera(tmp_path / "live", tmp_path / "killed")
    with opened(tmp_path / "live") as store:
        for number in range(3):
            store.commit(batch(number))
            store.snapshot()
    with opened(tmp_path / "live", at=camera) as store:
        store.commit(batch(4))
        camera.taken.clear()
        for _ in range(3):
            store.snapshot()
        want = content(tmp_path / "live")
        points = [point for point, _ in camera.taken]
        assert points == ["in_snapshot", "snapshot_before_manifest", "snapshot_before_pruning"] * 3
        for _, image in camera.taken:
            assert after_restart(image) == {table: rows for table, rows in want.items() if table != "inflight"}
            (image / "store.db").unlink()
            with opened(image) as restored:
                assert restored.opening == "restored"
                restored.snapshot()
            names = sorted(path.name for path in (image / "snapshots").iterdir())
            assert len(names) == 6
            assert not [name for name in names if name.endswith(".tmp")]


def test_a_kill_during_opening_is_made_up_for_by_the_next(tmp_path: Path) -> None:
    camera = Camera(tmp_path / "live", tmp_path / "new")
    opened(tmp_path / "live", at=camera).close()
    assert {point for point, _ in camera.taken} >= {"in_creation", "before_epoch", "after_epoch", "in_close"}
    for _, image in camera.taken:
        with opened(image) as store:
            assert store.opening in {"new", "kept"}
            store.commit(batch(1))


def test_a_kill_during_a_restore_is_made_up_for_by_the_next(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with opened(live) as store:
        store.commit(batch(1))
        store.snapshot()
        want = content(live)
        store.commit(batch(2))
        damaged = killed(live, tmp_path / "damaged")
    (damaged / "store.db").write_bytes(b"nonsense" * 1000)
    camera = Camera(damaged, tmp_path / "killed")
    opened(damaged, at=camera).close()
    points = [point for point, _ in camera.taken]
    assert points.count("in_moving_aside") == 3
    assert points.count("in_restore") == 1
    for point, image in camera.taken:
        facts = Facts()
        with opened(image, facts):
            assert content(image) == want, point
        assert not (image / "store.db.tmp").exists()


def test_a_kill_during_a_migration_leaves_the_old_format_or_the_new(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with opened(live) as store:
        store.commit(batch(1))
    camera = Camera(live, tmp_path / "killed")
    opened(live, at=camera, steps=with_notes()).close()
    want = content(live)
    assert [point for point, _ in camera.taken].count("in_migration") == 1
    for _, image in camera.taken:
        facts = Facts()
        opened(image, facts, steps=with_notes()).close()
        assert content(image) == want
        assert not facts.of("store_corrupted")


def test_every_point_is_passed_by_one_of_these_tests() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [point for point in POINTS if f'"{point}"' not in text] == []


@pytest.mark.slow
@pytest.mark.parametrize("point", ["in_transaction", "before_commit", "after_commit", "in_checkpoint"])
def test_the_same_with_a_process_that_really_dies(tmp_path: Path, point: Point) -> None:
    script = (
        "import os, sys; from pathlib import Path; from tests.stores.stage import batch, opened\n"
        "store = opened(Path(sys.argv[1]), checkpoint_bytes=1); store.commit(batch(1))\n"
        "store._workings.__class__; at = lambda point: os._exit(137) if point == sys.argv[2] else None\n"
        "object.__setattr__(store._workings, 'at', at); store.commit(batch(2)); sys.exit('still alive')"
    )
    directory = tmp_path / "data"
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        (sys.executable, "-c", script, directory, point), cwd=root, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 137, ended.stderr
    with opened(directory) as store:
        assert store.epoch == 2
        reached = 2 if point in {"after_commit", "in_checkpoint"} else 1
        assert store.load().positions == batch(reached).positions
        assert store.outbox.depths()["webhook"].rows == reached
        assert store.outbox.depths()["webhook"].oldest == NOW
