"""Law: what the journal of an engine tells row by row is its whole memory, whenever it is asked."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given

from detector.engine import changing
from detector.engine.engine import Engine
from detector.engine.journal import Journal, Rebuilt, rebuild
from detector.errors import SnapshotError
from tests.laws.streams import Factory, Stream, delayed, encoded, few, fixed, real, remembered, streams
from tests.stories import tell


class Table:
    """What a store holds: rows by key, and hashes by hour."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], bytes] = {}
        self.digests: dict[int, bytes] = {}
        self.core = b""

    def write(self, journal: Journal) -> None:
        changed = journal.take()
        for kind, tenant, identifier, payload in changed.rows:
            if payload is None:
                self.rows.pop((kind, tenant, identifier), None)
            else:
                self.rows[kind, tenant, identifier] = payload
        for hour, packed in changed.digests.items():
            self.digests[hour] = self.digests.get(hour, b"") + packed
        oldest = changed.oldest_hour
        self.digests = {hour: ids for hour, ids in self.digests.items() if oldest is not None and hour >= oldest}
        self.core = changed.core

    def rebuilt(self) -> Rebuilt:
        shuffled = sorted(self.rows.items(), reverse=True)
        return rebuild(self.core, ((*key, payload) for key, payload in shuffled), self.digests)


def check(factory: Factory, stream: Stream) -> None:
    """A store that is told after every batch, and an engine that is made of it now and then."""
    dice = Random(stream.seed)
    events = delayed(stream, dice)
    steady, engine, table = factory(stream.settings, None), factory(stream.settings, None), Table()
    engine.journal.listen()
    place = 0
    while place < len(events):
        part = events[place : place + dice.choice((1, 10, 100, 400))]
        place += len(part)
        assert encoded(tell(engine, part)) == encoded(tell(steady, part))
        table.write(engine.journal)
        rebuilt = table.rebuilt()
        assert remembered(Engine(stream.settings, rebuilt.state)) == remembered(steady)
        assert list(rebuilt.state.said) == list(steady.state.said)
        assert rebuilt.state.parked == steady.state.parked
        for tenant_id, tenant in steady.state.tenants.items():
            assert list(rebuilt.state.tenants[tenant_id].actors) == list(tenant.actors)
        if dice.random() < 0.3:
            engine = factory(stream.settings, rebuilt.state)
            engine.journal.resume(rebuilt.numbers)


def crowded(stream: Stream) -> Stream:
    """The same stream where there is room for very little, so that most is forgotten again."""
    tight = replace(stream.settings, max_identities=4, max_said=6, max_record_ids=300, max_parked=2)
    return replace(stream, settings=tight)


@pytest.mark.untraced
@few
@given(streams())
def test_rows_are_the_whole_memory(stream: Stream) -> None:
    check(real, stream)


@few
@given(streams())
def test_what_is_forgotten_goes_from_the_rows(stream: Stream) -> None:
    check(real, crowded(stream))


def test_actors_that_are_forgotten_go_from_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "_MAX_ACTORS", 2)
    check(real, fixed())


def test_who_listens_late_is_told_everything() -> None:
    stream = fixed(lateness=1200.0)
    engine, table = real(stream.settings, None), Table()
    tell(engine, list(stream.events))
    engine.journal.listen()
    table.write(engine.journal)
    assert remembered(Engine(stream.settings, table.rebuilt().state)) == remembered(engine)


@pytest.mark.untraced
def test_nothing_is_noted_while_nobody_listens() -> None:
    stream = fixed()
    engine = real(stream.settings, None)
    tell(engine, list(stream.events))
    changed = engine.journal.take()
    assert {row.kind for row in changed.rows} <= {"parked"}
    assert changed.digests == {}


@pytest.mark.parametrize(("kind", "payload"), [("identity", b"\xc1"), ("oracle", b"\x80"), ("actor", b"12345678\xc1")])
def test_a_row_that_is_none_of_ours_is_refused(kind: str, payload: bytes) -> None:
    engine = real(fixed().settings, None)
    core = engine.journal.take().core
    with pytest.raises(SnapshotError):
        rebuild(core, [(kind, "t", "i", payload)], {})
