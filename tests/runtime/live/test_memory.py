"""What a batch changed becomes a commit, and what a store holds the same engine again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given

from detector.decode.decoded import Decoded
from detector.domain.alerts import Alert
from detector.domain.events import Event
from detector.engine.admission import Admission
from detector.engine.engine import Engine
from detector.engine.state import VERSION, State
from detector.errors import SnapshotError
from detector.runtime.live.memory import CORE, commit_of, engine_from, new_alert
from detector.sinks.encoding import alert_document, json_line
from detector.stores.records import Commit, CoreRow, StateRow
from detector.stores.store import Store
from tests.laws.streams import Stream, encoded, few, fixed, real, remembered, streams
from tests.sinks.alerts import HOSTILE, alert
from tests.stores.stage import opened


def fold(engine: Engine, events: Sequence[Event], store: Store) -> list[Alert]:
    """Judges events as one batch, and commits it."""
    alerts = engine.process(Decoded(list(events)))
    store.commit(
        commit_of(
            engine.journal.take(),
            positions={},
            alerts=alerts,
            sinks=("one",),
            quarantined=(),
            accounting=engine.accounting,
        )
    )
    return alerts


def check(stream: Stream, directory: Path) -> None:
    """Batches of any size with restarts between them are the engine that never stopped."""
    dice = Random(stream.seed)
    steady, wanted, got = real(stream.settings), list[Alert](), list[Alert]()
    left = list(stream.events)
    store = opened(directory)
    engine = engine_from(store.load(), stream.settings)
    while left:
        size = dice.choice((1, 7, 60, 400))
        batch, left = left[:size], left[size:]
        wanted += steady.process(Decoded(list(batch)))
        got += fold(engine, batch, store)
        if dice.random() < 0.3:
            store.close()
            store = opened(directory)
            engine = engine_from(store.load(), stream.settings)
            assert remembered(engine) == remembered(steady)
    assert encoded(got) == encoded(wanted)
    assert remembered(engine_from(store.load(), stream.settings)) == remembered(steady)
    # Where what was said is forgotten, it is told anew: the store keeps the first telling of an id, held back or not.
    first = {each.id: each for each in reversed(wanted)}
    sent = {name for name, each in first.items() if each.held is None}
    assert {row.alert_id for row in store.outbox.pending("one", 100_000)} == sent
    counters = store.load().counters
    assert counters["received"] == steady.accounting.received == len(stream.events)
    store.close()


@few
@given(streams())
def test_a_store_gives_back_the_engine_that_it_was_told(
    tmp_path_factory: pytest.TempPathFactory, stream: Stream
) -> None:
    check(stream, tmp_path_factory.mktemp("store"))


def test_where_there_is_little_room_what_is_forgotten_stays_so(tmp_path: Path) -> None:
    stream = fixed()
    tight = replace(stream.settings, max_identities=4, max_said=6, max_record_ids=300, max_parked=2)
    check(replace(stream, settings=tight), tmp_path)


def test_an_empty_store_gives_an_empty_engine_that_notes_what_changes(tmp_path: Path) -> None:
    stream = fixed()
    with opened(tmp_path) as store:
        engine = engine_from(store.load(), stream.settings)
        assert remembered(engine) == remembered(real(stream.settings))
        fold(engine, stream.events[:50], store)
        assert list(store.load().state)


@pytest.mark.parametrize(
    "batch",
    [
        Commit(state=[StateRow("identity", "t", "i", b"\x80")]),
        Commit(state=[StateRow("oracle", "t", "i", b"\x80")], core=[CoreRow(CORE, b"\xc1")]),
        Commit(core=[CoreRow(CORE, b"\xc1")]),
        Commit(core=[CoreRow(CORE, b"\x80")]),
    ],
)
def test_memory_that_is_none_of_ours_is_refused(tmp_path: Path, batch: Commit) -> None:
    with opened(tmp_path) as store:
        store.commit(batch)
        with pytest.raises(SnapshotError):
            engine_from(store.load(), fixed().settings)


def test_memory_of_another_format_is_refused_and_named(tmp_path: Path) -> None:
    settings = fixed().settings
    older = State(admission=Admission(settings.lateness), version=VERSION - 1)
    with opened(tmp_path) as store:
        store.commit(Commit(core=[CoreRow(CORE, older.dump())]))
        with pytest.raises(SnapshotError, match=f"has format {VERSION - 1}, this release reads {VERSION}"):
            engine_from(store.load(), settings)


@pytest.mark.parametrize(("kind", "payload"), [("identity", b"\xc1"), ("oracle", b"\x80"), ("actor", b"12345678\xc1")])
def test_a_row_of_another_kind_or_form_is_refused(tmp_path: Path, kind: str, payload: bytes) -> None:
    stream = fixed()
    with opened(tmp_path) as store:
        fold(engine_from(store.load(), stream.settings), stream.events[:20], store)
        store.commit(Commit(state=[StateRow(kind, "t", "i", payload)]))
        with pytest.raises(SnapshotError):
            engine_from(store.load(), stream.settings)


@pytest.mark.parametrize("name", HOSTILE)
def test_an_alert_is_stored_as_it_is_sent(name: str) -> None:
    told = alert(name)
    stored = new_alert(told, ("one", "two"))
    assert stored.document == json_line(alert_document(told))
    assert stored[:5] == (told.id, 1791185089.188, "high", "token_spike", told.subject.id)
    assert stored.sinks == ("one", "two")
