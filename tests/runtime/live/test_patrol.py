"""The patrol tells what waits and how full the disk is, stops the intake in time, and takes snapshots."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import namedtuple
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from detector.config.load import load
from detector.domain.delivery import Delivery, Position
from detector.runtime.live import patrol as module
from detector.runtime.live.feeds import Lag, Time
from detector.runtime.live.inbox import Inbox
from detector.runtime.live.patrol import OUTBOX_OLD, SWEEP, Patrol
from detector.stores.errors import StoreCorrupted, StoreUnavailable
from detector.stores.records import Commit
from detector.stores.store import Store
from detector.telemetry.telemetry import Telemetry
from tests.stores.stage import NOW, alert, opened
from tests.telemetry.facts import Clock, telemetry

Usage = namedtuple("Usage", "total used free")


@dataclass
class Source:
    """A feed that says what a test wants."""

    says: list[str] = field(default_factory=list)
    behind_by: list[Lag] = field(default_factory=list)

    def reasons(self) -> Iterator[str]:
        yield from self.says

    def lags(self, _: Mapping[str, Position]) -> Iterator[Lag]:
        yield from self.behind_by


class Working:
    store_refuses = False

    def positions(self) -> dict[str, Position]:
        return {}


@dataclass
class Beat:
    """A patrol and all that it looks after."""

    patrol: Patrol
    store: Store
    source: Source
    worker: Working
    telemetry: Telemetry
    clock: Clock
    inbox: Inbox | None = None


@contextmanager
def beat(directory: Path, inbox: Any = None, **block: Any) -> Iterator[Beat]:
    settings = load(
        text=f"store: {{max_outbox: 100, {', '.join(f'{name}: {value}' for name, value in block.items())}}}"
    )
    told, _, clock = telemetry(sinks=("alertmanager", "webhook"))
    clock.at = NOW
    source, worker = Source(), Working()
    with opened(directory) as store:
        patrol: Any = Patrol(
            settings,
            store,
            worker,  # type: ignore[arg-type]
            inbox,
            source,  # type: ignore[arg-type]
            told,
            names=("alertmanager", "webhook"),
            time=Time(now=clock, monotonic=clock),
        )
        yield Beat(patrol, store, source, worker, told, clock, inbox)


def look(at: Beat) -> list[str]:
    asyncio.run(at.patrol.look())
    return list(at.patrol.reasons())


def free(monkeypatch: pytest.MonkeyPatch, part: float) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(1000, 1000 - 1000 * part, 1000 * part))


def test_all_is_well_with_an_empty_outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 0.5)
    with beat(tmp_path) as at:
        assert look(at) == []
        metrics = at.telemetry.metrics
        assert metrics.value("store_bytes") == at.store.size() > 0
        assert metrics.value("store_free_ratio") == pytest.approx(at.store.disk_free_ratio(), abs=0.05)
        assert 0 < (metrics.value("store_free_ratio") or 0) < 1
        assert metrics.value("outbox_rows", sink="webhook") == 0


def test_suppressions_and_their_first_end_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 0.5)
    with beat(tmp_path) as at:
        at.store.alerts.suppress(
            "6f1e8a52-0000-4000-8000-000000000001", owner="team", reason="test", expires=NOW + 30 * 86_400
        )
        assert look(at) == []
        assert at.telemetry.metrics.value("suppressions_in_force") == 1
        assert at.telemetry.metrics.value("suppression_expiry_timestamp_seconds") == NOW + 30 * 86_400


def test_a_disk_that_is_nearly_full_is_told_and_nothing_more_is_taken_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with beat(tmp_path, min_free=0.2) as at:
        for part, reasons in ((0.21, []), (0.19, ["disk_low"]), (0.2, [])):
            free(monkeypatch, part)
            assert look(at) == reasons


def test_an_outbox_beyond_its_bound_is_told_by_whatever_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 0.5)
    with beat(tmp_path) as at:
        at.store.commit(Commit(alerts=[alert(number, sinks=("webhook",)) for number in range(99)]))
        assert look(at) == []
        at.store.commit(Commit(alerts=[alert(99, sinks=("webhook", "alertmanager"))]))
        assert look(at) == ["outbox_full"]
        assert at.telemetry.metrics.value("outbox_rows", sink="webhook") == 100
        assert at.telemetry.metrics.value("outbox_rows", sink="alertmanager") == 1
        at.store.outbox.mark_sent("webhook", [alert(7).id])
        assert look(at) == []


def test_an_alert_that_waits_for_minutes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 0.5)
    with beat(tmp_path) as at:
        at.store.commit(Commit(alerts=[alert(1, sinks=("webhook",))]))
        at.clock.at = NOW + OUTBOX_OLD - 1
        assert look(at) == []
        at.clock.at = NOW + OUTBOX_OLD
        assert look(at) == ["outbox_old"]
        assert at.telemetry.metrics.value("outbox_oldest_timestamp_seconds", sink="webhook") == NOW
        at.store.outbox.mark_sent("webhook", [alert(1).id])
        assert look(at) == []
        assert at.telemetry.metrics.value("outbox_oldest_timestamp_seconds", sink="webhook") == 0


def test_reasons_of_worker_and_source_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 0.5)
    with beat(tmp_path) as at:
        at.source.says = ["partition_stalled:3"]
        at.worker.store_refuses = True
        assert look(at) == ["partition_stalled:3", "store_unavailable"]
        at.patrol.fault = "hub_recreated"
        assert look(at) == ["hub_recreated", "store_unavailable"], "the source has ended, and says nothing more"


def test_how_far_the_source_is_behind_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 0.5)
    with beat(tmp_path) as at:
        at.source.behind_by = [Lag("0", 7), Lag("logs/x.jsonl", 900)]
        look(at)
        assert at.telemetry.metrics.value("partition_lag_events", partition="0") == 7
        assert at.telemetry.metrics.value("partition_lag_events", partition="files") is None


@pytest.mark.parametrize("error", [StoreUnavailable("no disk"), StoreCorrupted("damaged")])
def test_a_store_that_cannot_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The worker meets the same disk and says so; but damage ends the service."""

    def broken() -> None:
        raise error

    with beat(tmp_path) as at:
        monkeypatch.setattr(at.store.outbox, "depths", broken)
        if isinstance(error, StoreCorrupted):
            with pytest.raises(StoreCorrupted):
                look(at)
        else:
            assert look(at) == []


async def rounds(at: Beat, count: int, monkeypatch: pytest.MonkeyPatch, every: float = 1.0) -> None:
    """So many rounds, after each of which so many seconds have passed."""
    left = count

    async def sleep(_: float) -> None:
        nonlocal left
        left -= 1
        at.clock.at += every
        if not left:
            raise asyncio.CancelledError

    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await at.patrol.run()
    monkeypatch.undo()


@pytest.mark.asyncio
async def test_the_intake_pauses_while_the_disk_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    inbox = Inbox(asyncio.get_running_loop(), 1_000, clock)
    message = Delivery("0", Position(1, "1"), 1.0, b"x")
    with beat(tmp_path, inbox) as at:
        free(monkeypatch, 0.05)
        await rounds(at, 1, monkeypatch)
        waiting = asyncio.create_task(inbox.put(message))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        free(monkeypatch, 0.5)
        await rounds(at, 1, monkeypatch)
        await asyncio.wait_for(waiting, 60)


@pytest.mark.asyncio
async def test_snapshots_are_taken_at_their_interval_and_one_that_fails_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = Inbox(asyncio.get_running_loop(), 1_000, Clock())
    with beat(tmp_path, inbox, snapshot_every=60) as at:
        taken: list[float] = []

        def snapshot() -> None:
            taken.append(at.clock.at - NOW)
            if len(taken) == 1:
                raise StoreUnavailable("no room")

        monkeypatch.setattr(at.store, "snapshot", snapshot)
        free(monkeypatch, 0.5)
        await rounds(at, 10, monkeypatch, every=20.0)
        assert taken == [60.0, 120.0, 180.0]


@pytest.mark.asyncio
async def test_damage_that_a_snapshot_finds_ends_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox(asyncio.get_running_loop(), 1_000, Clock())
    with beat(tmp_path, inbox, snapshot_every=60) as at:

        def snapshot() -> None:
            raise StoreCorrupted("damaged")

        monkeypatch.setattr(at.store, "snapshot", snapshot)
        free(monkeypatch, 0.5)
        at.clock.at = NOW

        async def sleep(_: float) -> None:
            at.clock.at += 60.0

        monkeypatch.setattr(module.asyncio, "sleep", sleep)
        with pytest.raises(StoreCorrupted):
            await at.patrol.run()


class _Cycle:
    """Refers to itself, as clients of the Azure SDK do."""

    def __init__(self) -> None:
        self.me = self


def test_cyclic_garbage_is_swept_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.runtime.live.patrol.ROUND", 0.001)
    inbox = type("Open", (), {"pause": lambda *_, **__: None})()

    async def rounds(at: Beat) -> None:
        going = asyncio.create_task(at.patrol.run())
        left = weakref.ref(_Cycle())
        for _ in range(20):
            await asyncio.sleep(0.002)
        assert left() is not None, "not before its time"
        at.clock.at += SWEEP
        while left() is not None:
            await asyncio.sleep(0.002)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)

    with beat(tmp_path, inbox) as at:
        gc.collect()
        gc.disable()
        try:
            asyncio.run(asyncio.wait_for(rounds(at), 60))
        finally:
            gc.enable()
