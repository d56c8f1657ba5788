"""Buckets of event time, and what may already be learned when one of them is judged.

A bucket of a span is judged with every event that lands in it, against buckets that were *final* by then:
those in which nothing can arrive any more without being late. Which buckets those are follows from the bucket's
own number and the allowed lateness alone, never from the moment of arrival, so the judgement is the same in any
order (`docs/decisions/0003-order-independence.md`).
"""

from __future__ import annotations

from functools import lru_cache
from math import exp2
from typing import Final

import msgspec

STEP: Final = 600
"""Seconds of the finest bucket."""

HOUR: Final = 3_600
SIX_HOURS: Final = 21_600
DAY: Final = 86_400

SPANS: Final = (STEP, HOUR, SIX_HOURS)
"""Bucket lengths in seconds; each is a multiple of the one before."""

STEPS_PER_HOUR: Final = HOUR // STEP
NEVER: Final = 1 << 60
"""A count that no bucket reaches, an hour that does not come."""

STEPS_PER_SIX_HOURS: Final = SIX_HOURS // STEP

LANDMARK: Final = 1_577_836_800.0
HALF_LIFE: Final = 14 * 86_400.0


def weight(time: float) -> float:
    """Weight of evidence that is `time` seconds old since the epoch: doubles every 14 days.

    Forward decay (Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009): what was learned keeps its number for ever
    and newer evidence enters with a larger one, so nothing has to be aged. Divide a sum by `weight(now)` to
    express it in today's observations.
    """
    return exp2((time - LANDMARK) / HALF_LIFE)


@lru_cache(maxsize=1_024)
def shared(number: int) -> int:
    """One object for each number of an hour, of six hours or of a day in use, because every key remembers some."""
    return number


@lru_cache(maxsize=1_024)
def start_of(bucket: int) -> float:
    """Event time at which a ten-minute bucket begins: one shared object as well."""
    return float(bucket * STEP)


class Horizon(msgspec.Struct, frozen=True):
    """For one span: how far back a bucket looks, and how far behind the newest one a bucket is beyond change."""

    span: int
    lag: int
    """Bucket b is judged against buckets <= b - lag."""
    keep: int
    """With b the newest bucket of a key, buckets <= b - keep can be folded: no judgement needs to leave them out."""

    @classmethod
    def of(cls, span: int, lateness: float) -> Horizon:
        """The horizon of `span` seconds when records may be `lateness` seconds late."""
        still_open = int(-(-lateness // span))
        return cls(span, 1 + still_open, 1 + 2 * still_open)


def horizons(lateness: float) -> tuple[Horizon, Horizon, Horizon]:
    """One horizon for each of `SPANS`."""
    step, six = Horizon.of(STEP, lateness), Horizon.of(SIX_HOURS, lateness)
    return (_whole(step, HOUR), Horizon.of(HOUR, lateness), _whole(six, DAY))


def _whole(horizon: Horizon, span: int) -> Horizon:
    """A horizon whose buckets are kept until the hour or day that they belong to is final.

    `periods` asks which ten minutes of an hour were busy, `drift` for the requests of a day.
    """
    return Horizon(horizon.span, horizon.lag, max(horizon.keep, span // horizon.span + horizon.lag - 1))
