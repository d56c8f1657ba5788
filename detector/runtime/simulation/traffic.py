"""When agents ask for tokens: arrival processes that look like life.

Counts are gamma-Poisson: over-dispersed, as public traces of language-model traffic are (variance over mean of 16 to
164 a minute), on the week shape of the blueprint. Services add renewals spaced like token lifetimes, scheduled agents
run by the clock with jitter.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import Final

from detector.runtime.simulation.chance import burstiness, poisson
from detector.runtime.simulation.clock import DAY, HOUR, MINUTE, SECOND
from detector.runtime.simulation.tenant import Rhythm

Factor = Callable[[int], float]
"""What multiplies a rate at a time: surges, holidays, growth."""

_BIN: Final = 10 * MINUTE
_PERIODS: Final = (300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400)
_LONGEST_RENEWAL: Final = 6 * HOUR
_SHORTEST_RENEWAL: Final = 65 * MINUTE


@lru_cache(maxsize=64)
def week_shape(rhythm: Rhythm, timezone: int) -> tuple[float, ...]:
    """Give the activity of each UTC hour of the week, Monday first, scaled to mean 1."""
    hours = [_activity(rhythm, *divmod((hour + timezone) % 168, 24)) for hour in range(168)]
    mean = sum(hours) / len(hours)
    return tuple(value / mean for value in hours)


def _activity(rhythm: Rhythm, weekday: int, hour: int) -> float:
    weekend = weekday >= 5
    if rhythm == "office":
        if weekend:
            return 0.06
        if 8 <= hour < 18:
            return 0.75 if hour == 12 else 1.0
        return 0.18 if 6 <= hour < 22 else 0.03
    if rhythm == "night":
        return 1.0 if 1 <= hour < 5 else 0.04
    return 0.8 if weekend else 1.0


def bursty(
    rng: Random, start: int, end: int, daily: float, shape: tuple[float, ...], burst: float, factor: Factor
) -> list[int]:
    """Draw arrivals of a doubly stochastic process: gamma factors an hour and ten minutes, Poisson counts within.

    Args:
        rng: The agent's stream.
        start: First instant (ticks).
        end: First instant after.
        daily: Mean number of arrivals a day.
        shape: Activity by hour of the week.
        burst: Gamma shape of the hourly factor; small is bursty.
        factor: What happens beyond the ordinary.
    """
    arrivals: list[int] = []
    per_bin = daily * _BIN / DAY
    hourly, hour_seen = 1.0, -1
    for left in range(start - start % _BIN, end, _BIN):
        hour = left // HOUR
        if hour != hour_seen:
            hourly, hour_seen = burstiness(rng, burst), hour
        mean = per_bin * shape[(hour + 72) % 168] * hourly * burstiness(rng, 2.0) * factor(left)
        count = poisson(rng, mean)
        arrivals += [left + rng.randrange(_BIN) for _ in range(count)]
    return sorted(moment for moment in arrivals if start <= moment < end)


def renewals(rng: Random, start: int, end: int, daily: float) -> list[int]:
    """Draw renewals spaced like token lifetimes: at least 65 minutes, jittered by a tenth."""
    period = min(_LONGEST_RENEWAL, max(_SHORTEST_RENEWAL, int(DAY / max(daily, 0.1))))
    moments: list[int] = []
    moment = start + rng.randrange(period)
    while moment < end:
        moments.append(moment)
        moment += int(period * rng.uniform(0.9, 1.1))
    return moments


def scheduled(rng: Random, start: int, end: int, daily: float, tokens_a_run: float, factor: Factor) -> list[int]:
    """Draw runs of a clock: a period that gives about `daily` tokens, jitter of seconds, extra runs in a surge."""
    wanted = 86_400 * tokens_a_run / max(daily, 0.1)
    period = min(_PERIODS, key=lambda seconds: abs(seconds - wanted)) * SECOND
    phase = rng.randrange(min(period, HOUR)) // MINUTE * MINUTE
    jitter = rng.uniform(1.0, 15.0)
    runs: list[int] = []
    for planned in range(start - start % period + phase, end, period):
        times = 1 + poisson(rng, factor(planned) - 1.0)
        runs += [planned + int(rng.expovariate(1.0 / jitter) * SECOND) + extra * MINUTE for extra in range(times)]
    return sorted(moment for moment in runs if start <= moment < end)


def spread(rng: Random, start: int, seconds: float, count: int) -> list[int]:
    """Place `count` moments at random in a span, in order."""
    return sorted(start + int(rng.random() * seconds * SECOND) for _ in range(count))
