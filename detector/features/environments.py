"""Which environment an object belonged to and when, by a custom security attribute that the inventory shows."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final

from detector.features.declarations import Environment

Seen = list[tuple[float, Environment]]
"""Event time of an observation and what it showed, rising."""

CAPACITY: Final = 32
"""Observations of one object that are kept: the latest."""

_SETTLED: Final = 4 * 3_600.0
"""Seconds behind the newest observation after which one that repeats the one before it goes: nothing comes between
them any more, because a record is late by an hour at most."""


def note(seen: Seen, time: float, environment: Environment) -> None:
    """Takes in one observation."""
    entry = (time, environment)
    if entry in seen:
        return
    insort(seen, entry)
    limit = seen[-1][0] - _SETTLED
    kept = [each for place, each in enumerate(seen) if not place or each[0] >= limit or each[1] != seen[place - 1][1]]
    seen[:] = kept[-CAPACITY:]


def known_before(seen: Seen, time: float) -> Environment | None:
    """The last observation earlier than `time`."""
    place = bisect_left(seen, (time,))
    return seen[place - 1][1] if place else None
