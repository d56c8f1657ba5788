"""What a replay begins with: the memory of the live service, or what the days before taught."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.engine.engine import Engine
from detector.errors import SnapshotError, UsageError
from detector.runtime.baseline import described, engine_of_snapshot
from detector.runtime.live.memory import commit_of, engine_from
from detector.runtime.window import DAY, Window
from detector.stores.store import Store
from tests.archive import on_time
from tests.live.stream import Stream, stream
from tests.stores.stage import workings

START = 1_000 * DAY


@pytest.fixture(scope="module")
def told() -> Stream:
    return on_time(stream(days=0.5, agents=6))


def test_an_engine_out_of_a_snapshot_goes_on_as_the_live_service_did(told: Stream, tmp_path: Path) -> None:
    """The store is snapshot in the middle of the stream; a new engine reads the rest, and some of what was before."""
    settings = load()
    given, half = engine_settings(settings), len(told.messages) // 2
    decoder = Decoder(**decoder_settings(settings))
    with Store.open(tmp_path, workings()) as store:
        live = engine_from(store.load(), given)
        for message in told.messages[:half]:
            live.process(decoder.body(message.body))
        changed = live.journal.take()
        store.commit(commit_of(changed, positions={}, alerts=[], sinks=(), quarantined=[], accounting=live.accounting))
        store.snapshot()
    wanted = [alert.id for message in told.messages[half:] for alert in live.process(decoder.body(message.body))]
    engine, taken = engine_of_snapshot(tmp_path, given, inf)
    again = Decoder(**decoder_settings(settings))
    rest = told.messages[half - 20 :]
    found = [alert.id for message in rest for alert in engine.process(again.body(message.body))]
    assert wanted
    assert found == wanted
    assert engine.accounting.duplicate > live.accounting.duplicate, "what the snapshot knows already are copies"
    said = taken.document(Window(start=taken.watermark + 60))
    assert (said["kind"], said["snapshot"]) == ("snapshot", "snapshot-00000001.db")
    with pytest.raises(UsageError, match="later than"):
        engine_of_snapshot(tmp_path, given, taken.watermark - 1)


def test_what_is_no_snapshot_is_said_so(tmp_path: Path) -> None:
    given = engine_settings(load())
    with pytest.raises(UsageError, match="no snapshot"):
        engine_of_snapshot(tmp_path, given, inf)
    broken = tmp_path / "snapshot-00000001.db"
    broken.write_bytes(b"SQLite format 3\x00 and no more")
    with pytest.raises(SnapshotError, match="cannot be used"):
        engine_of_snapshot(broken, given, inf)


@pytest.mark.parametrize(
    ("window", "first", "kind", "days", "warned"),
    [
        (Window(), START, None, None, False),
        (Window(start=START, baseline=30 * DAY), START - 31 * DAY, "learned", 30.0, False),
        (Window(start=START, baseline=30 * DAY), START - 27 * DAY, "learned", 27.0, False),
        (Window(start=START, baseline=30 * DAY), START - 26 * DAY, "learned", 26.0, True),
        (Window(start=START, baseline=30 * DAY), None, "learned", 0.0, True),
        (Window(start=START), START, "none", None, False),
        (Window(end=START), START, "none", None, False),
    ],
)
def test_a_baseline_says_how_many_days_it_really_has(
    window: Window, first: float | None, kind: str | None, days: float | None, warned: bool
) -> None:
    said, sentence = described(window, first)
    assert (said.get("kind"), said.get("days_found"), sentence is not None) == (kind, days, warned)


def test_an_engine_that_reads_an_archive_keeps_no_journal(told: Stream, tmp_path: Path) -> None:
    """Nobody takes what it would note, so it would grow with the archive."""
    given = engine_settings(load())
    with Store.open(tmp_path, workings()) as store:
        live = engine_from(store.load(), given)
        live.process(Decoder().body(told.messages[0].body))
        commit = commit_of(
            live.journal.take(), positions={}, alerts=[], sinks=(), quarantined=[], accounting=live.accounting
        )
        store.commit(commit)
        store.snapshot()
    engine, _ = engine_of_snapshot(tmp_path, given, inf)
    assert isinstance(engine, Engine)
    for message in told.messages[1:200]:
        engine.process(Decoder().body(message.body))
    assert not engine.journal._touched
    assert not engine.journal._digests
