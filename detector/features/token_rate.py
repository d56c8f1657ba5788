"""Token requests per bucket of one key, in three spans, against what its active buckets usually hold.

Method: the count of an active bucket is negative binomial. Its mean is the key's own, shrunk to that of its
blueprint while the key is young and multiplied by the blueprint's shape of the week; its dispersion is learned
by moments and shrunk to a prior; the uncertainty of a young mean widens the tail (Gamma-Poisson predictive).
`statistics.md` of the references, row D01, asks for it; `docs/methods.md` explains it to users.

The steady case costs one addition and one comparison: every request raises the count of the open ten-minute
bucket, and only a count that reaches `trip` is looked at. Counts only grow, by one, and limits depend only on
final buckets, so whether a bucket trips does not depend on the order of arrival.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from operator import attrgetter
from typing import Final

import msgspec

from detector.features import moments
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import HOUR, NEVER, SPANS, STEP, STEPS_PER_HOUR, STEPS_PER_SIX_HOURS, Horizon, shared

_RATIO: Final = (1, STEPS_PER_HOUR, STEPS_PER_SIX_HOURS)
_HOURS_PER_SIX: Final = STEPS_PER_SIX_HOURS // STEPS_PER_HOUR


@dataclass(frozen=True, slots=True)
class RateSettings:
    """What counts as a spike of one kind of key."""

    floors: tuple[int, int, int]
    """Counts per 10 minutes, hour and 6 hours below which nobody is woken, whatever the baseline says."""
    p_value: float
    """Tail probability below which a bucket is surprising."""
    ratio: float
    """A spike is at least this multiple of the expected count."""
    min_seen: float
    """Active buckets the key (or, for the prior, its blueprint) must have shown before it is judged."""


PRIOR_WEIGHT: Final = 4.0
"""Active buckets that the blueprint's mean is worth beside the key's own."""

DISPERSION_PRIOR: Final = 0.5
DISPERSION_WEIGHT: Final = 8.0


@dataclass(slots=True)
class OpenBucket:
    """The part of `RateMemory` that every record touches; a class of its own, to lie together in memory."""

    bucket: int = -1
    """Number (event time // 600) of the newest ten-minute bucket."""
    n: int = 0
    """Requests in it."""
    trip: int = 0
    """Count of the open bucket at which some span must be looked at."""
    granted: float = -inf
    """Latest event time of a granted token."""
    armed: float = inf
    """Event time after which a granted token follows a run of guesses (see `failures`); kept here because every
    granted token asks for it."""
    minutes: bytes = b""
    """Requests of each of the newest minutes, see `sustained`; of keys that add others up none."""


Closed = tuple[int, ...]
"""Three numbers for each bucket: there are few of them, and a tuple has no room to spare as a list has."""


@dataclass(slots=True)
class RateMemory(OpenBucket):
    """Counts of one key: the open buckets, the closed ones that are not folded yet, and the base.

    A dataclass, because the interpreter writes to one in a tenth of the time that a `msgspec.Struct` takes, and every
    record writes here.
    """

    hour_n: int = 0
    """Requests of the open hour in buckets other than the newest."""
    six_n: int = 0
    """Requests of the open six hours in buckets other than the newest."""
    step_check: int = 0
    """Count at which the open bucket must be looked at again."""
    hour_check: int = 0
    """The same for the open hour."""
    six_check: int = 0
    """The same for the open six hours."""
    steps: Closed = ()
    """Closed buckets not folded yet: number, count, count at which to look again, number, ... rising."""
    hours: Closed = ()
    sixes: Closed = ()
    base: bytes = moments.NOTHING
    """Three numbers for each span, see `moments`."""

    def closed(self, span_index: int) -> Closed:
        """The closed, not yet folded buckets of a span."""
        return (self.steps, self.hours, self.sixes)[span_index]

    def close(self, span_index: int, closed: Closed) -> None:
        """Puts others in place of the closed, not yet folded buckets of a span."""
        setattr(self, ("steps", "hours", "sixes")[span_index], closed)


class Prior(msgspec.Struct, frozen=True, gc=False):
    """What a key's blueprint lends it in one hour; spans longer than an hour take nothing from it."""

    mean: float
    """Mean per active hour of an agent of the blueprint; 0 when nothing is known."""
    seen: float
    """Active agent-hours behind it."""
    shape: float
    """Factor of this hour of the week, 1 on average."""


NO_PRIOR: Final = Prior(0.0, 0.0, 1.0)


Busiest = Callable[[int, int], int]
"""The count of the busiest of the agents that a key adds up, in a bucket of a span: index of the span and number of the
bucket to requests."""


class Spike(msgspec.Struct, frozen=True, gc=False):
    """One bucket above its limit."""

    span: int
    start: int
    """Event time of the bucket's start, seconds."""
    count: int
    """Requests in it; where agents are added up, without those of the busiest one."""
    expected: float
    dispersion: float
    p_value: float
    seen: float
    busiest: int = 0
    """Requests of the busiest agent, where agents are added up."""


_least_likely: Final = attrgetter("p_value")


def nobody(_index: int, _bucket: int) -> int:
    """The busiest agent of a key that adds up none, see `Busiest`."""
    return 0


@lru_cache(maxsize=1_024)
def hour_of(bucket: int) -> int:
    """Hour of a ten-minute bucket: one shared object, because every key remembers some."""
    return bucket // STEPS_PER_HOUR


def roll(
    memory: RateMemory, bucket: int, spans: tuple[Horizon, Horizon, Horizon], floors: tuple[int, int, int]
) -> None:
    """Opens `bucket`, newer than the open one, closing what it leaves behind; the new bucket holds one request."""
    old, n = memory.bucket, memory.n
    memory.bucket = bucket
    memory.n = 1
    if old < 0:
        memory.step_check, memory.hour_check, memory.six_check = floors
        _set_trip(memory)
        return
    memory.steps += (old, n, memory.step_check)
    step_check = memory.step_check = floors[0]
    if old // STEPS_PER_HOUR == bucket // STEPS_PER_HOUR:
        hour_n = memory.hour_n = memory.hour_n + n
        six_n = memory.six_n = memory.six_n + n
    else:
        memory.steps = _fold(memory, 0, spans[0].span, memory.steps, bucket - spans[0].keep)
        _close_hour(memory, hour_of(old), hour_of(bucket), n, spans, floors)
        hour_n, six_n = 0, memory.six_n
    # `_set_trip` written out: most buckets of a sparse key hold one request
    trip = memory.hour_check - hour_n
    trip = min(trip, step_check)
    six_trip = memory.six_check - six_n
    memory.trip = min(trip, six_trip)


def _close_hour(
    memory: RateMemory,
    old: int,
    hour: int,
    n: int,
    spans: tuple[Horizon, Horizon, Horizon],
    floors: tuple[int, int, int],
) -> None:
    """Closes hour `old`, whose last bucket held `n` requests, and its six hours if `hour` lies behind them."""
    memory.hours += (old, memory.hour_n + n, memory.hour_check)
    memory.hour_n, memory.hour_check = 0, floors[1]
    if len(memory.hours) >= FOLD or is_experienced(memory):
        memory.hours = _fold(memory, 1, HOUR, memory.hours, hour - max(spans[1].keep, WITNESSED))
    old_six, six = old // _HOURS_PER_SIX, hour // _HOURS_PER_SIX
    memory.six_n += n
    if old_six != six:
        sixes = (*memory.sixes, shared(old_six), memory.six_n, memory.six_check)
        memory.six_n, memory.six_check = 0, floors[2]
        memory.sixes = _fold(memory, 2, spans[2].span, sixes, six - spans[2].keep)


FOLD: Final = 12
"""Length at which closed hours are folded for the first time. What is final by then is folded whenever an hour is
closed from then on: it costs no more than to keep it."""

WITNESSED: Final = 4
"""Hours behind the newest one that are kept at least: `witnesses` asks for an hour and the next when both are final."""


def is_experienced(memory: RateMemory) -> bool:
    """Whether hours were folded; those of whom it is not so are the first to make room."""
    return memory.base[_LEARNED_HOURS] != _NO_HOURS


_LEARNED_HOURS: Final = slice(moments.SIZE, moments.SIZE + 8)
_NO_HOURS: Final = bytes(8)


def _fold(memory: RateMemory, span_index: int, span: int, closed: Closed, limit: int) -> Closed:
    """Moves the buckets up to `limit`, which are beyond change, from `closed` into the base; what is left of it."""
    if closed[0] > limit:
        return closed
    numbers = moments.of_span(memory.base, span_index)
    done, learned = moments.learn_final(numbers, span, closed, limit)
    memory.base = moments.with_span(memory.base, span_index, learned)
    return closed[done:]


def _set_trip(memory: RateMemory) -> None:
    memory.trip = min(memory.step_check, memory.hour_check - memory.hour_n, memory.six_check - memory.six_n)


def insert(memory: RateMemory, bucket: int, floors: tuple[int, int, int]) -> bool:
    """Counts one request in an older bucket than the open one; tells whether some bucket must be looked at.

    The open hour and six hours may grow by it, so the next trip comes sooner.
    """
    steps = memory.steps
    hour = hour_of(bucket)
    in_open_hour = hour == memory.bucket // STEPS_PER_HOUR
    if in_open_hour and steps and steps[-3] == bucket:
        # By far the most frequent: the bucket before the newest, in the same hour.
        count = steps[-2] + 1
        memory.steps = (*steps[:-2], count, steps[-1])
        look = count >= steps[-1]
        memory.hour_n += 1
        memory.six_n += 1
    else:
        look = _raise(memory, 0, bucket, floors[0])
        if in_open_hour:
            memory.hour_n += 1
        else:
            look |= _raise(memory, 1, hour, floors[1])
        six = shared(bucket // STEPS_PER_SIX_HOURS)
        if six == memory.bucket // STEPS_PER_SIX_HOURS:
            memory.six_n += 1
        else:
            look |= _raise(memory, 2, six, floors[2])
    _set_trip(memory)
    return look or memory.n >= memory.trip


def _raise(memory: RateMemory, span_index: int, bucket: int, floor: int) -> bool:
    closed = memory.closed(span_index)
    place = len(closed) - 3
    while place >= 0 and closed[place] > bucket:
        place -= 3
    if place >= 0 and closed[place] == bucket:
        count, check = closed[place + 1] + 1, closed[place + 2]
        memory.close(span_index, (*closed[:place], bucket, count, check, *closed[place + 3 :]))
        return count >= check
    memory.close(span_index, (*closed[: place + 3], bucket, 1, floor, *closed[place + 3 :]))
    return floor <= 1


def count_in(memory: RateMemory, span_index: int, bucket: int) -> int:
    """Requests that `bucket` of the given span holds so far, while it has not been folded."""
    if memory.bucket >= 0 and memory.bucket // _RATIO[span_index] == bucket:
        return memory.n + (0, memory.hour_n, memory.six_n)[span_index]
    closed = memory.closed(span_index)
    for place in range(len(closed) - 3, -1, -3):
        if closed[place] == bucket:
            return closed[place + 1]
    return 0


def counts_of(memory: RateMemory, hour: int) -> list[int]:
    """Requests of each ten minutes of an hour that has just become final; they are kept until then (`horizons`)."""
    first, counts = hour * STEPS_PER_HOUR, [0] * STEPS_PER_HOUR
    if 0 <= memory.bucket - first < STEPS_PER_HOUR:
        counts[memory.bucket - first] = memory.n
    steps = memory.steps
    for place in range(len(steps) - 3, -1, -3):
        if steps[place] < first:
            break
        if steps[place] - first < STEPS_PER_HOUR:
            counts[steps[place] - first] = steps[place + 1]
    return counts


def baseline(memory: RateMemory, span_index: int, bucket: int, horizon: Horizon) -> tuple[float, float, float]:
    """(seen, mean, variance) per active bucket that `bucket` may be judged against."""
    closed = memory.closed(span_index)
    limit = bucket - horizon.lag
    numbers = moments.of_span(memory.base, span_index)
    if closed and closed[0] <= limit:
        _, numbers = moments.learn_final(numbers, horizon.span, closed, limit)
    return moments.summary(numbers, bucket * horizon.span)


class TokenRate:
    """The feature: judges the open buckets of a key when its count trips."""

    __slots__ = ("settings", "spans")

    def __init__(self, settings: RateSettings, spans: tuple[Horizon, Horizon, Horizon]) -> None:
        self.settings = settings
        self.spans = spans

    def judge_open(self, memory: RateMemory, prior: Prior, busiest: Busiest = nobody) -> list[Spike]:
        """Looks at the open buckets of a key whose count has reached its trip; the spikes, the least likely first."""
        n, bucket = memory.n, memory.bucket
        counts = (n, n + memory.hour_n, n + memory.six_n)
        checks = [memory.step_check, memory.hour_check, memory.six_check]
        found: list[Spike] = []
        for index, count in enumerate(counts):
            if count < checks[index]:
                continue
            checks[index], spike = self.judge(memory, index, bucket // _RATIO[index], count, prior, busiest)
            if spike is not None:
                found.append(spike)
        memory.step_check, memory.hour_check, memory.six_check = checks
        _set_trip(memory)
        return sorted(found, key=_least_likely)

    def judge_older(self, memory: RateMemory, bucket: int, prior: Prior, busiest: Busiest = nobody) -> list[Spike]:
        """Looks at the closed buckets in which a disordered request landed; the spikes, the least likely first."""
        found: list[Spike] = []
        for index in range(len(SPANS)):
            closed, number = memory.closed(index), bucket // _RATIO[index]
            for place in range(len(closed) - 3, -1, -3):
                if closed[place] == number and closed[place + 1] >= closed[place + 2]:
                    check, spike = self.judge(memory, index, number, closed[place + 1], prior, busiest)
                    memory.close(index, (*closed[: place + 2], check, *closed[place + 3 :]))
                    if spike is not None:
                        found.append(spike)
        return sorted(found, key=_least_likely)

    def judge(
        self, memory: RateMemory, index: int, bucket: int, count: int, prior: Prior, busiest: Busiest = nobody
    ) -> tuple[int, Spike | None]:
        """The count at which to look at this bucket again, and the spike if `count` is one.

        A bucket is looked at on a ladder of counts: at its floor, at `ratio` times what is expected, then a tenth
        higher each time; once it is a spike, a quarter higher, for a flood begins like any burst. The rungs depend on
        final buckets only and every count passes each of them, so which rung a bucket reaches, and with it the
        verdict, does not depend on the order of arrival.

        Where agents are added up the rungs are of what is left without the busiest one: its requests are its own
        spike. What is left never falls as requests arrive and grows by one at most, so it stands on every rung once;
        to meet it there the bucket is looked at as soon as so many more have come as the next rung lacks.
        """
        expected, dispersion, seen = self.expectation(memory, index, bucket, prior)
        if not expected:
            return NEVER, None
        rung = max(self.settings.floors[index], int(self.settings.ratio * expected) + 1)
        if count < rung:
            return rung, None
        alone = busiest(index, bucket)
        left = count - alone
        if left < rung:
            return alone + rung, None
        if busiest is nobody:  # then a count is only looked at on a rung: there is none to climb to
            rung = left
        while True:
            tail = negative_binomial_tail(rung, expected, dispersion)
            surprising = tail < self.settings.p_value
            higher = rung + rung // (4 if surprising else 10) + 1
            if higher > left:
                break
            rung = higher
        if left > rung or not surprising:
            return alone + higher, None
        horizon = self.spans[index]
        return alone + higher, Spike(
            span=horizon.span,
            start=bucket * horizon.span,
            count=left,
            expected=expected,
            dispersion=dispersion,
            p_value=tail,
            seen=seen,
            busiest=alone,
        )

    def judge_count(self, bucket: int, count: int, expected: float, dispersion: float, seen: float) -> Spike | None:
        """The spike if `count` is one in a ten-minute bucket of which this is expected, with no floor below it."""
        if not expected or count <= self.settings.ratio * expected:
            return None
        tail = negative_binomial_tail(count, expected, dispersion)
        if tail >= self.settings.p_value:
            return None
        return Spike(STEP, bucket * STEP, count, expected, dispersion, tail, seen)

    def expectation(self, memory: RateMemory, index: int, bucket: int, prior: Prior) -> tuple[float, float, float]:
        """(expected count, dispersion, seen); the expectation is 0 when too little is known to judge."""
        horizon = self.spans[index]
        seen, mean, variance = baseline(memory, index, bucket, horizon)
        enough = self.settings.min_seen
        hourly = horizon.span <= HOUR
        lent = prior.mean * horizon.span / HOUR if hourly and prior.seen >= enough else 0.0
        if seen < enough and not lent:
            return 0.0, 0.0, seen
        own_dispersion = max(0.0, (variance - mean) / (mean * mean)) if mean else 0.0
        dispersion = (DISPERSION_WEIGHT * DISPERSION_PRIOR + seen * own_dispersion) / (DISPERSION_WEIGHT + seen)
        if lent:
            mean = (PRIOR_WEIGHT * lent + seen * mean) / (PRIOR_WEIGHT + seen)
        return mean * (prior.shape if hourly else 1.0), dispersion + 1.0 / (PRIOR_WEIGHT + seen), seen


def bucket_of(time: float) -> int:
    """Number of the ten-minute bucket that holds `time`."""
    return int(time) // STEP
