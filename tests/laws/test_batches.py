"""Law: where one body ends and the next begins changes nothing."""

from __future__ import annotations

from random import Random

from hypothesis import given

from tests.laws.streams import Factory, Stream, delayed, encoded, few, real, remembered, streams
from tests.stories import tell


def check(factory: Factory, stream: Stream) -> None:
    """One body, bodies of one record, and bodies of random sizes, in a disordered stream."""
    dice = Random(stream.seed)
    events = delayed(stream, dice)
    whole = factory(stream.settings, None)
    expected = encoded(tell(whole, events))
    for size in (1, dice.randint(2, 10), dice.randint(11, 200)):
        parts = factory(stream.settings, None)
        assert encoded(tell(parts, events, size=size)) == expected
        assert remembered(parts) == remembered(whole)


@few
@given(streams())
def test_batch_boundaries_do_not_matter(stream: Stream) -> None:
    check(real, stream)
