"""How many tokens a key asks for in two hours at work, ten minutes by ten minutes.

Busy periods (see `periods`) are blind to how many requests there are in one; counts of an hour (see `token_rate`) are
at the mercy of bursts, so what they call rare must be very many. Two measures of the twelve counts of a stretch lie
between:

- *Beside bursts*: all requests but those of the three fullest ten minutes. At hours at which a key does little it is
  held against its usual busy periods times the usual requests in one. At its busy hours work varies with the
  subject, and this says nothing.
- *The least*: the third smallest count. No burst raises it, and two pauses do not lower it. It is held against the
  stretches before in which it was one at least, and how evenly the requests are spread is evidence of its own: the
  counts of a beacon differ by less than chance alone makes them differ, as those of a key that runs by the clock always
  do, but that asks for no more than ever. Both are combined by Fisher's method.

The index of dispersion as a test of counts: Fisher, *Statistical Methods for Research Workers*, 1925, 16; Fisher's
method for two independent p-values p and q: their product pq has the chance pq (1 - ln pq), ibid., 21.1. Beacons:
MITRE ATT&CK T1071, detection by intervals.
"""

from __future__ import annotations

from math import log, sqrt
from struct import Struct
from typing import Final

import msgspec

from detector.features.tails import TINY, gamma_below, negative_binomial_tail
from detector.features.timeline import STEPS_PER_HOUR
from detector.features.token_rate import RateMemory, counts_of

WORK: Final = 3
"""Busy periods of an hour from which on its counts are worth a look."""
ON_END: Final = 5
"""The same of a key of few days: hours of little work are nothing to it yet."""
BURSTS: Final = 3
"""The fullest ten minutes of a stretch, which are left out."""
PAUSES: Final = 2
"""The emptiest ten minutes of a stretch, which are left out."""
EXPERIENCE: Final = 12
"""Stretches whose least must have been learned."""

_KEPT: Final = 240
"""Stretches after which those before are worth half."""
_MOST: Final = 255
"""Requests of ten minutes that are told apart."""
_OUTLIER: Final = 4.0
"""Standard deviations above the mean beyond which nothing teaches more."""
_SLACK: Final = 2.0
_DISPERSION: Final = 0.3
"""Dispersion of the least of keys that nothing is known of."""
_WEIGHT: Final = 8.0
"""Stretches that such a dispersion is worth beside the key's own."""
_MORE: Final = 0.01
"""Chance of the least by itself from which on nothing is said: who is always even is so without asking for more."""
_EVENNESS: Final = 1e-6
"""Chance that no evenness goes below: it is worth so much, and no more."""
_UNCERTAIN: Final = 4.0
"""Observations that the usual number is worth beside those that it was learned from."""

_FINE: Final = 256
"""Parts of a request in which numbers are remembered."""
_HOURS: Final = 256
"""Hours that are told apart."""
_NUMBERS: Final = Struct("<B2H7B")
"""Stretches whose least was learned, its mean and standard deviation in `_FINE` parts; the last hour that was worth a
look, and its counts."""

NOTHING: Final = bytes(_NUMBERS.size)
"""What a key has learned before it was at work for long; in one piece, because there are very many keys."""

Counts = tuple[int, ...]
"""Requests of each ten minutes of an hour, or of two hours."""

IDLE: Final[Counts] = (0,) * STEPS_PER_HOUR
"""An hour without requests."""


class Steady(msgspec.Struct, frozen=True, gc=False):
    """Requests in nearly every ten minutes of a stretch."""

    least: int
    """Requests of each ten minutes but the two emptiest, at least."""
    usual: float
    """The same of usual stretches."""
    total: int
    even: float
    """Chance that requests which know nothing of each other are spread so evenly."""
    p_value: float
    """Of both together."""
    stretches: int
    """That the usual number was learned from."""


class Beside(msgspec.Struct, frozen=True, gc=False):
    """Requests of a stretch at hours of little work."""

    count: int
    """Requests beside the three fullest ten minutes."""
    usual: float
    total: int
    p_value: float


def counts_in(rates: RateMemory, hour: int) -> Counts:
    """Requests of each ten minutes of an hour that has just become final, as far as they are told apart."""
    counts = counts_of(rates, hour)
    return tuple(counts if max(counts) <= _MOST else [min(_MOST, count) for count in counts])


def before(learned: bytes, hour: int) -> Counts:
    """The counts of the hour before, which had busy periods; as if it had none, if they were not worth a look."""
    _, _, _, last, *counts = _NUMBERS.unpack(learned)
    return tuple(counts) if last == (hour - 1) % _HOURS else IDLE


def take_in(learned: bytes, hour: int, stretch: Counts) -> bytes:
    """Takes in an hour of work, given with the stretch that it ends."""
    seen, mean, deviation = _known(learned)
    least = float(least_of(stretch))
    if least:
        if seen >= EXPERIENCE:
            least = min(least, mean + _OUTLIER * deviation + _SLACK)
        squares, off = deviation * deviation * seen, least - mean
        seen += 1
        mean += off / seen
        deviation = sqrt((squares + off * (least - mean)) / seen)
        if seen == _KEPT:
            seen //= 2
    last = hour % _HOURS
    return _NUMBERS.pack(seen, round(mean * _FINE), round(deviation * _FINE), last, *stretch[STEPS_PER_HOUR:])


def usual_least(learned: bytes) -> tuple[int, float]:
    """(stretches, mean of their least)."""
    seen, mean, _ = _known(learned)
    return seen, mean


def steady(learned: bytes, stretch: Counts, factor: float) -> Steady | None:
    """How unlikely so many requests in nearly every ten minutes are; `None` while too little is known.

    Args:
        learned: What stretches before this one have taught.
        stretch: The twelve counts.
        factor: How many times as much as usual the siblings ask for, in the same sense.
    """
    seen, mean, deviation = _known(learned)
    if seen < EXPERIENCE:
        return None
    least, usual = least_of(stretch), mean * factor
    own = max(0.0, deviation * deviation - mean) / (mean * mean)
    dispersion = (_WEIGHT * _DISPERSION + seen * own) / (_WEIGHT + seen) + 1.0 / (_UNCERTAIN + seen)
    tail, even = negative_binomial_tail(least, usual, dispersion), _evenness(stretch)
    both = max(TINY, tail * even)
    p_value = both * (1.0 - log(both)) if tail < _MORE else 1.0
    return Steady(least, usual, sum(stretch), even, p_value, seen)


def beside(stretch: Counts, usual: float, dispersion: float, days: float) -> Beside:
    """How unlikely so many requests beside bursts are.

    Args:
        stretch: The twelve counts.
        usual: Requests to be expected, bursts included: what is left without them is less.
        dispersion: Of the busy periods of the key, in excess of a Poisson count: they vary, once bursts are out.
        days: That `usual` was learned from.
    """
    count = beside_bursts(stretch)
    tail = negative_binomial_tail(count, usual, dispersion + 1.0 / (_UNCERTAIN + days))
    return Beside(count, usual, sum(stretch), tail)


def _known(learned: bytes) -> tuple[int, float, float]:
    """(stretches whose least was learned, its mean, its standard deviation)."""
    seen, mean, deviation, *_ = _NUMBERS.unpack(learned)
    return seen, mean / _FINE, deviation / _FINE


def beside_bursts(stretch: Counts) -> int:
    """Requests of a stretch beside its three fullest ten minutes."""
    return sum(sorted(stretch)[:-BURSTS])


def least_of(stretch: Counts) -> int:
    """Requests of each ten minutes of a stretch but the two emptiest, at least."""
    return sorted(stretch)[PAUSES]


def _evenness(stretch: Counts) -> float:
    """Chance that Poisson counts of one mean differ as little as these do; 1 when they differ by more than those."""
    mean, freedom = sum(stretch) / len(stretch), len(stretch) - 1
    index = sum((count - mean) ** 2 for count in stretch) / mean
    return max(_EVENNESS, gamma_below(freedom / 2.0, index / 2.0)) if index < freedom else 1.0
