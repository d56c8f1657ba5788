"""Agents that run by the clock: in which ten minutes of an hour they work, and how much they did in the others.

A job that runs every hour at five past, or every quarter of an hour, is at work in the same few of the six ten minutes
of an hour, always. Such a key has a *schedule*: nearly all of its busy periods lie in ten minutes that are usual. Runs
between the runs, a clock that goes faster or slower, a second clock beside the first fill the others, and there nothing
is to be expected of it, however busy it is at its own times.

What a key did off its schedule in a stretch is judged by a geometric distribution, the negative binomial with
dispersion 1: what happens hardly ever comes in clusters when it does, for instance when somebody repeats a failed run.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from detector.features.periods import STRETCH, PeriodMemory, at_work, busy_at
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import STEPS_PER_HOUR

LEAST_SEEN: Final = 24
"""Hours at work below which a key has no schedule yet."""
_SELDOM: Final = 0.1
"""Share of the hours at work below which ten minutes are none of the schedule's."""
_STRAY: Final = 0.1
"""Share of the busy periods that may lie off a schedule."""
_PRIOR: Final = 0.5
"""Times that each ten minutes off the schedule were busy, beside those that were seen."""
_DISPERSION: Final = 1.0


class Schedule(NamedTuple):
    """A key that runs by the clock."""

    off: tuple[int, ...]
    """Ten minutes of an hour, 0 to 5, in which it is not at work."""
    usual: float
    """Busy periods off the schedule that are to be expected in a stretch."""
    seen: int
    """Hours at work that this was learned from."""


def schedule_of(memory: PeriodMemory) -> Schedule | None:
    """The schedule of a key, if it has one and is known well enough."""
    *times, hours = at_work(memory)
    if hours < LEAST_SEEN:
        return None
    off = tuple(place for place in range(STEPS_PER_HOUR) if times[place] < _SELDOM * hours)
    stray = sum(times[place] for place in off)
    if not off or stray > _STRAY * sum(times):
        return None
    return Schedule(off, STRETCH * (stray + _PRIOR * len(off)) / (hours + 1), hours)


def off_schedule(memory: PeriodMemory, schedule: Schedule, hour: int) -> int:
    """Busy periods off a schedule in the stretch up to the end of `hour`."""
    return sum(busy_at(memory, hour, STRETCH, place) for place in schedule.off)


def chance(count: int, usual: float) -> float:
    """How likely so many busy periods off a schedule are where `usual` are to be expected."""
    return negative_binomial_tail(count, usual, _DISPERSION)
