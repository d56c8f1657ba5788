"""A process that was thought dead and comes back writes nothing, although the lock of its directory is gone.

`ZOMBIES=20 pytest tests/live/test_zombie.py` for the full number.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from pathlib import Path
from random import Random

import pytest

from detector.stores.lock import NAME
from tests.live.stage import Stage, staged
from tests.live.stream import stream

ZOMBIES = int(os.environ.get("ZOMBIES", "5"))


def stopped(pid: int) -> bool:
    """Whether every thread of a process stands still."""
    stats = [path.read_text("latin-1") for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(stat.rpartition(")")[2].split()[0] in "Tt" for stat in stats)


def frozen(stage: Stage, pid: int, dice: Random) -> None:
    """Stops a process at a random moment at which it does not hold the database: a lock of SQLite fences better."""
    database = stage.folder / "state" / "store.db"
    while True:
        time.sleep(dice.uniform(0.0, 0.02))
        stage.send(pid, "freeze")
        while not stopped(pid):
            time.sleep(0.001)
        connection = sqlite3.connect(database, timeout=0.0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            return
        except sqlite3.OperationalError:
            stage.send(pid, "thaw")
        finally:
            connection.close()


def received(stage: Stage) -> int:
    return stage.counters().get("received", 0)


@pytest.mark.slow
def test_a_process_that_comes_back_is_fenced_every_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = stream(days=2.0, agents=24 if ZOMBIES < 10 else 60)
    dice = Random(ZOMBIES)
    with staged(tmp_path, told) as stage:
        stage.document["batch"]["inbox_bytes"] = 2**18
        stage.read_files()
        wanted = stage.verdict()
        assert len(wanted.alerts) > 20
        quick = len(told.messages) // (2 * ZOMBIES + 2)
        old, codes, times = stage.started(slow=0.004, quick=quick), list[int](), list[float]()
        for _ in range(ZOMBIES):
            before = received(stage)
            stage.until(lambda before=before: received(stage) > before, pid=old)  # type: ignore[misc]
            time.sleep(dice.uniform(0.0, 0.2))
            frozen(stage, old, dice)
            # As on a file system that knows no locks, or on the node that nobody can reach.
            (tmp_path / "state" / NAME).unlink()
            new = stage.started(slow=0.004, quick=quick)
            reached = received(stage)
            stage.until(lambda reached=reached: received(stage) > reached, pid=new)  # type: ignore[misc]
            thawed = time.monotonic()
            stage.send(old, "thaw")
            codes.append(stage.nursery.wait(old))
            times.append(time.monotonic() - thawed)
            old = new
        assert received(stage) < wanted.counters["received"], "they met at work"
        assert stage.stop(old) == 0
        del stage.document["batch"]["inbox_bytes"]
        stage.write().finish(wanted)
        result = stage.check(wanted)
        fenced = stage.lines("commit_fenced")
    with capsys.disabled():
        sys.stdout.write(
            f"\n{ZOMBIES} zombies: {codes.count(75)} fenced, the slowest in {max(times):.1f} s, {result}\n"
        )
    assert codes == [75] * ZOMBIES
    assert fenced >= ZOMBIES
    assert max(times) < 10.0, "a process that is fenced does not stay to send alerts"


@pytest.mark.slow
def test_while_the_lock_holds_no_second_process_starts(tmp_path: Path) -> None:
    with staged(tmp_path, stream(days=0.5, agents=6)) as stage:
        stage.read_files()
        first = stage.started()
        second = stage.start()
        assert stage.nursery.wait(second) not in (0, 75)
        assert "Another process works on this store" in stage.last_lines(50)
        assert stage.stop(first) == 0
