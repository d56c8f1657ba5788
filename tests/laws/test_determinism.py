"""Law: the same events give the same alerts, to the byte, and the same memory."""

from __future__ import annotations

from hypothesis import given

from tests.laws.streams import Factory, Stream, encoded, few, real, remembered, streams
from tests.stories import tell


def check(factory: Factory, stream: Stream) -> None:
    """Two engines are told the same in turns, and a third one after them."""
    first, second = factory(stream.settings, None), factory(stream.settings, None)
    said: tuple[list[bytes], list[bytes]] = ([], [])
    for event in stream.events:
        said[0].extend(encoded(tell(first, [event])))
        said[1].extend(encoded(tell(second, [event])))
    third = factory(stream.settings, None)
    again = encoded(tell(third, stream.events, size=1))
    assert said[0] == said[1] == again
    assert remembered(first) == remembered(second) == remembered(third)
    assert encoded(first.finish()) == encoded(second.finish()) == encoded(third.finish())


@few
@given(streams())
def test_the_same_events_give_the_same_alerts(stream: Stream) -> None:
    check(real, stream)
