"""How unlikely a value at the upper end of a stream is, learned from the peaks that the stream has had.

A peak is the largest excess over a high quantile in a run of values above it. The quantile follows the stream by
stochastic approximation; the excesses of the last peaks are given a generalised Pareto distribution by their moments;
how often there is a peak at all follows from their mean distance. That is the method SPOT (Siffer, Fouque, Termier,
Largouet: *Anomaly detection in streams with extreme value theory*, KDD 2017), made adaptive:

- Peaks are forgotten when others have come, and so is where the quantile was.
- Anomalies stay in: what has happened once is less of a news the second time.
- No excess is called rarer than the remembered peaks that were all but as high as it. Many small peaks and a few large
  ones, such as those of a nightly job, are a mixture that fits no single tail.

Pure and of constant size. A value below the quantile costs a comparison and two additions, one above it a look at every
remembered peak.
"""

from __future__ import annotations

from array import array
from math import inf, log10

import msgspec

from detector.features.moments import Numbers

LEAST = 5
"""Remembered peaks before there is an opinion."""

MOST = 300.0
"""Largest surprise: no probability below 1e-300 is told apart."""

_TINY = 1e-300
_DISTANCE_PACE = 0.01
_OUTLIER = 10.0
"""A value teaches the mean distance from the quantile at most this multiple of it."""


class Tail(msgspec.Struct, frozen=True):
    """How a stream is followed."""

    quantile: float = 0.85
    """What lies above this quantile is a peak; in (0, 1)."""
    pace: float = 0.05
    """Step of the quantile for each value, in mean distances of the values from it."""
    peaks: int = 160
    """How many peaks are remembered; at least `LEAST`."""
    warm: int = 20
    """Values from which the quantile is first set; until then there is no opinion. At least 1."""
    gap: int = 5
    """Values below the quantile that end a peak: what flickers around it is one peak. At least 1."""
    alike: float = 0.15
    """A remembered peak counts as no smaller than an excess when it lacks at most this part of it; in [0, 1]."""
    heaviest: float = 0.45
    """Largest shape of the tail, in [0.2, 0.5): from 0.5 on its second moment does not exist."""


class Peaks(msgspec.Struct):
    """The memory of one stream."""

    tail: Tail = Tail()
    excesses: Numbers = msgspec.field(default_factory=lambda: array("d"))
    """Of the remembered peaks, as a ring; while the stream is warming up, its values."""
    seen: int = 0
    """Values so far."""
    quantile: float = 0.0
    distance: float = 0.0
    """Mean distance of the values from the quantile, of late."""
    highest: float = 0.0
    """Largest excess of the peak that is going on; 0 when there is none."""
    below: int = 0
    """Values below the quantile since the last one above it."""
    count: int = 0
    """Peaks ever."""
    ended: int = 0
    """`seen` at the end of the last peak."""
    spacing: float = 0.0
    """Values from one peak to the next, on average over the remembered ones."""
    shape: float = 0.0
    scale: float = 0.0
    """P(excess > e | peak) = (1 + shape * e / scale) ** (-1 / shape), the generalised Pareto distribution."""

    def update(self, value: float) -> float:
        """Judges a value by those before it, then learns it.

        Args:
            value: Below 1e100 in size. For the lower end of a stream tell the negative of its values.

        Returns:
            The surprise, -log10 of the probability that a value begins or belongs to a peak at least this high; in
            [0, `MOST`]. 0 below the quantile, and as long as there is no opinion.
        """
        tail = self.tail
        self.seen += 1
        if self.seen <= tail.warm:
            self._warm_up(value)
            return 0.0
        excess = value - self.quantile
        if excess > 0.0:
            surprise = self._surprise(excess)
            self.highest = max(self.highest, excess)
            self.below = 0
            self.quantile += tail.pace * self.distance * tail.quantile
            away = excess
        else:
            surprise = 0.0
            self.below += 1
            if self.highest > 0.0 and self.below >= tail.gap:
                self._remember(self.highest)
                self.highest = 0.0
            self.quantile -= tail.pace * self.distance * (1.0 - tail.quantile)
            away = -excess
        if 0.0 < self.distance < away / _OUTLIER:
            away = _OUTLIER * self.distance
        self.distance += _DISTANCE_PACE * (away - self.distance)
        return surprise

    def _warm_up(self, value: float) -> None:
        """Collects the first values; the last of them sets the quantile, and those above it are the first peaks."""
        self.excesses.append(value)
        if self.seen < self.tail.warm:
            return
        values = self.excesses
        self.quantile = sorted(values)[int(self.tail.quantile * len(values))]
        self.distance = sum(abs(each - self.quantile) for each in values) / len(values)
        peaks = [each - self.quantile for each in values if each > self.quantile]
        self.excesses = array("d", peaks[-self.tail.peaks :])
        self.count, self.ended = len(self.excesses), self.seen
        self.spacing = self.seen / max(1, len(peaks))
        self._fit()

    def _remember(self, excess: float) -> None:
        """A peak is over: it takes the place of the oldest one."""
        place = self.count % self.tail.peaks
        if place < len(self.excesses):
            self.excesses[place] = excess
        else:
            self.excesses.append(excess)
        self.count += 1
        self.spacing += (self.seen - self.ended - self.spacing) / len(self.excesses)
        self.ended = self.seen
        self._fit()

    def _fit(self) -> None:
        """The distribution of the excesses by their mean m and variance v: shape (1 - m²/v)/2, scale m (1 - shape).

        Source: Hosking, Wallis: *Parameter and quantile estimation for the generalized Pareto distribution*,
        Technometrics 29, 1987. The shape is at least 1/n: an exponential tail whose mean is known from n peaks only
        predicts the next one by a Pareto distribution of that shape.
        """
        n = len(self.excesses)
        if n < LEAST:
            return
        mean = sum(self.excesses) / n
        variance = sum((excess - mean) * (excess - mean) for excess in self.excesses) / (n - 1)
        shape = 0.5 * (1.0 - mean * mean / variance) if variance > 0.0 else -inf
        self.shape = min(max(shape, 1.0 / n), self.tail.heaviest)
        self.scale = max(_TINY, mean * (1.0 - self.shape))

    def _surprise(self, excess: float) -> float:
        """-log10 P(peak) - log10 P(excess | peak), or what the peaks that were all but as high allow."""
        n = len(self.excesses)
        if n < LEAST:
            return 0.0
        surprise = log10(self.spacing) + log10(1.0 + self.shape * excess / self.scale) / self.shape
        enough = excess * (1.0 - self.tail.alike)
        alike = sum(1 for each in self.excesses if each >= enough)
        if alike:
            surprise = min(surprise, log10(self.spacing * n / alike))
        return min(surprise, MOST)
