"""Law: within the lateness, the order of arrival changes neither the set of alert ids nor the accounting."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import msgspec
from hypothesis import given

from detector.domain.alerts import Alert
from tests.laws.streams import Factory, Stream, delayed, few, real, streams
from tests.stories import tell


def verdicts(alerts: Iterable[Alert]) -> set[tuple[str, bool]]:
    """Which alerts were raised, and whether they were within the budget."""
    return {(alert.id, alert.held is None) for alert in alerts}


def check(factory: Factory, stream: Stream) -> None:
    """Several orders of arrival against the order of event time."""
    engine = factory(stream.settings, None)
    expected = verdicts(tell(engine, stream.events)) | verdicts(engine.finish())
    account = msgspec.to_builtins(engine.accounting)
    dice = Random(stream.seed)
    for _ in range(3):
        other = factory(stream.settings, None)
        got = verdicts(tell(other, delayed(stream, dice))) | verdicts(other.finish())
        assert got == expected
        assert msgspec.to_builtins(other.accounting) == account


@few
@given(streams())
def test_arrival_order_does_not_matter(stream: Stream) -> None:
    check(real, stream)
