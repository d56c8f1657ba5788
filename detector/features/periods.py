"""In how many ten-minute periods a key is at work: at which hours of the week, on how many of them a day.

A *busy period* is ten minutes of event time with a token request, however many there were. So what a burst, a retry
storm or a lost token cache does to counts it does not do here: it is one busy period or two. A script that works
through the night, runs between the runs or a clock that goes faster fill one period after the other, on an agent that
asks for three tokens a day as on one that asks for three hundred.

The usual number of busy periods follows from 48 cells (hour of the day; working day or weekend, UTC) in the manner of
`fleet`, with two differences: hours without a request teach as well, and a cell is smoothed with its neighbours. An
hour is learned once it is a day old, so what is judged has not taught. Dispersion is that of whole days, by moments.

Hours are taken in when they are final, in rising order, so the order of arrival within them makes no difference.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from typing import Final

import msgspec

from detector.features.fleet import CELLS, cell_of
from detector.features.moments import Numbers, of_span
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import NEVER, STEP, STEPS_PER_HOUR, weight
from detector.features.token_rate import RateMemory, shared

HOURS: Final = 24
"""Hours whose busy periods are remembered one by one."""

STRETCH: Final = 2
"""Hours of a stretch."""

DAYS: Final = 40
"""Days of a kind after which what was learned of them is halved: cells are bytes, 6 periods an hour at most."""

_SMOOTHING: Final = 1.0
"""Days that the level of all hours is worth beside the hour's own."""
_MOST_DAYS: Final = 64
"""Days of a pause that are told one by one; of what was before hardly anything is left after them."""
_DISPERSION_WEIGHT: Final = 8.0
"""Days that the dispersion of others is worth beside the key's own."""
DISPERSIONS: Final = {STRETCH: 0.3, HOURS: 0.2}
"""Dispersion of busy periods, in excess of a Poisson count, of keys that nothing is known of; by hours."""

_WORKED, _RUNNING, _DAYS, _FIRST, _SECOND = range(5)
PAUSES: Final = 5
"""Where the numbers of `silence` begin."""
_NUMBERS: Final = 11
_WORKDAYS, _RESTDAYS = CELLS, CELLS + 1
_WORKING_DAYS: Final = 5


class PeriodMemory(msgspec.Struct, gc=False):
    """Busy periods of one key."""

    hour: int = -1
    """The newest hour with a busy period."""
    recent: bytes = bytes(HOURS)
    """Busy periods of the newest hour and of those before it, newest first."""
    day: int = -1
    """The day (since the epoch) that is being learned."""
    patience: int = NEVER
    """Hours of a pause below which it is not worth a look; see `silence`."""
    cells: bytearray = msgspec.field(default_factory=lambda: bytearray(CELLS + 2))
    """Busy periods of each cell, then the working days and the other days in which they were."""
    numbers: Numbers = msgspec.field(default_factory=lambda: array("d", bytes(8 * _NUMBERS)))
    """Weighted active buckets of the key's rates up to the newest hour; busy periods of `day` so far; days, their busy
    periods, and the squares of these; then the numbers of `silence`."""


class Busy(msgspec.Struct, frozen=True, gc=False):
    """More busy periods than usual."""

    hours: int
    count: int
    expected: float
    p_value: float
    days: float
    """Experience."""
    factor: float
    """How many times as busy as usual the siblings were."""


@lru_cache(maxsize=4_096)
def _worth(bucket: int) -> float:
    """The weight of an active bucket: a look-up, because all keys have their newest in the same few hours."""
    return weight(bucket * STEP)


def worked(rates: RateMemory, limit: int) -> float:
    """Sum of the weights of a key's active ten-minute buckets up to bucket `limit`, all of which are final."""
    total = of_span(rates.base, 0)[0]
    for bucket in rates.steps[::3]:
        if bucket > limit:
            return total
        total += _worth(bucket)
    return total + _worth(rates.bucket) if rates.bucket <= limit else total


def busy_in(memory: PeriodMemory, rates: RateMemory, hour: int) -> int:
    """Busy periods of an hour that is final, asked once and in rising order of hours.

    The difference of two sums of weights is a number of buckets: within an hour weights differ by 2 per mille at most.
    """
    total = worked(rates, (hour + 1) * STEPS_PER_HOUR - 1)
    busy = round((total - memory.numbers[_WORKED]) / _worth((hour * STEPS_PER_HOUR) + STEPS_PER_HOUR // 2))
    memory.numbers[_WORKED] = total
    return min(busy, STEPS_PER_HOUR)


def take_in(memory: PeriodMemory, hour: int, busy: int) -> None:
    """Takes in an hour with busy periods, later than those before, and learns the hours that are a day old by then."""
    before, memory.hour = memory.hour, hour
    if before < 0:
        memory.day = shared(hour // 24)
        memory.recent = bytes((busy, *bytes(HOURS - 1)))
        return
    gap = min(hour - before, HOURS)
    old = memory.recent[HOURS - gap :]
    memory.recent = bytes((busy, *bytes(gap - 1))) + memory.recent[: HOURS - gap]
    newest = before + gap - HOURS
    for age in range(gap - 1, -1, -1):
        if old[age]:
            _learn(memory, newest - age, old[age])
    _close(memory, (hour - HOURS) // 24)


def _learn(memory: PeriodMemory, hour: int, busy: int) -> None:
    _close(memory, hour // 24)
    memory.cells[cell_of(hour)] += busy
    memory.numbers[_RUNNING] += busy


def _close(memory: PeriodMemory, day: int) -> None:
    """Learns the days before `day`, which are over and a day old."""
    if day <= memory.day:
        return
    cells, numbers = memory.cells, memory.numbers
    for over in range(max(memory.day, day - _MOST_DAYS), day):
        busy = numbers[_RUNNING]
        numbers[_DAYS] += 1
        numbers[_FIRST] += busy
        numbers[_SECOND] += busy * busy
        numbers[_RUNNING] = 0.0
        kind = _RESTDAYS if _kind(over) else _WORKDAYS
        cells[kind] += 1
        if cells[kind] >= DAYS:
            _halve(memory, kind)
    memory.day = shared(day)


def _halve(memory: PeriodMemory, kind: int) -> None:
    """Forgets half of what was learned of days of a kind, and of all days when it is the more frequent kind."""
    cells, numbers = memory.cells, memory.numbers
    first = 0 if kind == _WORKDAYS else CELLS // 2
    for place in (kind, *range(first, first + CELLS // 2)):
        cells[place] //= 2
    if kind == _WORKDAYS:
        for place in (_DAYS, _FIRST, _SECOND):
            numbers[place] /= 2


def days(memory: PeriodMemory) -> int:
    """Days that were learned."""
    return memory.cells[_WORKDAYS] + memory.cells[_RESTDAYS]


def count(memory: PeriodMemory, hour: int, hours: int) -> int:
    """Busy periods in the `hours` up to the end of `hour`, which is none before the newest."""
    return sum(memory.recent[: max(0, hours - (hour - memory.hour))])


def expected(memory: PeriodMemory, hour: int, hours: int) -> float:
    """Usual number of busy periods in the `hours` up to the end of `hour`; 0 when no day was learned."""
    cells, number = memory.cells, memory.numbers[_DAYS]
    if not number:
        return 0.0
    level = _SMOOTHING * memory.numbers[_FIRST] / (24 * number)
    today, learned = _kind(memory.day), memory.hour - HOURS - memory.day * 24
    day, at = divmod(hour - hours + 1, 24)
    first = _kind(day)
    known = cells[CELLS + (first > 0)] + _SMOOTHING
    total = 0.0
    for _ in range(hours):
        before, after = (at - 1 if at else 23), (at + 1 if at < 23 else 0)
        own = (cells[first + before] + 2 * cells[first + at] + cells[first + after]) / 4 + level
        total += own / (known + 1 if first == today and at <= learned else known)
        at += 1
        if at == 24:
            day, at = day + 1, 0
            first = _kind(day)
            known = cells[CELLS + (first > 0)] + _SMOOTHING
    return total


def _kind(day: int) -> int:
    """Where the cells of a day (since the epoch, which began on a Thursday) begin."""
    return CELLS // 2 if (day + 3) % 7 >= _WORKING_DAYS else 0


def average(memory: PeriodMemory) -> float:
    """Busy periods of a day, whatever day it is; 0 when none was learned."""
    number = memory.numbers[_DAYS]
    return memory.numbers[_FIRST] / number if number else 0.0


def most(memory: PeriodMemory) -> float:
    """Busy periods of which no hour is expected to have more; a day must have been learned."""
    cells, half = memory.cells, CELLS // 2
    level = memory.numbers[_FIRST] / (24 * memory.numbers[_DAYS])
    work = max(cells[:half]) / (cells[_WORKDAYS] + _SMOOTHING)
    rest = max(cells[half:CELLS]) / (cells[_RESTDAYS] + _SMOOTHING)
    return max(work, rest) + level


def dispersion(memory: PeriodMemory, prior: float) -> float:
    """Excess of the variance of a day's busy periods over their mean, as a share of its square; shrunk to `prior`."""
    number, first, second = memory.numbers[_DAYS : _SECOND + 1]
    own = 0.0
    if first:
        mean = first / number
        own = max(0.0, second / number - mean * mean - mean) / (mean * mean)
    return (_DISPERSION_WEIGHT * prior + number * own) / (_DISPERSION_WEIGHT + number)


def judge(memory: PeriodMemory, hour: int, hours: int, usual: float, factor: float) -> Busy:
    """How unlikely the busy periods up to the end of `hour` are, when siblings are `factor` times as busy as usual."""
    number, usual = count(memory, hour, hours), usual * factor
    tail = negative_binomial_tail(number, usual, dispersion(memory, DISPERSIONS[hours]))
    return Busy(hours, number, usual, tail, float(days(memory)), factor)
