"""A sign-in of the canary becomes an alert, and the moment at which a sink has it is told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from detector.decode.decoder import Decoder
from detector.domain.events import Event
from detector.runtime.live.canary import DETECTOR, Canary, Watch
from detector.sinks.encoding import alert_document, json_line
from tests.decode.builders import AGENT, audit, dumps, sign_in, target
from tests.sinks.alerts import HOSTILE
from tests.sinks.outboxes import MemoryOutbox, numbered


def events(*records: object) -> list[Event]:
    return Decoder().body(dumps(*records)).events


def test_only_sign_ins_of_the_canary_itself_are_sighted() -> None:
    found = events(
        sign_in(),
        sign_in(id="22220000-0000-4000-8000-000000000002", appId="b0b00000-0000-4000-8000-000000000001"),
        audit("Add owner to service principal", target()),
    )
    assert len(found) == 3
    (alert,) = Canary(AGENT).sighted(found)
    assert (alert.detector, alert.severity, alert.subject.id) == (DETECTOR, "info", AGENT)
    assert alert.time == "2026-03-02T08:00:01.250Z"
    assert alert.evidence.record_ids == ("11110000-0000-4000-8000-000000000001",)
    assert re.fullmatch("[0-9a-f]{32}", alert.id)


def test_the_same_record_gives_the_same_alert_and_another_another() -> None:
    canary = Canary(AGENT)
    one, again, other = (
        next(canary.sighted(events(sign_in(id=f"11110000-0000-4000-8000-{number:012d}")))) for number in (1, 1, 2)
    )
    assert one == again
    assert one.id != other.id


def test_it_is_an_alert_by_the_published_schema() -> None:
    import jsonschema

    root = Path(__file__).parents[3]
    schema = json.loads((root / "docs" / "alert.schema.json").read_text(encoding="utf-8"))
    (alert,) = Canary(AGENT).sighted(events(sign_in()))
    jsonschema.validate(json.loads(json_line(alert_document(alert))), schema)
    assert (root / alert.runbook).is_file()


@pytest.mark.parametrize("name", HOSTILE)
def test_its_name_is_as_harmless_as_any(name: str) -> None:
    (alert,) = Canary(AGENT).sighted(events(sign_in(appDisplayName=name, servicePrincipalName=name)))
    line = json_line(alert_document(alert))
    assert all(0x20 <= byte <= 0x7E for byte in line[:-1])


def watched() -> tuple[Watch, MemoryOutbox, list[int], str, list[str]]:
    outbox, seen = MemoryOutbox(numbered(2)), list[int]()
    (told,) = Canary(AGENT).sighted(events(sign_in()))
    outbox.add(told)
    return Watch(outbox, lambda: seen.append(1)), outbox, seen, told.id, [each.id for each in numbered(2)]


def test_it_is_seen_once_a_sink_has_it() -> None:
    watch, outbox, seen, canary, others = watched()
    assert len(watch.pending("one", 10)) == 3
    watch.mark_sent("one", others)
    assert seen == []
    watch.mark_sent("one", [canary])
    assert seen == [1]
    assert outbox.sent == [*others, canary]


def test_it_is_not_seen_when_the_sink_refused_it_or_the_store_did_not_take_it() -> None:
    watch, outbox, seen, canary, _ = watched()
    watch.pending("one", 10)
    outbox.breaks = 1
    with pytest.raises(OSError, match="no space"):
        watch.mark_sent("one", [canary])
    watch.mark_failed("one", [canary], "rejected")
    assert seen == []
    assert outbox.failed == {canary: "rejected"}


def test_a_roll_up_passes_through() -> None:
    watch, outbox, seen, _, others = watched()
    watch.pending("one", 10)
    (roll_up,) = numbered(1, agent="roll-up")
    watch.hold_back("one", others, roll_up)
    assert set(outbox.failed) == set(others)
    assert seen == []
