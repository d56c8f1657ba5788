"""What the features compute, written as one would say it: every record kept, everything counted anew each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hypothesis import strategies as st

from detector.features import moments
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import HOUR, SPANS, Horizon, horizons, weight
from detector.features.token_rate import Prior, RateSettings, Spike

START = 1_772_409_600
"""2026-03-02T00:00:00Z, a Monday."""


def arrivals(lateness: int, *, most: int = 120, longest: int = 4 * HOUR) -> st.SearchStrategy[list[int]]:
    """Event times in an order in which they may arrive: bursts and pauses, disordered by up to `lateness`."""
    gap = st.one_of(st.just(0), st.integers(0, 60), st.integers(0, 60), st.integers(0, longest))
    delay = st.one_of(st.just(0), st.integers(0, lateness))

    def arrange(steps: list[tuple[int, int]]) -> list[int]:
        time, told = START, []
        for step, late in steps:
            time += step
            told.append((time + late, time))
        return [time for _, time in sorted(told)]

    return st.lists(st.tuples(gap, delay), min_size=1, max_size=most).map(arrange)


class Counts:
    """Requests per bucket of every span."""

    def __init__(self, lateness: float) -> None:
        self.spans = horizons(lateness)
        self.counts: tuple[Counter[int], ...] = (Counter(), Counter(), Counter())

    def add(self, time: int) -> None:
        for span, counts in zip(SPANS, self.counts, strict=True):
            counts[time // span] += 1

    def baseline(self, index: int, bucket: int) -> tuple[float, float, float]:
        horizon = self.spans[index]
        numbers = moments.UNTAUGHT
        for number, count in sorted(self.counts[index].items()):
            if number <= bucket - horizon.lag:
                numbers = moments.learn(numbers, horizon.span, number, count)
        return moments.summary(numbers, bucket * horizon.span)

    def judge(self, index: int, bucket: int, settings: RateSettings, prior: Prior) -> list[Spike]:
        """The spikes that a bucket was when its count passed the rungs of its ladder that are surprising."""
        span, count = SPANS[index], self.counts[index][bucket]
        seen, mean, variance = self.baseline(index, bucket)
        lent = prior.mean * span / HOUR if span <= HOUR and prior.seen >= settings.min_seen else 0.0
        if seen < settings.min_seen and not lent:
            return []
        own = max(0.0, (variance - mean) / mean**2) if mean else 0.0
        dispersion = (8 * 0.5 + seen * own) / (8 + seen) + 1 / (4 + seen)
        expected = ((4 * lent + seen * mean) / (4 + seen) if lent else mean) * (prior.shape if span <= HOUR else 1.0)
        rung = max(settings.floors[index], int(settings.ratio * expected) + 1)
        found = []
        while rung <= count:
            tail = negative_binomial_tail(rung, expected, dispersion)
            if tail < settings.p_value:
                found.append(Spike(span, bucket * span, rung, expected, dispersion, tail, seen))
            rung += rung // (4 if found else 10) + 1
        return found


def known(seen: Iterable[tuple[str, int]], hour: int, horizon: Horizon) -> set[str]:
    """Values first seen in an hour that `hour` may be compared with; `seen` are values and hours."""
    return {value for value, first in seen if first <= hour - horizon.lag}


def experience(used: dict[int, set[str]], hour: int, horizon: Horizon) -> tuple[float, float]:
    """(active hours, distinct values per active hour) that `hour` may be judged against."""
    final = [h for h in used if h <= hour - horizon.lag]
    exposure = sum(weight(h * HOUR) for h in final)
    distinct = sum(weight(h * HOUR) * len(used[h]) for h in final)
    return (exposure / weight(hour * HOUR), distinct / exposure) if final else (0.0, 0.0)
