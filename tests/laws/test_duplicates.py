"""Law: copies of records, within two hours of event time, change nothing but the count of duplicates."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given

from detector.domain.events import Event
from tests.laws.streams import Factory, Stream, encoded, few, real, remembered, strangers, streams
from tests.stories import HOUR, tell


def copied(events: tuple[Event, ...], dice: Random) -> list[Event]:
    """The events and up to three copies of some, each anywhere behind the original within two hours."""
    rest = [(event.time, place, event) for place, event in enumerate(events)]
    for place, event in enumerate(events):
        for _ in range(dice.choice((0, 0, 1, 1, 3))):
            (copy,) = strangers([event])
            at = event.time + dice.choice((0.0, 2 * HOUR, dice.uniform(0.0, 2 * HOUR)))
            rest.append((at, place + 0.5 if at == event.time else -1.0, copy))
    return [event for _, _, event in sorted(rest, key=lambda each: each[:2])]


def check(factory: Factory, stream: Stream) -> None:
    """The stream with copies against the stream without."""
    dice = Random(stream.seed)
    clean, full = factory(stream.settings, None), factory(stream.settings, None)
    events = copied(stream.events, dice)
    assert encoded(tell(full, events, size=50)) == encoded(tell(clean, stream.events, size=50))
    assert remembered(full, without=("accounting", "admission")) == remembered(
        clean, without=("accounting", "admission")
    )
    assert full.accounting.duplicate == len(events) - len(stream.events)
    full.accounting.received -= full.accounting.duplicate
    full.accounting.duplicate = 0
    assert full.accounting == clean.accounting


@pytest.mark.untraced
@few
@given(streams())
def test_copies_change_nothing_but_the_count_of_duplicates(stream: Stream) -> None:
    check(real, stream)
