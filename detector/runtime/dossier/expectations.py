"""What was expected of an agent: the band behind its token requests.

The same learning as the detectors' own (`detector.features.moments`): a bucket is compared with final buckets before
it, recent ones weigh more, and a burst teaches at most three times the usual. The band is the mean of an active bucket
and two standard deviations to either side, with the dispersion of a negative binomial, as in docs/methods.md; it
leaves out what siblings and the hour of the week lend to a young agent.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final, NamedTuple

from detector.features import moments
from detector.features.timeline import Horizon
from detector.features.token_rate import DISPERSION_PRIOR, DISPERSION_WEIGHT, PRIOR_WEIGHT

UNKNOWN: Final = -1.0
_LEAST: Final = 5.0
"""Active buckets below which nothing is expected."""
_DEVIATIONS: Final = 2.0


class Expectation(NamedTuple):
    """The band, bucket by bucket, and the experience behind the last of it."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    seen: float


def expected(counts: Sequence[int], first: int, horizon: Horizon) -> Expectation:
    """The band of an agent.

    Args:
        counts: Token requests by bucket.
        first: Number of the first bucket, event time // `horizon.span`.
        horizon: Of the length of a bucket, with the lateness allowed.
    """
    numbers = moments.UNTAUGHT
    low: list[float] = []
    high: list[float] = []
    seen = 0.0
    for place in range(len(counts)):
        learned = place - horizon.lag
        if learned >= 0 and counts[learned]:
            numbers = moments.learn(numbers, horizon.span, first + learned, counts[learned])
        seen, mean, variance = moments.summary(numbers, float((first + place) * horizon.span))
        if seen < _LEAST:
            low.append(UNKNOWN)
            high.append(UNKNOWN)
            continue
        reach = _DEVIATIONS * sqrt(mean + _dispersion(seen, mean, variance) * mean * mean)
        low.append(round(max(0.0, mean - reach), 1))
        high.append(round(mean + reach, 1))
    return Expectation(tuple(low), tuple(high), seen)


def _dispersion(seen: float, mean: float, variance: float) -> float:
    own = max(0.0, (variance - mean) / (mean * mean)) if mean else 0.0
    shrunk = (DISPERSION_WEIGHT * DISPERSION_PRIOR + seen * own) / (DISPERSION_WEIGHT + seen)
    return shrunk + 1.0 / (PRIOR_WEIGHT + seen)
