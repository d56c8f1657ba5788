"""How many tokens a key asks for a day, and whether it becomes more from day to day.

A rise of a few per cent a day is in no hour and on no day worth a word, and a baseline of the latest weeks forgives it.
So days add up: Page's cumulative sum of the log-likelihood ratio of a level `_RISE` times as high against the usual one
(Page 1954), which of all procedures with as few false alarms is the one that waits least (Moustakides 1986).

Levels are logarithms of requests, of working days and of other days apart (UTC), and only days at work have one: a
pause is no drift. What the siblings ask for more than they usually do is taken off. The reference forgets by half in
thirty days of a kind and learns nothing while a drift is suspected, so the drift does not become the usual; one that
goes on for as long as that is the new level, and all begins anew. How far days are off is learned too, shrunk to what
an overdispersed count shows.

No day counts for more than 16 to 1, so a flood is no drift: it takes three days to say anything that is worth it.
"""

from __future__ import annotations

from math import erfc, exp, log, sqrt
from struct import Struct
from typing import Final

import msgspec

from detector.features.tails import TINY
from detector.features.timeline import DAY, SIX_HOURS, STEPS_PER_SIX_HOURS
from detector.features.token_rate import RateMemory

LIMIT: Final = 4.0
"""How many times as much as usual a day, of the key or of a sibling, is taken for at most."""

_RISE: Final = log(1.4)
"""The least rise that is looked for."""
_MOST: Final = log(16.0)
"""What a day counts for at most."""
_SUSPECTED: Final = log(10.0)
"""Sum from which on nothing is learned: one day of a flood is enough."""
_PATIENCE: Final = 30
"""Days of a rise after which it is the new level."""
_DAYS: Final = 43
"""Days of a kind that count at most, so that half of what they taught is forgotten in thirty."""
_OVERDISPERSION: Final = 0.09
"""Variance of a level, beside that of a Poisson count, of keys that nothing is known of."""
_WEIGHT: Final = 5.0
"""Days that such a variance is worth beside the key's own."""
_KNOWN: Final = 2
"""Days of a kind from which on a key's usual number says something of its siblings."""
_WORKING_DAYS: Final = 5
_SIXES: Final = DAY // SIX_HOURS

_NUMBERS: Final = Struct("<4fI5B")
"""Levels of the two kinds of days, mean square of what they are off by, the sum; the day since which there is one; days
of each kind, days that the square is from, days since the sum was nothing, those of them on which it rose."""


NOTHING: Final = bytes(_NUMBERS.size)
"""What a key has learned of its days, of which there was none yet; in one piece, because there are very many keys."""


class Drift(msgspec.Struct, frozen=True, gc=False):
    """Days that rise."""

    usual: float
    """Requests to be expected of the last of them."""
    since: int
    """The first of them."""
    days: int
    """How many of them were higher than usual."""
    p_value: float
    """Wald's bound: the chance that the likelihood ratio of an unchanged key ever gets so high before it is back at
    nothing. A bound for a normal level with the right moments, which were estimated; how often it is reached is counted
    anyway, as of all kinds (`budget`)."""
    seen: int
    """Days that the usual number was learned from."""


class Heavy(msgspec.Struct, frozen=True, gc=False):
    """A day that stands out by itself."""

    usual: float
    """Requests to be expected of it."""
    since: int
    """The day itself, or the first of those that rise and that it is one of."""
    p_value: float
    """Of a normal level, which is learned; how often it is reached is counted anyway, as of all kinds (`budget`)."""
    seen: int
    """Days that the usual number was learned from."""


def requests_of(rates: RateMemory, day: int) -> int:
    """Requests of a day (since the epoch), which is final and whose six-hour buckets are not folded yet."""
    first = day * _SIXES
    newest = rates.bucket // STEPS_PER_SIX_HOURS
    if newest < first:
        return 0
    number = rates.n + rates.six_n if newest < first + _SIXES else 0
    closed = rates.sixes
    for place in range(len(closed) - 3, -1, -3):
        six = closed[place]
        if six < first:
            break
        if six < first + _SIXES:
            number += closed[place + 1]
    return number


def usual(learned: bytes, day: int) -> float:
    """Usual requests of such a day at work; 0 when too few of them were seen."""
    numbers, kind = _NUMBERS.unpack(learned), _kind(day)
    return exp(numbers[kind]) - 1.0 if numbers[5 + kind] >= _KNOWN else 0.0


def take_in(learned: bytes, day: int, requests: int, shared: float, least: float) -> tuple[bytes, Drift | None]:
    """Takes in a day at work, later than those before.

    Args:
        learned: What the days before have taught.
        day: The day, since the epoch.
        requests: How many there were.
        shared: Logarithm of how many times as much as usual the siblings asked for.
        least: Days that must have taught before one is judged.

    Returns:
        What the days have taught now; what they add up to, if this one adds to it.
    """
    *levels, square, total, since, work, rest, errors, days, rises = _NUMBERS.unpack(learned)
    kind, numbers = _kind(day), [work, rest]
    level, seen, taught = log(requests + 1.0), numbers[kind], work + rest
    if days >= _PATIENCE:
        levels, square, total, numbers, seen, taught, errors, days, rises = [0.0, 0.0], 0.0, 0.0, [0, 0], 0, 0, 0, 0, 0
    off = _bounded(level - levels[kind], log(LIMIT)) if seen else 0.0
    found: Drift | None = None
    if seen and taught >= least:
        variance = _variance(levels[kind], square, errors) * (1.0 + (days + 1) / seen)
        excess = off - max(0.0, shared)
        step = _bounded(_RISE / variance * (excess - _RISE / 2.0), _MOST)
        if not total:
            since, days, rises = day, 0, 0
        total = max(0.0, total + step)
        days, rises = (days + 1, rises + (step > 0.0)) if total else (0, 0)
        if step > 0.0:
            expected = exp(levels[kind] + max(0.0, shared)) - 1.0
            found = Drift(expected, since, rises, exp(-total), taught)
    if total < _SUSPECTED:
        if seen:
            # What siblings do not do may be left undone by this key too or not: neither is an error.
            explained = shared if shared > 0.0 else max(shared, min(0.0, off))
            error = _bounded(off - explained, log(LIMIT))
            errors = min(errors + 1, _DAYS)
            square += (error * error / (1.0 + 1.0 / seen) - square) / errors
        numbers[kind] = min(seen + 1, _DAYS)
        levels[kind] += off / numbers[kind] if seen else level
    return _NUMBERS.pack(*levels, square, total, since, *numbers, errors, days, rises), found


def heavy(learned: bytes, day: int, requests: int, shared: float, least: float) -> Heavy | None:
    """How far a day at work stands out, by what the days before have taught; the arguments are those of `take_in`."""
    *levels, square, total, since, work, rest, errors, days, _ = _NUMBERS.unpack(learned)
    kind = _kind(day)
    seen, level = (work, rest)[kind], levels[kind] + max(0.0, shared)
    if not seen or work + rest < least or days >= _PATIENCE:
        return None
    score = (log(requests + 1.0) - level) / sqrt(_variance(levels[kind], square, errors) * (1.0 + 1.0 / seen))
    tail = max(TINY, erfc(score / sqrt(2.0)) / 2.0)
    return Heavy(exp(level) - 1.0, since if total else day, tail, work + rest)


def _variance(level: float, square: float, errors: int) -> float:
    """Of a level: what the key's own days were off by, shrunk to what an overdispersed count shows."""
    prior = _OVERDISPERSION + exp(-level)
    return (_WEIGHT * prior + errors * square) / (_WEIGHT + errors)


def _bounded(value: float, most: float) -> float:
    return max(-most, min(most, value))


def _kind(day: int) -> int:
    """0 for a working day, 1 for another one; the epoch began on a Thursday."""
    return int((day + 3) % 7 >= _WORKING_DAYS)
