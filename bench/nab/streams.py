"""Nine views of one series of numbers, each large where something of its own kind is unusual.

What a stream's values mean does not matter to the tails that judge them; only their order does. Everything here is
causal and of constant size: no length, minimum or maximum of the series is known beforehand.
"""

from __future__ import annotations

from collections import deque
from math import log

QUICK, SLOW, SLOWEST = 0.1, 0.02, 0.005
"""Weight of the newest value in a running mean: about 20, 100 and 400 values back."""

LAG = 50
"""The slowest mean is compared with the slow one as it was so many values ago, before it could follow."""

DAY = 86_400.0
CELLS = 24
"""Parts of the day whose usual values are learned apart."""

RELATIVE = 0.01
"""Relative changes are those of value + this part of the usual value, so that small ones do not shout."""

TINY = 1e-300

STREAMS = ("high", "low", "change", "spread", "level", "season", "seasonal level", "relative", "calm")


class Mean:
    """A running mean that is the plain one until it has seen 1 / pace values."""

    __slots__ = ("count", "pace", "value")

    def __init__(self, pace: float) -> None:
        self.pace = pace
        self.count = 0
        self.value = 0.0

    def update(self, value: float) -> float:
        """Learns a value; the mean with it."""
        self.count += 1
        self.value += max(self.pace, 1.0 / self.count) * (value - self.value)
        return self.value


class DayProfile:
    """The usual value at a time of day: a mean for each cell, learned when the cell is left, interpolated between."""

    __slots__ = ("cell", "means", "present")

    def __init__(self) -> None:
        self.means = [Mean(QUICK) for _ in range(CELLS)]
        self.cell = -1
        self.present = Mean(0.0)

    def residual(self, timestamp: float, value: float) -> float | None:
        """Value less what is usual at this time of day, then learns it; None while nothing is known of the time."""
        position = timestamp % DAY / DAY * CELLS
        cell = int(position)
        if cell != self.cell:
            if self.present.count:
                self.means[self.cell].update(self.present.value)
            self.cell, self.present = cell, Mean(0.0)
        self.present.update(value)
        mean = self.means[cell]
        if not mean.count:
            return None
        aside = position - cell - 0.5
        neighbour = self.means[(cell + (1 if aside >= 0.0 else -1)) % CELLS]
        if not neighbour.count:
            return value - mean.value
        return value - mean.value - abs(aside) * (neighbour.value - mean.value)


class Streams:
    """The memory behind all views of one series."""

    __slots__ = ("calm", "last", "level", "log_level", "profile", "seasonal", "slowest", "spread", "trail")

    def __init__(self) -> None:
        self.last: float | None = None
        self.level = Mean(SLOW)
        self.slowest = Mean(SLOWEST)
        self.trail: deque[float] = deque(maxlen=LAG + 1)
        self.spread = Mean(QUICK)
        self.profile = DayProfile()
        self.seasonal = Mean(QUICK)
        self.calm = Mean(QUICK)
        self.log_level = Mean(SLOW)

    def update(self, timestamp: float, value: float) -> tuple[float | None, ...]:
        """The value of each of `STREAMS` at the next row of the series; None where there is none."""
        known = self.last is not None
        change = abs(value - self.last) if self.last is not None else 0.0
        self.last = value
        spread = self.spread.update(abs(value - self.level.value) if known else 0.0)
        level = self.level.update(value)
        self.trail.append(self.slowest.update(value))
        residual = self.profile.residual(timestamp, value)
        off = residual if residual is not None else 0.0
        height = log(abs(value) + RELATIVE * abs(level) + TINY)
        relative = abs(height - self.log_level.value) if known else 0.0
        self.log_level.update(height)
        return (
            value,
            -value,
            change,
            spread,
            abs(level - self.trail[0]),
            abs(residual) if residual is not None else None,
            abs(self.seasonal.update(off)),
            relative,
            -self.calm.update(abs(off)),
        )
