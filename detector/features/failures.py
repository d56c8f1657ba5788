"""Refused token requests of one identity, by class of error.

Four questions: are there more failures in this hour than usual (burst), is their share in a closed window of six
hours unusual (ratio, which works at low volume), does one credential error repeat (a retry loop), and did a
success follow a run of guesses? What the classes are is data (`config/error_codes.yaml`).

Each answer depends on the set of records alone. A burst compares failures with the *usual* hour, not with the
successes so far, so it can only grow; a ratio needs both counts and therefore waits until the window is final;
"after" compares event times, never moments of arrival.
"""

from __future__ import annotations

from array import array
from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

import msgspec

from detector.features import token_rate
from detector.features.moments import Numbers
from detector.features.tails import beta_binomial_tail, negative_binomial_tail
from detector.features.timeline import HOUR, SIX_HOURS, Horizon, weight
from detector.features.token_rate import RateMemory

_HOURS_PER_WINDOW: Final = SIX_HOURS // HOUR

PRIOR_RATE: Final = 0.05
"""Failures per active hour of an identity nothing is known of."""

PRIOR_HOURS: Final = 12.0
"""Active hours that prior is worth."""

PRIOR_RATIO: Final = 0.02
PRIOR_ATTEMPTS: Final = 25.0
_MOST_ATTEMPTS: Final = 400.0
"""More history than this does not make the failure ratio any more certain: real ratios drift."""


@dataclass(frozen=True, slots=True)
class FailureSettings:
    """Which errors count, and from how many on they are looked at."""

    classes: Mapping[int, str]
    """Error code to class; a code that is not listed is `other_failure`."""
    transient: frozenset[str]
    """Classes that say nothing of the credential or its owner (service errors, throttling, interaction needed)."""
    guesses: frozenset[str]
    """Classes a guesser of credentials runs into."""
    burst_floor: int = 10
    """Failures in an hour below which no burst is judged."""
    ratio_floor: int = 4
    """Failures in six hours below which no ratio is judged."""
    run: int = 8
    """Guesses within an hour that make a later success remarkable."""


class FailureMemory(msgspec.Struct, gc=False):
    """Failures of one identity."""

    hours: list[int] = []
    """Hours not folded yet and their failures: hour, n, hour, n, ... rising."""
    base: Numbers = msgspec.field(default_factory=lambda: array("d", bytes(8)))
    """Weighted failures of the folded hours."""
    window: int = -1
    """Newest six hours with a failure."""
    classes: dict[str, int] = {}
    """Failures of that window by class."""
    classes_before: dict[str, int] = {}
    """Failures of the window before it by class."""
    run_hour: int = -1
    """Newest hour with a guess."""
    run: list[float] = []
    """Event times of the earliest guesses of that hour, rising; at most `FailureSettings.run`."""
    run_before: list[float] = []
    """The same for the hour before it."""
    run_earlier: list[float] = []
    """The same for the hour before that: a success in the hour after it may still arrive."""
    told: list[int] = []
    """Hours of the runs that a success was already seen to follow: each is told once."""


class Burst(msgspec.Struct, frozen=True, gc=False):
    """More failures in one hour than usual."""

    hour: int
    count: int
    expected: float
    p_value: float
    seen: float


class Ratio(msgspec.Struct, frozen=True, gc=False):
    """An unusual share of failures in one closed window."""

    window: int
    failures: int
    attempts: int
    usual: float
    """Usual share of failures."""
    p_value: float
    seen: float
    """Attempts behind `usual`."""
    classes: tuple[str, ...]


def in_class(memory: FailureMemory, kind: str, time: float) -> int:
    """Failures of a class in the six hours of `time`, which are the newest of the key or those before them."""
    window = int(time) // SIX_HOURS
    return (memory.classes if window == memory.window else memory.classes_before).get(kind, 0)


class Failures:
    """The feature."""

    __slots__ = ("classes", "hour", "settings", "window")

    def __init__(self, settings: FailureSettings, hour: Horizon, window: Horizon) -> None:
        self.settings = settings
        self.classes = dict(settings.classes)
        self.hour = hour
        self.window = window

    def class_of(self, code: int) -> str:
        """Class of an error code."""
        return self.classes.get(code, "other_failure")

    def observe(self, memory: FailureMemory, kind: str, time: float) -> tuple[int, int]:
        """Remembers one failure of class `kind`; (failures of its hour, failures of its class in its window).

        A transient failure counts for its class only.
        """
        hour, window = int(time) // HOUR, int(time) // SIX_HOURS
        if window > memory.window:
            memory.classes_before = memory.classes if window == memory.window + 1 else {}
            memory.classes = {}
            memory.window = window
            self._fold(memory, window)
        classes = memory.classes if window == memory.window else memory.classes_before
        in_class = classes[kind] = classes.get(kind, 0) + 1
        if kind in self.settings.transient:
            return 0, in_class
        return self._count(memory.hours, hour), in_class

    @staticmethod
    def _count(hours: list[int], hour: int) -> int:
        for place in range(len(hours) - 2, -1, -2):
            if hours[place] == hour:
                hours[place + 1] += 1
                return hours[place + 1]
            if hours[place] < hour:
                hours[place + 2 : place + 2] = [hour, 1]
                return 1
        hours[0:0] = [hour, 1]
        return 1

    def _fold(self, memory: FailureMemory, window: int) -> None:
        limit = (window - self.window.keep) * _HOURS_PER_WINDOW
        hours = memory.hours
        while hours and hours[0] < limit:
            memory.base[0] += weight(hours[0] * HOUR) * hours[1]
            del hours[:2]

    def _learned(self, memory: FailureMemory, limit: int) -> float:
        """Weighted failures of the hours <= `limit`."""
        total = memory.base[0]
        hours = memory.hours
        for place in range(0, len(hours), 2):
            if hours[place] > limit:
                break
            total += weight(hours[place] * HOUR) * hours[place + 1]
        return total

    def burst(self, memory: FailureMemory, rates: RateMemory, hour: int, count: int) -> Burst | None:
        """How unlikely `count` failures are in `hour`; nothing below the floor."""
        if count < self.settings.burst_floor:
            return None
        seen, _, _ = token_rate.baseline(rates, 1, hour, self.hour)
        learned = self._learned(memory, hour - self.hour.lag) / weight(hour * HOUR)
        expected = (PRIOR_RATE * PRIOR_HOURS + learned) / (PRIOR_HOURS + seen)
        tail = negative_binomial_tail(count, expected, 1.0 + 1.0 / (PRIOR_HOURS + seen))
        return Burst(hour, count, expected, tail, seen)

    def ratio(self, memory: FailureMemory, rates: RateMemory, window: int) -> Ratio | None:
        """How unlikely the share of failures in a closed window is; nothing below the floor."""
        if window not in (memory.window, memory.window - 1):
            return None
        classes = memory.classes if window == memory.window else memory.classes_before
        counted = {kind: n for kind, n in classes.items() if kind not in self.settings.transient}
        failures = sum(counted.values())
        if failures < self.settings.ratio_floor:
            return None
        attempts = max(failures, token_rate.count_in(rates, 2, window))
        seen, mean, _ = token_rate.baseline(rates, 2, window, self.window)
        past = seen * mean
        learned = self._learned(memory, (window - self.window.lag) * _HOURS_PER_WINDOW + _HOURS_PER_WINDOW - 1)
        failed = min(past, learned / weight(window * SIX_HOURS))
        if past > _MOST_ATTEMPTS:
            past, failed = _MOST_ATTEMPTS, failed * _MOST_ATTEMPTS / past
        alpha = PRIOR_RATIO * PRIOR_ATTEMPTS + failed
        beta = (1.0 - PRIOR_RATIO) * PRIOR_ATTEMPTS + past - failed
        most = tuple(sorted(counted, key=lambda kind: (-counted[kind], kind)))
        tail = beta_binomial_tail(failures, attempts, alpha, beta)
        return Ratio(window, failures, attempts, alpha / (alpha + beta), tail, past, most)

    def guess(self, memory: FailureMemory, time: float) -> float:
        """Remembers a guess; the event time after which a success is remarkable, infinity while there are too few."""
        hour = int(time) // HOUR
        if hour > memory.run_hour:
            gone = hour - memory.run_hour
            memory.run_earlier = {1: memory.run_before, 2: memory.run}.get(gone, [])
            memory.run_before = memory.run if gone == 1 else []
            memory.run = []
            memory.run_hour = hour
            memory.told = [start for start in memory.told if start >= hour - 2]
        run = memory.run if hour == memory.run_hour else memory.run_before
        insort(run, time)
        del run[self.settings.run :]
        return run[-1] if len(run) == self.settings.run and hour not in memory.told else inf

    def runs_before(self, memory: FailureMemory, time: float) -> list[tuple[int, float]]:
        """(hour of the run, event time at which it was complete) of every run that a success at `time` follows."""
        hour = int(time) // HOUR
        return [(start, at) for start, at in self._complete(memory) if start <= hour <= start + 1 and time > at]

    def armed_after(self, memory: FailureMemory, time: float) -> float:
        """The event time after which a further success is remarkable, once one at `time` has been looked at.

        A run that no success follows yet stays armed while one within its two hours may still arrive.
        """
        hour = int(time) // HOUR
        waiting = [run for run in self._complete(memory) if hour < run[0] + 2 + self.hour.lag]
        told = self.runs_before(memory, time)
        return min((at for start, at in waiting if (start, at) not in told), default=inf)

    def _complete(self, memory: FailureMemory) -> list[tuple[int, float]]:
        """(hour, event time of completion) of the runs with enough guesses that have not been told."""
        newest, enough = memory.run_hour, self.settings.run
        runs = ((newest - 2, memory.run_earlier), (newest - 1, memory.run_before), (newest, memory.run))
        return [(start, run[-1]) for start, run in runs if len(run) == enough and start not in memory.told]
