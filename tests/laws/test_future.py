"""Law: one record from the future changes nothing but the count of the quarantined."""

from __future__ import annotations

from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from detector.domain.events import SignIn
from tests.laws.records import lines_of, record_of, said_of
from tests.laws.streams import Stream, encoded, few, remembered, streams
from tests.stories import DAY, MINUTE, Tenant

YEARS = 73 * 365 * DAY
"""From 2026 to 2099."""


def check(stream: Stream, ahead: float = YEARS) -> None:
    """The stream with and without a record dated `ahead` of its own export, somewhere in it."""
    lines = lines_of(stream.events).split(b"\n")
    place = Random(stream.seed).randrange(len(lines))
    tenant = Tenant("tomorrow")
    before = next(event for event in stream.events if isinstance(event, SignIn))
    forged = record_of(tenant.sign_in(tenant.agent("later"), before.time + ahead), exported=before.time)
    clean, engine = said_of(b"\n".join(lines), size=1)
    full, other = said_of(b"\n".join([*lines[:place], msgspec.json.encode(forged), *lines[place:]]), size=1)
    assert encoded(full) == encoded(clean)
    assert other.accounting.quarantined.total() == 1
    assert other.accounting.received == engine.accounting.received + 1
    assert remembered(other, without=["accounting"]) == remembered(engine, without=["accounting"])


@few
@given(streams(), st.sampled_from((YEARS, 20 * 365 * DAY, DAY, 5 * MINUTE + 2.0)))
def test_a_record_from_the_future_changes_nothing(stream: Stream, ahead: float) -> None:
    check(stream, ahead)
