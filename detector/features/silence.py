"""Silence: how much of its usual work a key leaves undone, measured by the pauses that it makes every day.

A pause is worth as many busy periods as are usual at its hours (`periods.expected`): a night is worth little to an
agent of the day, an hour much to one that works all the time. So the pauses of regular and irregular keys come to one
scale, as in the time-rescaling theorem [1]. The longest pause of each active day is remembered by its moments; such
maxima follow a Gumbel distribution [2], whose tail says how unlikely a longer one is. Little is known of a young key:
its moments are shrunk to those of an ordinary one, and the tail is widened.

1. Brown, Barbieri, Ventura, Kass, Frank: The time-rescaling theorem and its application to neural spike train data
   analysis. Neural Computation 14, 2002.
2. Coles: An Introduction to Statistical Modeling of Extreme Values. Springer 2001, 3.
"""

from __future__ import annotations

from math import exp, expm1, log, sqrt
from typing import Final

import msgspec

from detector.features.periods import PAUSES, PeriodMemory, days, expected, most, number, numbers_from, put
from detector.features.tails import TINY

LONGEST: Final = 14 * 24
"""Hours of a pause that are looked at; what is longer is dormancy."""
SHORTEST: Final = 3
"""Hours of a pause below which it is none."""
_LEAST: Final = 3.0
"""Busy periods that a pause is worth, at least, to be told."""
_LIKELY: Final = 0.03
"""Probability from which on a pause is not worth a look."""
_SEEN: Final = 5.0
"""Active days whose longest pauses must have been learned."""

_WEIGHT: Final = 4.0
"""Days that an ordinary key is worth beside the days of the key itself."""
_USUAL: Final = 4.0
"""Busy periods that the longest pause of a day is worth to an ordinary key."""
_SPREAD: Final = 0.5
"""Its standard deviation, as a share of the mean."""
_NARROWEST: Final = 0.25
"""Scale of the tail below which no key is believed to be so regular, as a share of the mean."""
_KEPT: Final = 56.0
"""Days after which all is halved."""
_EULER: Final = 0.5772156649015329
_SCALE: Final = 0.7796968012336761
"""sqrt(6) / pi: the scale of a Gumbel distribution, as a share of its standard deviation."""

DAY, WORTH, _NUMBER, _FIRST, _SECOND, MOST = range(PAUSES, PAUSES + 6)


class Silence(msgspec.Struct, frozen=True, gc=False):
    """A pause that is longer than those of any day."""

    hours: int
    missed: float
    """Busy periods that were to be expected, as many as siblings made of theirs."""
    usual: float
    """What the longest pause of a day is worth."""
    p_value: float
    days: float
    """Experience."""


def end(memory: PeriodMemory, hour: int) -> None:
    """The pause before `hour`, which is about to be taken in, is over."""
    gap, day = hour - memory.hour, hour // 24
    if memory.hour < 0:
        put(memory, DAY, day)
        return
    if day != number(memory, DAY):
        _learn(memory)
        put(memory, DAY, day)
    worth = number(memory, WORTH)
    if gap > 1 and (gap - 1) * number(memory, MOST) >= worth:
        put(memory, WORTH, max(worth, expected(memory, hour - 1, min(gap - 1, LONGEST))))


def _learn(memory: PeriodMemory) -> None:
    """Learns the longest pause that was over on the day that is."""
    worth, (seen, first, second) = number(memory, WORTH), numbers_from(memory, _NUMBER)
    seen, first, second = seen + 1, first + worth, second + worth * worth
    if seen >= _KEPT:
        seen, first, second = seen / 2, first / 2, second / 2
    put(memory, WORTH, 0.0, seen, first, second)
    if seen >= _SEEN:
        highest = most(memory)
        put(memory, MOST, highest)
        memory.patience = max(SHORTEST, int(threshold(memory) / highest))


def _tail(memory: PeriodMemory) -> tuple[float, float, float]:
    """(mean, location, scale) of what the longest pause of a day is worth."""
    seen, first, second = numbers_from(memory, _NUMBER)
    own = first / seen if seen else 0.0
    mean = (_WEIGHT * _USUAL + first) / (_WEIGHT + seen)
    variance = (_WEIGHT * (_SPREAD * mean) ** 2 + max(0.0, second - own * first)) / (_WEIGHT + seen)
    scale = max(_SCALE * sqrt(variance * (1 + 2 / max(seen, 1.0))), _NARROWEST * mean)
    return mean, mean - _EULER * scale, scale


def threshold(memory: PeriodMemory) -> float:
    """Busy periods that a pause must be worth to be worth a look."""
    _, location, scale = _tail(memory)
    return max(_LEAST, location - scale * log(-log(1.0 - _LIKELY)))


def at_most(memory: PeriodMemory, missed: float, hours: int) -> float:
    """What a pause that was worth `missed` is worth at most so many hours later."""
    return missed + hours * number(memory, MOST)


def judge(memory: PeriodMemory, hour: int, missed: float, factor: float) -> Silence:
    """How unlikely the pause up to the end of `hour` is; 1 when it is worth next to nothing.

    Args:
        memory: Of the key.
        hour: Since the epoch.
        missed: Busy periods that were to be expected.
        factor: Share of their usual work that siblings do; what they leave undone as well is not missed.
    """
    mean, location, scale = _tail(memory)
    worth = missed * min(1.0, factor)
    tail = -expm1(-exp((location - worth) / scale)) if worth >= _LEAST else 1.0
    return Silence(hour - memory.hour, worth, mean, max(TINY, tail), float(days(memory)))
