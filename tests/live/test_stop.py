"""Told to stop, the service commits, sends what it can, and ends in time, whatever hangs; told to reload, it goes on.

`STOPS=20 pytest tests/live/test_stop.py` for the full number.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from detector.domain.alerts import Alert
from detector.runtime.live import service as module
from detector.sinks.outcome import Outcome
from detector.sinks.sink import Terms
from detector.stores.errors import StoreUnavailable
from tests.hub import Server
from tests.live.hosted import PATIENCE, Hosted
from tests.live.referee import Referee
from tests.live.stage import Stage, staged
from tests.live.stream import Stream, filled, stream

STOPS = int(os.environ.get("STOPS", "5"))
LIMIT = 25.0
"""Seconds that a stop may take (B5.8)."""

pytestmark = pytest.mark.slow


def stopped(stage: Stage, pid: int) -> float:
    """Ends a service with SIGTERM; the seconds that it took, if it ended as it should."""
    begun = time.monotonic()
    assert stage.stop(pid) == 0, stage.last_lines(20)
    return time.monotonic() - begun


def test_a_service_under_load_stops_in_time_and_sends_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, dice, times = stream(days=2.0, agents=24 if STOPS < 10 else 60), Random(STOPS), list[float]()
    with staged(tmp_path, told) as stage:
        stage.document["batch"]["inbox_bytes"] = 2**18  # else the rest of the stream is taken in, and committed at once
        stage.read_files()
        wanted = stage.verdict()
        for _ in range(STOPS):
            before = stage.counters().get("received", 0)
            pid = stage.started(slow=0.004, quick=len(told.messages) // (2 * STOPS))
            stage.until(lambda before=before: stage.counters().get("received", 0) > before, pid=pid)  # type: ignore[misc]
            time.sleep(dice.uniform(0.0, 0.4))
            times.append(stopped(stage, pid))
        assert stage.counters()["received"] < wanted.counters["received"], "the stops fell into the work"
        del stage.document["batch"]["inbox_bytes"]
        stage.write().finish(wanted)
        result = stage.check(wanted)
    with capsys.disabled():
        sys.stdout.write(f"\n{STOPS} stops under load: the slowest in {max(times):.1f} s, {result}\n")
    assert max(times) <= LIMIT
    assert result["redelivered"] == 0, "what a sink has acknowledged is not sent again"


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning")
def test_a_service_that_reads_a_hub_stops_in_time_and_reads_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, dice, times = stream(days=1.0, agents=12), Random(STOPS), list[float]()
    with Server(filled(told)) as server, staged(tmp_path, told) as stage:
        stage.read_hub(server.connection_string())
        wanted = stage.verdict()
        for _ in range(max(2, STOPS // 4)):
            pid = stage.started(slow=0.02)
            time.sleep(dice.uniform(0.0, 5.0))
            times.append(stopped(stage, pid))
        stage.finish(wanted)
        result = stage.check(wanted)
    with capsys.disabled():
        sys.stdout.write(f"\n{len(times)} stops while a hub is read: the slowest in {max(times):.1f} s, {result}\n")
    assert max(times) <= LIMIT
    assert result["redelivered"] == 0


def test_stopping_before_anything_was_read_is_stopping_too(tmp_path: Path) -> None:
    with staged(tmp_path, stream(days=0.5, agents=6)) as stage:
        stage.read_files()
        pid = stage.start()
        stage.until(lambda: stage.lines("telemetry_opened") > 0, pid=pid)
        assert stopped(stage, pid) < LIMIT


# What hangs


SMALL = stream(days=0.5, agents=6)


class Hanging:
    """A sink that answers no more."""

    name = "hanging"
    terms = Terms(batch=1)

    def __init__(self) -> None:
        self.asked = threading.Event()

    async def deliver(self, batch: Sequence[Alert]) -> Outcome:
        self.asked.set()
        await _never()
        raise AssertionError(batch)

    async def close(self) -> None: ...


async def _never() -> None:
    import asyncio

    await asyncio.Event().wait()


def on_stage(folder: Path, referee: Referee, told: Stream = SMALL) -> Stage:
    stage = Stage(folder, told, referee, None)  # type: ignore[arg-type] -- nobody is forked
    return stage.read_files()


def test_the_shares_of_a_stop_are_within_its_limit() -> None:
    assert module.DRAIN < module.LONGEST < LIMIT


def test_a_sink_that_hangs_holds_the_end_up_for_its_share_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And every other sink gets its alerts."""
    monkeypatch.setattr(module, "DRAIN", 4.0)
    with Referee() as referee:
        stage, sink = on_stage(tmp_path, referee), Hanging()
        wanted = stage.verdict()
        with Hosted(stage.config, sinks=(sink,)) as at:
            at.until(sink.asked.is_set)
            at.until(lambda: stage.counters() == wanted.counters)
        assert at.ending == "stopped"
        assert at.took >= module.DRAIN - 1
        assert at.took_itself <= module.DRAIN + 5
        assert set(referee.seen) == wanted.alerts
        waiting = {name for (name,) in stage.rows("SELECT DISTINCT sink FROM outbox WHERE status = 'pending'")}
        assert waiting == {"hanging"}, "kept for the next start"


class Disk:
    """Refuses for good once it is told to; after so many commits it waits for that."""

    def __init__(self, quick: int) -> None:
        self.full, self.refused = threading.Event(), threading.Event()
        self._quick = quick

    def __call__(self, point: str) -> None:
        if point == "in_transaction":
            self._quick -= 1
            self.full.wait(0.01 if self._quick >= 0 else 0.25)
        if point in ("before_commit", "in_mark_sent") and self.full.is_set():
            self.refused.set()
            raise StoreUnavailable("the disk is full")


def test_a_disk_that_refuses_does_not_hold_the_end_up(tmp_path: Path) -> None:
    with Referee() as referee:
        stage, disk = on_stage(tmp_path, referee), Disk(quick=50)
        wanted = stage.verdict()
        with Hosted(stage.config, at=disk) as at:
            at.until(lambda: stage.counters().get("received", 0) > 100)
            disk.full.set()
            at.until(lambda: "store_unavailable" in at.ask("readyz").reasons)
        assert at.ending == "stopped"
        assert at.took_itself <= LIMIT
        assert stage.counters()["received"] < wanted.counters["received"]
        with Hosted(stage.config) as at:
            at.until(lambda: stage.counters() == wanted.counters and set(referee.seen) == wanted.alerts)
        assert at.ending == "stopped"


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning")
def test_everything_that_hangs_at_once_still_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that answers nothing, a disk that refuses, a sink that hangs: each of their shares is less than all."""
    monkeypatch.setattr(module, "DRAIN", 6.0)
    monkeypatch.setattr(module, "LONGEST", 9.0)
    hub = filled(SMALL)
    with Referee() as referee, Server(hub) as server:
        stage = Stage(tmp_path, SMALL, referee, None)  # type: ignore[arg-type] -- nobody is forked
        stage.read_hub(server.connection_string(), watchdog={"close": 4.0})
        sink, disk = Hanging(), Disk(quick=len(SMALL.messages))
        with Hosted(stage.config, at=disk, sinks=(sink,)) as at:
            at.until(sink.asked.is_set)
            disk.full.set()
            hub.put(0, SMALL.messages[-1].body)  # all others may be committed by now
            at.until(disk.refused.is_set)
            server.faults.black_hole()
        assert at.ending == "stopped"
        assert at.took_itself <= module.LONGEST + 5


# Reloading


def test_reloading_under_load_changes_no_alert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told, reloads = stream(days=1.0, agents=12), 0
    with staged(tmp_path, told) as stage:
        stage.read_files()
        wanted = stage.verdict()
        hurry = tmp_path / "hurry"
        pid = stage.started(slow=0.004, quick=50, hurry=str(hurry))
        deadline = time.monotonic() + 4 * PATIENCE
        while stage.counters() != wanted.counters:
            assert time.monotonic() < deadline, (stage.counters(), wanted.counters, stage.last_lines())
            before = stage.lines("configuration_reloaded")
            stage.send(pid, "reload")
            reloads += 1
            if reloads <= 3:
                stage.until(lambda before=before: stage.lines("configuration_reloaded") > before, pid=pid)  # type: ignore[misc]
            else:
                hurry.touch()
                time.sleep(0.3)
            assert stage.nursery.ended(pid) is None, stage.last_lines()
        stage.until(lambda: set(stage.referee.seen) >= wanted.alerts, pid=pid)
        assert stage.stop(pid) == 0
        stage.check(wanted)
        done = stage.lines("configuration_reloaded")
    with capsys.disabled():
        sys.stdout.write(f"\n{reloads} times SIGHUP under load, {done} reloads: no alert changed\n")
    assert 3 <= done <= reloads


def test_a_wish_to_reload_while_the_service_starts_is_not_lost(tmp_path: Path) -> None:
    go = threading.Event()

    def at_point(point: str) -> None:
        if point == "before_epoch":
            go.wait(150)

    with Referee() as referee, Hosted(on_stage(tmp_path, referee).config, at=at_point) as at:
        at.tell(at.service.reload)
        at.tell(go.set)
        at.until(lambda: bool(at.lines("configuration_reloaded")))
    assert at.ending == "stopped"


def test_a_configuration_that_changes_what_judges_is_used_from_then_on(tmp_path: Path) -> None:
    """And one that is wrong is refused as a whole; the service goes on with what it has."""
    with Referee() as referee:
        stage = on_stage(tmp_path, referee)
        wanted = stage.verdict()
        with Hosted(stage.config, watched=True) as at:
            at.until(lambda: stage.counters() == wanted.counters)
            stage.config.write_text(stage.config.read_text() + "scpoe: agents\n")
            at.tell(at.service.reload)
            at.until(lambda: bool(at.lines("configuration_refused")))
            assert at.value("config_last_reload_successful") == 0
            stage.document["detectors"] = {"token_spike": {"enabled": False}}
            stage.write()
            at.tell(at.service.reload)
            at.until(lambda: bool(at.lines("configuration_reloaded")))
            assert at.value("config_last_reload_successful") == 1
            assert at.ask("readyz").status == 200
        assert at.ending == "stopped"
