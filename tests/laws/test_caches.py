"""Law: caches are transparent: an engine that has just forgotten its routes and origins says and learns the same."""

from __future__ import annotations

from hypothesis import given

from tests.laws.streams import Factory, Stream, encoded, few, real, reborn, remembered, strangers, streams
from tests.stories import tell


def check(factory: Factory, stream: Stream) -> None:
    """Caches emptied behind every record, and records that share no objects, against the steady case.

    The steady engine has flyweights of its own: a route on one is of use to the engine that saw it last.
    """
    steady, forgetful, unshared = (factory(stream.settings, None) for _ in range(3))
    for event, own in zip(stream.events, reborn(stream.events), strict=True):
        expected = encoded(tell(steady, [own]))
        assert encoded(tell(forgetful, [event])) == expected
        forgetful.router._clear()
        forgetful.novelties.places.clear()
        forgetful.counting.sustaining.usual.clear()
        forgetful.counting._priors.clear()
        assert encoded(tell(unshared, strangers([event]))) == expected
    assert remembered(forgetful) == remembered(steady)
    assert remembered(unshared) == remembered(steady)


@few
@given(streams())
def test_observing_again_within_the_hour_changes_no_verdict(stream: Stream) -> None:
    check(real, stream)
