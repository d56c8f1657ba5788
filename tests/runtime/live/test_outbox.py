"""Relays ask for alerts; the store keeps documents. Nothing is lost in between."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.engine.engine import Engine
from detector.runtime.live.memory import new_alert
from detector.runtime.live.outbox import StoredOutbox, alert_of
from detector.sinks.allowance import Allowance, hour_of
from detector.stores.records import Commit
from tests.live.stream import stream
from tests.sinks.alerts import HOSTILE, alert
from tests.sinks.outboxes import numbered
from tests.stores.stage import opened


@pytest.mark.parametrize("name", HOSTILE)
def test_an_alert_comes_out_as_it_went_in(tmp_path: Path, name: str) -> None:
    told = alert(name.encode("utf-8", "replace").decode())
    with opened(tmp_path) as store:
        store.commit(Commit(alerts=[new_alert(told, ("one",))]))
        (found,) = StoredOutbox(store.outbox).pending("one", 10)
        assert new_alert(found, ("one",)) == new_alert(told, ("one",))
        assert (found.id, found.subject, found.attack) == (told.id, told.subject, told.attack)


def test_what_is_sent_is_byte_for_byte_what_a_replay_writes() -> None:
    told = stream(days=1.0, agents=12)
    settings = load(text=json.dumps(told.configuration))
    decoder, engine = Decoder(**decoder_settings(settings)), Engine(engine_settings(settings))
    detectors = Counter[str]()
    for message in told.messages:
        for raised in engine.process(decoder.body(message.body)):
            document = new_alert(raised, ()).document
            assert new_alert(alert_of(document), ()).document == document
            detectors[raised.detector] += 1
    assert len(detectors) > 3


def test_what_is_marked_is_not_offered_again(tmp_path: Path) -> None:
    first, second, third, fourth = alerts = numbered(4)
    with opened(tmp_path) as store:
        store.commit(Commit(alerts=[new_alert(each, ("one", "two")) for each in alerts]))
        outbox = StoredOutbox(store.outbox)
        assert len(outbox.pending("one", 2)) == 2
        outbox.mark_sent("one", [first.id])
        outbox.mark_failed("one", [second.id], "rejected")
        assert {each.id for each in outbox.pending("one", 10)} == {third.id, fourth.id}
        assert {each.id for each in outbox.pending("two", 10)} == {each.id for each in alerts}


def test_a_roll_up_stands_for_those_held_back_and_only_for_its_sink(tmp_path: Path) -> None:
    alerts = numbered(3)
    roll_up = Allowance(1).roll_up(alerts, hour_of(alerts[0]))
    with opened(tmp_path) as store:
        store.commit(Commit(alerts=[new_alert(each, ("one", "two")) for each in alerts]))
        outbox = StoredOutbox(store.outbox)
        outbox.hold_back("one", [each.id for each in alerts], roll_up)
        (found,) = outbox.pending("one", 10)
        assert (found.id, found.evidence.observed) == (roll_up.id, roll_up.evidence.observed)
        assert {each.id for each in outbox.pending("two", 10)} == {each.id for each in alerts}
