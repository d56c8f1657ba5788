"""Which values a key has shown before, and since when: the memory behind every novelty.

A value is *known in hour h* when it was first seen in an hour that was final by then (`Horizon.lag` hours
earlier); until then it is fresh, and every hour in which it occurs may judge it. The first hour of a value is a
minimum, so the verdict of an hour does not depend on the order of arrival.

Values live in one dictionary: a negative number is minus the hour since the epoch in which a fresh value was
first seen; a positive number is an hour in which a known value was seen, at most a day before the last one: it
only serves to tell what has not been seen for a month, and to write it down every hour would cost more than all else.
"""

from __future__ import annotations

from functools import lru_cache

from detector.features.timeline import Horizon

DISCOUNT = 0.5
"""Pitman-Yor discount: how much of each kind seen counts as a hint of further kinds (Teh, ACL 2006)."""

STRENGTH = 1.0
"""Pitman-Yor strength: how readily a key with no history meets something new."""


DAILY = 24
"""Hours after which the last hour of a known value is written down again."""


@lru_cache(maxsize=1_024)
def fresh(hour: int) -> int:
    """Minus `hour`: one shared object, because every key remembers some."""
    return -hour


def observe(values: dict[str, int], value: str, hour: int, horizon: Horizon, capacity: int) -> bool:
    """Remembers that `value` occurred in `hour`; tells whether it was known in that hour.

    At `capacity` the values last seen a month ago (30 to 31 days) make room; if there are none, the newcomer is not
    remembered, so that a flood of invented values can neither grow the memory nor push out what is known.
    """
    return known_by(meet(values, value, hour, horizon, capacity), hour, horizon)


def known_by(state: int, hour: int, horizon: Horizon) -> bool:
    """Whether a value that was met in `hour`, with this state afterwards, was known by then; see `meet`."""
    return state > 0 or (state < 0 and hour + state >= horizon.lag)


def meet(values: dict[str, int], value: str, hour: int, horizon: Horizon, capacity: int) -> int:
    """`observe`, telling the state of the value afterwards; 0 when there was no room for it."""
    state = values.get(value)
    if state is None:
        if len(values) >= capacity:
            _forget(values, hour - 30 * 24 - DAILY)
            if len(values) >= capacity:
                return 0
        state = values[value] = fresh(hour)
    elif state > 0:
        if hour >= state + DAILY:
            state = values[value] = hour
    elif hour + state < 0:
        state = values[value] = fresh(hour)
    elif hour + state >= horizon.lag + horizon.keep:
        state = values[value] = hour
    return state


def settled_until(state: int, hour: int, horizon: Horizon) -> int:
    """The hour before which a value, met in `hour`, may be met again without any change to memory; else `hour`.

    A fresh value may become known to a verdict before that.
    """
    if state > 0:
        return state + DAILY
    return horizon.lag + horizon.keep - state if state else hour


def _forget(values: dict[str, int], before: int) -> None:
    for value in [value for value, state in values.items() if abs(state) < before]:
        del values[value]


def is_known(values: dict[str, int], value: str, hour: int, horizon: Horizon) -> bool:
    """Whether `value` was known in `hour`, without remembering anything."""
    state = values.get(value)
    return state is not None and (state > 0 or -state <= hour - horizon.lag)


def kinds_known(values: dict[str, int], hour: int, horizon: Horizon) -> int:
    """How many values were known in `hour`."""
    limit = hour - horizon.lag
    return sum(1 for state in values.values() if state > 0 or -state <= limit)


def chance_of_new(kinds: int, experience: float) -> float:
    """Probability that the next occurrence is of a kind never seen: Pitman-Yor back-off weight.

    Args:
        kinds: Number of distinct values known.
        experience: Occurrences (here: active hours, which bursts cannot inflate) they were learned from.

    Returns:
        `(strength + discount * kinds) / (strength + experience)`, at most 1.
    """
    return min(1.0, (STRENGTH + DISCOUNT * kinds) / (STRENGTH + experience))
