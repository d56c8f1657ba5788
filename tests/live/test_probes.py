"""What goes wrong shows on the right probe: liveness for this process alone, readiness for everything around it.

`FULL_DISKS=20 pytest tests/live/test_probes.py` fills the disk more often.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub import Hub, Server
from tests.live.hosted import Answer, Hosted, asked
from tests.live.referee import Referee
from tests.live.stage import Stage, staged
from tests.live.stream import Stream, filled, stream

FULL_DISKS = int(os.environ.get("FULL_DISKS", "5"))
ALIVE = Answer(200, [])
QUICK = {
    "socket_timeout": 0.2,
    "watchdog": {
        "poll": 0.3,
        "stalled_after": 1.0,
        "window": 60.0,
        "unknown_after": 6.0,
        "growth": 1.0,
        "answer": 3.0,
        "close": 1.0,
    },
}
"""Limits of the hub, shortened: everything shows within seconds."""

pytestmark = [
    pytest.mark.slow,
    # The SDK forgets the socket of a connection that broke; see tests/sources/event_hubs/test_fault_matrix.py.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Collects what the SDK forgets before another test is blamed for it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage for a service in this process."""
    with Referee() as referee:
        yield Stage(tmp_path, TOLD, referee, None)  # type: ignore[arg-type] -- nobody is forked


TOLD = stream(days=0.5, agents=6)


def ready(at: Hosted) -> bool:
    return at.ask("readyz") == ALIVE


def test_a_service_at_rest_is_alive_started_and_ready(stage: Stage) -> None:
    stage.read_files()
    with Hosted(stage.config) as at:
        at.until(lambda: ready(at))
        assert at.ask("livez") == at.ask("startupz") == ALIVE
    assert at.ending == "stopped"


def test_a_frozen_loop_answers_no_probe_and_a_thawed_one_is_alive_again(stage: Stage) -> None:
    stage.document["telemetry"]["loop_limit_seconds"] = 1.0
    stage.read_files()
    with Hosted(stage.config) as at:
        at.until(lambda: ready(at))
        # Frozen until the test lets go: a machine that is slow to ask must not find it thawed.
        frozen, thaw = threading.Event(), threading.Event()
        at.tell(lambda: (frozen.set(), thaw.wait(60)))
        try:
            assert frozen.wait(60)
            with pytest.raises(TimeoutError):
                at.ask("livez", seconds=1.5)
        finally:
            thaw.set()
        assert at.ask("livez") in (ALIVE, Answer(503, ["loop_stalled"]))
        at.until(lambda: at.ask("livez") == ALIVE)


def test_a_worker_that_hangs_is_told_within_its_limit_and_the_loop_goes_on(stage: Stage) -> None:
    stage.document["telemetry"]["worker_limit_seconds"] = 5.0
    stage.read_files()
    hung, go = list[float](), threading.Event()

    def at_point(point: str) -> None:
        if point == "after_rows" and not hung:
            own = at.own_seconds()
            hung.extend((time.monotonic(), own))
            go.wait(150)  # until the test has seen it, however slow the machine is

    at = Hosted(stage.config, at=at_point)
    with at:  # it may hang before there is more to do
        at.until(lambda: bool(hung))
        assert at.ask("livez") == ALIVE or time.monotonic() - hung[0] >= 3.0
        at.until(lambda: at.ask("livez") == Answer(503, ["worker_stalled"]))
        # The worker's clock runs from the beginning of its batch, a little before the point at which it hangs.
        assert time.monotonic() - hung[0] >= 3.0
        assert at.own_seconds() - hung[1] < 15.0, "the limit, and room for a slow machine"
        assert "worker_stalled" in at.ask("readyz").reasons
        go.set()
        at.until(lambda: ready(at))
        assert at.ask("livez") == ALIVE


def test_a_service_that_stops_is_alive_but_not_ready(stage: Stage) -> None:
    stage.read_files()
    stage.referee.refusing = True
    with Hosted(stage.config) as at:
        at.until(lambda: bool(at.lines("alerts_retried")))
        at.tell(at.service.stop)
        at.until(lambda: at.ask("readyz").reasons == ["draining"])
        assert at.ask("livez") == ALIVE
        stage.referee.refusing = False
        at.stop()


# The hub


def test_a_hub_that_does_not_answer_is_no_reason_to_restart(stage: Stage) -> None:
    hub = filled(TOLD)
    patient = {**QUICK, "watchdog": {**QUICK["watchdog"], "stalled_after": 30.0}}  # type: ignore[dict-item]
    with Server(hub) as server:
        stage.read_hub(server.connection_string(), **patient)
        wanted = stage.verdict()
        server.faults.black_hole()
        with Hosted(stage.config) as at:
            at.until(lambda: at.ask("readyz").reasons == ["hub_unreachable"])
            assert at.ask("livez") == at.ask("startupz") == ALIVE
            server.faults.black_hole(on=False)
            at.until(lambda: stage.counters() == wanted.counters)
            at.until(lambda: ready(at))
            server.faults.black_hole()
            struck = at.own_seconds()
            at.until(lambda: "hub_unreachable:2" in at.ask("readyz").reasons)
            took = at.own_seconds() - struck
            assert at.ask("livez") == ALIVE
            server.faults.black_hole(on=False)
            at.until(lambda: ready(at))
            assert at.ask("livez") == ALIVE
        assert took < 6.0 + 0.4 + 3.0 + 10.0, "the limit, a poll, an answer that does not come, and a slow machine"
    assert at.ending == "stopped"


def test_a_stalled_partition_is_told_and_the_ladder_ends_with_exit_code_75(tmp_path: Path) -> None:
    # The other partitions are empty: on a busy machine they would count as stalled too, for want of a second.
    hub = Hub("agents", partitions=4, created=1_700_000_000.0)
    for message in TOLD.messages:
        hub.put(1, message.body, enqueued=message.enqueued)
    # Long enough for a busy machine to look at the probe meanwhile, and to answer: unheard is another ending.
    limits = {**QUICK["watchdog"], "stalled_after": 3.0, "answer": 10.0, "unknown_after": 60.0}  # type: ignore[dict-item]
    with Server(hub) as server, staged(tmp_path, TOLD) as stage:
        stage.read_hub(server.connection_string(), socket_timeout=0.2, watchdog=limits)
        wanted = stage.verdict()
        server.faults.withhold("1")
        pid = stage.started()
        port = stage.port()
        stage.until(lambda: "partition_stalled:1" in asked(port, "readyz").reasons, pid=pid)
        assert asked(port, "livez") == ALIVE
        assert stage.nursery.wait(pid) == 75
        log = stage.nursery.log()
        endings = [line for line in log if line["event"] == "receiver_ended" and line["partition"] == "1"]
        assert [line["ending"] for line in endings][:1] == ["stalled"], "first the receiver"
        assert [line for line in log if line["event"] == "client_replaced"], "then the client"
        (last,) = [line for line in log if line["event"] == "source_stalled"]
        assert "partition 1" in last["reason"]
        server.faults.withhold("1", on=False)
        # From here on a slow opening is no stall.
        stage.read_hub(server.connection_string(), socket_timeout=0.2).finish(wanted)
        stage.check(wanted)


def test_a_hub_made_anew_is_told_by_a_service_that_stays_alive(stage: Stage) -> None:
    hub = Hub("agents", partitions=2, created=1_700_000_000.0)
    with Server(hub) as server:
        stage.read_hub(server.connection_string(), **QUICK)
        with Hosted(stage.config) as at:
            at.until(lambda: ready(at))
            hub.recreate(created=1_800_000_000.0)
            at.until(lambda: at.ask("readyz").reasons == ["hub_recreated"])
            assert at.ask("livez") == ALIVE
        assert at.ending == "stopped"


# The disk

_ON_TMPFS = """
import json, os, subprocess, sys, threading, time
from pathlib import Path

from detector.runtime.live import patrol, worker
from tests.live.hosted import Hosted
from tests.live.referee import Referee
from tests.live.stage import Stage
from tests.live.stream import stream

place, cycles = Path(sys.argv[1]), int(sys.argv[2])
subprocess.run(("mount", "-t", "tmpfs", "-o", "size=96m", "none", place), check=True)
patrol.ROUND = 0.1
ballast, told = place / "ballast", stream(days=1.0, agents=12)


def fill():
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 20)):
                pass
        except OSError:
            pass
        try:
            while file.write(b"x"):
                pass
        except OSError:
            pass


hurry = threading.Event()


def slowly(point):
    if point == "in_transaction":
        hurry.wait(0.05)  # so that there is work for every cycle, however late it begins


with Referee() as referee:
    folder = Path(sys.argv[3])
    stage = Stage(folder, told, referee, None)
    stage.document["store"] = {"directory": str(place / "state"), "min_free": 0.1}
    stage.read_files()
    wanted = stage.verdict()
    waits, refused = [], 0
    with Hosted(stage.config, at=slowly) as at:
        for cycle in range(cycles):
            before = at.value("received_bytes_total")
            at.until(lambda: at.value("received_bytes_total") > before + 20_000 and at.ask("readyz").status == 200)
            fill()
            at.until(lambda: {"store_unavailable", "disk_low"} <= set(at.ask("readyz").reasons))
            assert at.ask("livez").status == 200
            refused += 1
            time.sleep(0.1 * (cycle % 4))
            freed = time.monotonic()
            ballast.unlink()
            at.until(lambda: at.ask("readyz").status == 200)
            waits.append(time.monotonic() - freed)
        hurry.set()
        at.until(lambda: set(referee.seen) >= wanted.alerts, seconds=120)
        at.until(lambda: at.ask("readyz").status == 200)
    import sqlite3

    connection = sqlite3.connect(place / "state" / "store.db")
    counters = dict(connection.execute("SELECT name, value FROM counters"))
    connection.close()
    print(json.dumps({
        "cycles": refused,
        "lost": len(wanted.alerts - set(referee.seen)),
        "wrong": len(set(referee.seen) - wanted.alerts),
        "exact": counters == wanted.counters,
        "ending": at.ending,
        "slowest": round(max(waits), 1),
        "failures": int(at.value("commit_failures_total")),
    }))
"""


def test_a_full_disk_is_told_survived_and_costs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Again and again: fill a small file system while the service works, see both probes, make room, go on."""
    place, folder = tmp_path / "disk", tmp_path / "rest"
    place.mkdir()
    folder.mkdir()
    isolation = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")
    allowed = subprocess.run((*isolation, "mount", "-t", "tmpfs", "none", place), capture_output=True, check=False)
    if allowed.returncode and os.environ.get("CI") != "true":
        pytest.skip("no file system may be mounted here")
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        (*isolation, sys.executable, "-c", _ON_TMPFS, place, str(FULL_DISKS), folder),
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    with capsys.disabled():
        sys.stdout.write(f"\nfull disk: {said}\n")
    assert said | {"slowest": 0, "failures": 0} == {
        "cycles": FULL_DISKS,
        "lost": 0,
        "wrong": 0,
        "exact": True,
        "ending": "stopped",
        "slowest": 0,
        "failures": 0,
    }
    assert said["slowest"] <= 30
    assert said["failures"] > 0


def test_the_stream_of_these_tests_raises_alerts() -> None:
    assert isinstance(TOLD, Stream)
    assert len(TOLD.messages) > 100
