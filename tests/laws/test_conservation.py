"""Law: every record received ends as exactly one of applied, duplicate, filtered, late, quarantined."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given

from detector.decode.decoded import Decoded
from detector.domain.events import Event
from detector.domain.quarantine import Quarantined
from tests.laws.streams import Factory, Stream, few, real, streams
from tests.stories import HOUR, MINUTE


def shuffled(stream: Stream, dice: Random) -> list[Event]:
    """The events in an order that makes some late, with some of them twice."""
    late = stream.settings.lateness + HOUR
    events = [event for event in stream.events for _ in range(dice.choice((1, 1, 2)))]
    return sorted(events, key=lambda event: event.time + dice.choice((0.0, dice.uniform(0.0, late), 5 * MINUTE)))


def check(factory: Factory, stream: Stream) -> None:
    """Counted outside, body by body, while records are late, copied, unread and unusable."""
    dice = Random(stream.seed)
    engine = factory(stream.settings, None)
    events, received = shuffled(stream, dice), 0
    while events:
        part = [events.pop(0) for _ in range(min(len(events), dice.randint(1, 60)))]
        refused = [Quarantined("bad_time", "", b"", 0, "")] * dice.choice((0, 0, 2))
        filtered = Counter({"empty": dice.choice((0, 3)), "unknown_category": 1})
        engine.process(Decoded(part, quarantined=refused, filtered=filtered, unknown=Counter({"category:x": 1})))
        received += len(part) + len(refused) + filtered.total()
        account = engine.accounting
        assert account.received == received
        assert account.balanced()
    assert engine.accounting.late
    assert engine.accounting.duplicate


@few
@given(streams())
def test_every_record_is_accounted_for(stream: Stream) -> None:
    check(real, stream)
