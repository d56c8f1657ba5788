"""Kill it at any instant: no alert is lost, none is invented, and every record is accounted for."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from random import Random

import pytest

from detector.stores.failpoints import POINTS
from tests.hub import Server
from tests.live.stage import staged
from tests.live.stream import counted, filled, stream

KILLS = int(os.environ.get("KILLS", "20"))
"""`make nightly` kills more often."""
SEED = int(os.environ.get("KILL_SEED", "1"))


@pytest.mark.slow
def test_kills_at_random_moments_change_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = stream(days=2.0, agents=24) if KILLS <= 20 else stream(days=4.0, agents=40)
    with staged(tmp_path, told) as stage:
        stage.read_files()
        wanted = stage.verdict()
        assert len(wanted.alerts) > 50
        assert wanted.counters["received"] == counted(told)["records"]
        dice, codes = Random(SEED), set()
        quick = len(told.messages) // (KILLS + KILLS // 2)
        for number in range(KILLS):
            before = stage.counters().get("received", 0)
            pid = stage.start(slow=0.003, quick=quick)
            if number % 2:
                # At work, however long a busy machine takes to get there; the others at any moment.
                stage.until(lambda before=before: stage.counters().get("received", 0) > before, pid=pid)  # type: ignore[misc]
                time.sleep(dice.uniform(0.0, 0.3))
            else:
                time.sleep(dice.uniform(0.1, 0.6))
            codes.add(stage.nursery.kill(pid))
        assert codes == {-9}
        reached = stage.counters().get("received", 0)
        assert 0 < reached < wanted.counters["received"], "the kills fell into the work"
        stage.finish(wanted)
        result = stage.check(wanted)
    with capsys.disabled():
        sys.stdout.write(f"\n{KILLS} kills, {reached:,} records before the last: lost 0, wrong 0, {result}\n")


OFTEN = frozenset(POINTS) - {
    "in_creation",
    "before_epoch",
    "after_epoch",
    "in_checkpoint",
    "in_close",
}
"""Points that a run passes many times; the others it passes once."""

ELSEWHERE = frozenset(
    {
        "in_migration",
        "in_moving_aside",
        "in_restore",
        "in_snapshot",
        "snapshot_before_manifest",
        "snapshot_before_pruning",
    }
)
"""Points that a short, healthy run does not come to."""


@pytest.mark.slow
@pytest.mark.parametrize("point", [point for point in POINTS if point not in ELSEWHERE])
def test_a_crash_at_a_named_point_changes_nothing(tmp_path: Path, point: str) -> None:
    """Three runs that each end at the point, where a run passes it often at the first, second and third pass."""
    told = stream(days=0.5, agents=6) if KILLS <= 20 else stream(days=1.0, agents=12)
    with staged(tmp_path, told) as stage:
        stage.read_files(files=2)
        wanted = stage.verdict()
        for number in (1, 2, 3):
            begun = stage.lines("service_started")
            pid = stage.start(point=point, hits=number if point in OFTEN else 1)
            while (code := stage.nursery.ended(pid)) is None:
                time.sleep(0.02)
                if stage.lines("service_started") > begun and stage.counters() == wanted.counters:
                    code = stage.stop(pid)
                    break
            assert code == 137, f"run {number} did not come to {point}"
        stage.finish(wanted)
        stage.check(wanted)


def test_the_other_points_have_their_crash_tests_beside_the_store() -> None:
    beside = "".join(path.read_text() for path in (Path(__file__).parents[1] / "stores").glob("test_*.py"))
    assert [point for point in ELSEWHERE if f'"{point}"' not in beside] == []


@pytest.mark.slow
def test_kills_while_a_hub_is_read_change_nothing(tmp_path: Path) -> None:
    """The same with the real client over a real socket; opening a receiver takes it a second or two."""
    told = stream(days=2.0, agents=24)
    with Server(filled(told)) as server, staged(tmp_path, told) as stage:
        stage.read_hub(server.connection_string())
        wanted = stage.verdict()
        dice = Random(SEED)
        for _ in range(max(6, KILLS // 25)):
            pid = stage.start(slow=0.01)
            time.sleep(dice.uniform(1.0, 4.0))
            stage.nursery.kill(pid)
        stage.finish(wanted)
        stage.check(wanted)
