"""Law: a restart anywhere changes nothing: the same alerts from there on, to the byte, and the same memory."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given

from detector.engine.state import State
from tests.laws.streams import Factory, Stream, delayed, encoded, few, real, reborn, remembered, streams
from tests.stories import tell


def check(factory: Factory, stream: Stream) -> None:
    """An engine that never stops against one that stops several times, with a decoder that starts anew as well."""
    dice = Random(stream.seed)
    events = delayed(stream, dice)
    steady, engine = factory(stream.settings, None), factory(stream.settings, None)
    place = 0
    while place < len(events):
        part = events[place : place + dice.choice((1, 10, 100, 400))]
        place += len(part)
        assert encoded(tell(engine, reborn(part))) == encoded(tell(steady, part))
        engine = factory(stream.settings, State.load(engine.snapshot()))
    assert State.load(engine.snapshot()) == steady.state
    assert remembered(engine) == remembered(steady)
    assert encoded(engine.finish()) == encoded(steady.finish())


@pytest.mark.untraced
@few
@given(streams())
def test_a_restart_anywhere_changes_nothing(stream: Stream) -> None:
    check(real, stream)
