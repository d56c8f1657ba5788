"""When agents ask for tokens: arrival processes that look like life.

Counts are gamma-Poisson: over-dispersed, as public traces of language-model traffic are (variance over mean of 16 to
164 a minute), on the week shape of the blueprint. Services add renewals spaced like token lifetimes, scheduled agents
run by the clock with jitter.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

from detector.runtime.simulation.chance import burstiness, poisson
from detector.runtime.simulation.clock import DAY, HOUR, MINUTE, SECOND
from detector.runtime.simulation.tenant import Rhythm
from detector.runtime.simulation.traits import Traits

Factor = Callable[[int], float]
"""What multiplies a rate at a time: surges, holidays, growth."""

_BIN: Final = 10 * MINUTE
_PERIODS: Final = (300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400)
_LONGEST_RENEWAL: Final = 6 * HOUR
_SHORTEST_RENEWAL: Final = 65 * MINUTE
_TOKENS_A_RUN: Final = 1.5
_PARETO: Final = 1.5
_LONGEST_SESSION: Final = 200
_SESSION: Final = 2.5
"""Mean number of requests that follow in a session: about the sum of 1 / n^1.5, the longest cut."""


@lru_cache(maxsize=64)
def week_shape(rhythm: Rhythm, timezone: int, traits: Traits) -> tuple[float, ...]:
    """Give the activity of each UTC hour of the week, Monday first, scaled to mean 1."""
    hours = [_activity(rhythm, *divmod((hour + timezone) % 168, 24), traits) for hour in range(168)]
    mean = sum(hours) / len(hours)
    return tuple(value / mean for value in hours)


def _activity(rhythm: Rhythm, weekday: int, hour: int, traits: Traits) -> float:
    weekend = weekday >= 5
    if rhythm == "office":
        if weekend:
            return traits.weekend
        if 8 <= hour < 18:
            return 0.75 if hour == 12 else 1.0
        return 6 * traits.night if 6 <= hour < 22 else traits.night
    if rhythm == "night":
        return 1.0 if 1 <= hour < 5 else 0.04
    return 0.8 if weekend else 1.0


class Bursts(NamedTuple):
    """How over-dispersed arrivals are."""

    hourly: float
    """Gamma shape of the hourly factor; small is bursty."""
    flicker: float = 2.0
    """Gamma shape of the factor of ten minutes."""
    sessions: float = 0.0
    """Share of arrivals that begin a session."""


def bursty(
    rng: Random, start: int, end: int, daily: float, shape: tuple[float, ...], bursts: Bursts, factor: Factor
) -> list[int]:
    """Draw arrivals of a doubly stochastic process: gamma factors an hour and ten minutes, Poisson counts within.

    Args:
        rng: The agent's stream.
        start: First instant (ticks).
        end: First instant after.
        daily: Mean number of arrivals a day.
        shape: Activity by hour of the week.
        bursts: How over-dispersed they are.
        factor: What happens beyond the ordinary.
    """
    arrivals: list[int] = []
    per_bin = daily * _BIN / DAY / (1.0 + bursts.sessions * _SESSION)
    hourly, hour_seen = 1.0, -1
    for left in range(start - start % _BIN, end, _BIN):
        hour = left // HOUR
        if hour != hour_seen:
            hourly, hour_seen = burstiness(rng, bursts.hourly), hour
        mean = per_bin * shape[(hour + 72) % 168] * hourly * burstiness(rng, bursts.flicker) * factor(left)
        count = poisson(rng, mean)
        arrivals += [left + rng.randrange(_BIN) for _ in range(count)]
    if bursts.sessions:
        arrivals += _sessions(rng, arrivals, bursts.sessions)
    return sorted(moment for moment in arrivals if start <= moment < end)


def _sessions(rng: Random, arrivals: list[int], share: float) -> list[int]:
    """Draw what follows upon some arrivals: a heavy-tailed number of requests within minutes."""
    more: list[int] = []
    for moment in arrivals:
        if rng.random() < share:
            count = min(_LONGEST_SESSION, int(rng.paretovariate(_PARETO)))
            more += [moment + int(rng.expovariate(1.0) * 2 * MINUTE) for _ in range(count)]
    return more


def renewals(rng: Random, start: int, end: int, daily: float) -> list[int]:
    """Draw renewals spaced like token lifetimes: at least 65 minutes, jittered by a tenth."""
    period = min(_LONGEST_RENEWAL, max(_SHORTEST_RENEWAL, int(DAY / max(daily, 0.1))))
    moments: list[int] = []
    moment = start + rng.randrange(period)
    while moment < end:
        moments.append(moment)
        moment += int(period * rng.uniform(0.9, 1.1))
    return moments


def scheduled(rng: Random, start: int, end: int, daily: float, longest: float, factor: Factor) -> list[int]:
    """Draw runs of a clock: a period that gives about `daily` tokens, jitter of seconds, extra runs in a surge.

    The mean delay of a run is the agent's own, from one second to the `longest`.
    """
    wanted = 86_400 * _TOKENS_A_RUN / max(daily, 0.1)
    period = min(_PERIODS, key=lambda seconds: abs(seconds - wanted)) * SECOND
    phase = rng.randrange(min(period, HOUR)) // MINUTE * MINUTE
    jitter = rng.uniform(1.0, longest)
    runs: list[int] = []
    for planned in range(start - start % period + phase, end, period):
        times = 1 + poisson(rng, factor(planned) - 1.0)
        runs += [planned + int(rng.expovariate(1.0 / jitter) * SECOND) + extra * MINUTE for extra in range(times)]
    return sorted(moment for moment in runs if start <= moment < end)


def spread(rng: Random, start: int, seconds: float, count: int) -> list[int]:
    """Place `count` moments at random in a span, in order."""
    return sorted(start + int(rng.random() * seconds * SECOND) for _ in range(count))
