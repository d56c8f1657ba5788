"""In how many ten-minute periods a key is at work: at which hours of the week, on how many of them a day.

A *busy period* is ten minutes of event time with a token request, however many there were. So what a burst, a retry
storm or a lost token cache does to counts it does not do here: it is one busy period or two. A script that works
through the night, runs between the runs or a clock that goes faster fill one period after the other, on an agent that
asks for three tokens a day as on one that asks for three hundred.

The usual number of busy periods follows from 48 cells (hour of the day; working day or weekend, UTC) in the manner of
`fleet`, with two differences: hours without a request teach as well, and a cell is smoothed with its neighbours. An
hour is learned once it is a day old, so what is judged has not taught. Dispersion is that of whole days, by moments.

Hours are taken in when they are final, in rising order, so the order of arrival within them makes no difference.

Which of the six ten minutes of an hour it works in tells an agent that runs by the clock: every hour at five past, say.
That is its schedule, see `schedule`.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

import msgspec

from detector.features import drift, stretches
from detector.features.fleet import CELLS, cell_of
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import NEVER, STEPS_PER_HOUR, shared
from detector.features.token_rate import RateMemory, counts_of

HOURS: Final = 24
"""Hours whose busy periods are remembered one by one."""

STRETCH: Final = 2
"""Hours of a stretch."""

LONG: Final = 6
"""Hours in which a little more of many keys adds up."""

DAYS: Final = 40
"""Days of a kind after which what was learned of them is halved: cells are bytes, 6 periods an hour at most."""

_SMOOTHING: Final = 1.0
"""Days that the level of all hours is worth beside the hour's own."""
_MOST_AT_WORK: Final = 240
"""Hours at work after which what was learned of their ten minutes is halved."""
_MOST_DAYS: Final = 64
"""Days of a pause that are told one by one; of what was before hardly anything is left after them."""
_DISPERSION_WEIGHT: Final = 8.0
"""Days that the dispersion of others is worth beside the key's own."""
DISPERSIONS: Final = {STRETCH: 0.3, LONG: 0.25, HOURS: 0.2}
"""Dispersion of busy periods, in excess of a Poisson count, of keys that nothing is known of; by hours."""

_RUNNING, LEARNED, _FIRST, _SECOND = range(4)
"""Places of the numbers."""
PAUSES: Final = 4
"""Where the numbers of `silence` begin."""
_NUMBERS: Final = 10
_NUMBER, _THREE = Struct("<f"), Struct("<3f")
_CELLS: Final = _NUMBER.size * _NUMBERS
"""Where the cells begin."""
_PLACES: Final = _CELLS + CELLS + 2
"""Where the ten minutes of an hour begin."""
_AT_WORK: Final = _PLACES + STEPS_PER_HOUR
"""Where the hours at work are that taught them."""
_DRIFT: Final = _AT_WORK + 1
"""Where the days begin, see `drift`."""
RECENT: Final = _DRIFT + len(drift.NOTHING)
"""Where the newest hours begin."""
_STRETCH: Final = RECENT + HOURS
"""Where what its stretches of work have taught begins, see `stretches`."""
_SIZE: Final = _STRETCH + len(stretches.NOTHING)
_WORKDAYS, _RESTDAYS = CELLS, CELLS + 1
_WORKING_DAYS: Final = 5


class PeriodMemory(msgspec.Struct, gc=False):
    """Busy periods of one key."""

    hour: int = -1
    """The newest hour with a busy period."""
    day: int = -1
    """The day (since the epoch) that is being learned."""
    patience: int = NEVER
    """Hours of a pause below which it is not worth a look; see `silence`."""
    learned: bytes = bytes(_SIZE)
    """In one piece, because there are very many keys. First the numbers (see `number`): busy periods of `day` so far;
    days, their busy periods, and the squares of these; then those of `silence`. Behind them a byte each: busy periods
    of each cell, the working days and the other days in which they were; how often each of the ten minutes of an hour
    was busy, and the hours at work in which they were; its days, see `drift`; and the newest hour and those before it,
    newest first, with a bit for each busy period; behind them its stretches of work, see `stretches`."""


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


def number(memory: PeriodMemory, place: int) -> float:
    """One of the numbers."""
    found: float = _NUMBER.unpack_from(memory.learned, _NUMBER.size * place)[0]
    return found


def numbers_from(memory: PeriodMemory, place: int) -> tuple[float, float, float]:
    """Three of the numbers, one after the other."""
    first, second, third = _THREE.unpack_from(memory.learned, _NUMBER.size * place)
    return first, second, third


def put(memory: PeriodMemory, place: int, *numbers: float) -> None:
    """Puts others in place of numbers that lie one after the other."""
    packed = bytearray(memory.learned)
    for each, value in enumerate(numbers, place):
        _NUMBER.pack_into(packed, _NUMBER.size * each, value)
    memory.learned = bytes(packed)


def cells_of(memory: PeriodMemory) -> bytes:
    """Busy periods of each cell, then the working days and the other days in which they were."""
    return memory.learned[_CELLS:_PLACES]


def busy_in(rates: RateMemory, hour: int) -> int:
    """The busy periods of an hour that has just become final, a bit each, the lowest being its first ten minutes."""
    return sum(1 << place for place, count in enumerate(counts_of(rates, hour)) if count)


def take_in(memory: PeriodMemory, hour: int, busy: int) -> None:
    """Takes in an hour with busy periods, a bit each, later than those before; learns what is a day old by then."""
    before, memory.hour = memory.hour, hour
    if before < 0:
        memory.day = shared(hour // 24)
        memory.learned = memory.learned[:RECENT] + bytes((busy, *bytes(HOURS - 1))) + memory.learned[_STRETCH:]
        return
    gap = min(hour - before, HOURS)
    recent, stretch = memory.learned[RECENT:_STRETCH], memory.learned[_STRETCH:]
    old = recent[HOURS - gap :]
    memory.learned = memory.learned[:RECENT] + bytes((busy, *bytes(gap - 1))) + recent[: HOURS - gap] + stretch
    newest = before + gap - HOURS
    for age in range(gap - 1, -1, -1):
        if old[age]:
            _learn(memory, newest - age, old[age])
    _close(memory, (hour - HOURS) // 24)


def _learn(memory: PeriodMemory, hour: int, busy: int) -> None:
    _close(memory, hour // 24)
    _count(memory, cell_of(hour), busy.bit_count())
    _schedule(memory, busy)
    put(memory, _RUNNING, number(memory, _RUNNING) + busy.bit_count())


def _schedule(memory: PeriodMemory, busy: int) -> None:
    """Counts an hour at work in each of its busy ten minutes; when there are too many, the past is worth half."""
    learned = bytearray(memory.learned)
    for place in range(STEPS_PER_HOUR):
        learned[_PLACES + place] += busy >> place & 1
    learned[_AT_WORK] += 1
    if learned[_AT_WORK] == _MOST_AT_WORK:
        for place in range(_PLACES, _DRIFT):
            learned[place] //= 2
    memory.learned = bytes(learned)


def _count(memory: PeriodMemory, cell: int, more: int) -> None:
    learned = bytearray(memory.learned)
    learned[_CELLS + cell] += more
    memory.learned = bytes(learned)


def _close(memory: PeriodMemory, day: int) -> None:
    """Learns the days before `day`, which are over and a day old."""
    if day <= memory.day:
        return
    for over in range(max(memory.day, day - _MOST_DAYS), day):
        busy, (learned, first, second) = number(memory, _RUNNING), numbers_from(memory, LEARNED)
        put(memory, _RUNNING, 0.0, learned + 1, first + busy, second + busy * busy)
        kind = _RESTDAYS if _kind(over) else _WORKDAYS
        _count(memory, kind, 1)
        if memory.learned[_CELLS + kind] >= DAYS:
            _halve(memory, kind)
    memory.day = shared(day)


def _halve(memory: PeriodMemory, kind: int) -> None:
    """Forgets half of what was learned of days of a kind, and of all days when it is the more frequent kind."""
    learned = bytearray(memory.learned)
    first = 0 if kind == _WORKDAYS else CELLS // 2
    for place in (kind, *range(first, first + CELLS // 2)):
        learned[_CELLS + place] //= 2
    memory.learned = bytes(learned)
    if kind == _WORKDAYS:
        put(memory, LEARNED, *(value / 2 for value in numbers_from(memory, LEARNED)))


def days(memory: PeriodMemory) -> int:
    """Days that were learned."""
    return memory.learned[_CELLS + _WORKDAYS] + memory.learned[_CELLS + _RESTDAYS]


def knows(memory: PeriodMemory, hour: int) -> bool:
    """Whether a day like that of `hour`, a working day or another one, was learned: else nothing of it is usual."""
    return memory.learned[_CELLS + (_RESTDAYS if _kind(hour // 24) else _WORKDAYS)] > 0


def knows_all(memory: PeriodMemory) -> bool:
    """Whether working days and others were learned."""
    return memory.learned[_CELLS + _RESTDAYS] > 0 < memory.learned[_CELLS + _WORKDAYS]


def count(memory: PeriodMemory, hour: int, hours: int) -> int:
    """Busy periods in the `hours` up to the end of `hour`, which is none before the newest."""
    return int.from_bytes(_newest(memory, hour, hours)).bit_count()


def newest(memory: PeriodMemory) -> int:
    """Busy periods of the newest hour at work."""
    return memory.learned[RECENT].bit_count()


def busy_at(memory: PeriodMemory, hour: int, hours: int, place: int) -> int:
    """In how many of the `hours` up to the end of `hour` these ten minutes, 0 to 5, were busy."""
    return sum(each >> place & 1 for each in _newest(memory, hour, hours))


def _newest(memory: PeriodMemory, hour: int, hours: int) -> bytes:
    """The busy periods of the `hours` up to the end of `hour`, as far as any are remembered."""
    return memory.learned[RECENT : RECENT + max(0, hours - (hour - memory.hour))]


def at_work(memory: PeriodMemory) -> bytes:
    """In how many hours each of the six ten minutes was busy, and the hours at work that this was learned from."""
    return memory.learned[_PLACES:_DRIFT]


def drifting(memory: PeriodMemory | None) -> bytes:
    """What `drift` has learned of the days of a key; nothing of one that was never at work."""
    return drift.NOTHING if memory is None else memory.learned[_DRIFT:RECENT]


def put_drifting(memory: PeriodMemory, learned: bytes) -> None:
    """Puts something else in place of what `drift` has learned of its days."""
    memory.learned = memory.learned[:_DRIFT] + learned + memory.learned[RECENT:]


def stretch_of(memory: PeriodMemory) -> bytes:
    """What `stretches` has learned of its work; nothing where an older release has kept it."""
    return memory.learned[_STRETCH:] or stretches.NOTHING


def put_stretch(memory: PeriodMemory, learned: bytes) -> None:
    """Puts something else in place of what `stretches` has learned of its work."""
    memory.learned = memory.learned[:_STRETCH] + learned


def expected(memory: PeriodMemory, hour: int, hours: int) -> float:
    """Usual number of busy periods in the `hours` up to the end of `hour`; 0 when no day was learned."""
    cells = cells_of(memory)
    learned_days, periods, _ = numbers_from(memory, LEARNED)
    if not learned_days:
        return 0.0
    level = _SMOOTHING * periods / (24 * learned_days)
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
    learned, first, _ = numbers_from(memory, LEARNED)
    return first / learned if learned else 0.0


def most(memory: PeriodMemory) -> float:
    """Busy periods of which no hour is expected to have more; a day must have been learned."""
    cells, half = cells_of(memory), CELLS // 2
    learned, first, _ = numbers_from(memory, LEARNED)
    level = first / (24 * learned)
    work = max(cells[:half]) / (cells[_WORKDAYS] + _SMOOTHING)
    rest = max(cells[half:CELLS]) / (cells[_RESTDAYS] + _SMOOTHING)
    return max(work, rest) + level


def dispersion(memory: PeriodMemory, prior: float) -> float:
    """Excess of the variance of a day's busy periods over their mean, as a share of its square; shrunk to `prior`."""
    learned, first, second = numbers_from(memory, LEARNED)
    own = 0.0
    if first:
        mean = first / learned
        own = max(0.0, second / learned - mean * mean - mean) / (mean * mean)
    return (_DISPERSION_WEIGHT * prior + learned * own) / (_DISPERSION_WEIGHT + learned)


def judge(memory: PeriodMemory, hour: int, hours: int, usual: float, factor: float) -> Busy:
    """How unlikely the busy periods up to the end of `hour` are, when siblings are `factor` times as busy as usual."""
    busy, usual = count(memory, hour, hours), usual * factor
    tail = negative_binomial_tail(busy, usual, dispersion(memory, DISPERSIONS[hours]))
    return Busy(hours, busy, usual, tail, float(days(memory)), factor)
