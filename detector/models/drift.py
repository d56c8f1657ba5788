"""Whether hours still look like those that a model was trained on: the population stability of each part.

    stability(part) = sum over bins of (now - then) * ln(now / then)

with the shares of hours in bins that each held a tenth of the training hours. The usual reading: below 0.1 as before,
above 0.25 something else (N. Siddiqi, Credit Risk Scorecards, 2006). Hours fade: those of a week ago count half.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from detector.models.numbers import Array

_SMOOTHING: Final = 0.5
"""Hours that every bin is taken to hold more than it does, so that an empty one is not infinitely strange."""
_FADING: Final = 0.5 ** (1.0 / 168.0)
_ENOUGH: Final = 500.0
"""Hours below which nothing is said."""


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one part was spread in training."""

    part: str
    edges: list[float]
    """Between the bins, rising."""
    shares: list[float]
    """Of training hours in the bins; one more than edges."""


class Drift:
    """Counts hours."""

    def __init__(self, spreads: list[Spread]) -> None:
        self._spreads: Final = spreads
        self._counts: Final = [[0.0] * len(spread.shares) for spread in spreads]

    def saw(self, rows: Array) -> None:
        """The rows of one hour; columns in the order of the spreads."""
        import numpy as np

        for column, (spread, counts) in enumerate(zip(self._spreads, self._counts, strict=True)):
            bins = np.searchsorted(spread.edges, rows[:, column], side="left")
            told = np.bincount(bins, minlength=len(counts))
            counts[:] = [_FADING * before + float(more) for before, more in zip(counts, told, strict=True)]

    def stability(self) -> dict[str, float]:
        """Of each part; nothing while there are too few hours."""
        if not self._counts or sum(self._counts[0]) < _ENOUGH:
            return {}
        return {
            spread.part: _stability(spread.shares, counts)
            for spread, counts in zip(self._spreads, self._counts, strict=True)
        }


def spread_of(part: str, values: Array) -> Spread:
    """How a part is spread in training."""
    import numpy as np

    edges = np.unique(np.quantile(values, np.arange(1, 10) / 10.0))
    told = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return Spread(part, [float(each) for each in edges], [float(each) / len(values) for each in told])


def _stability(shares: list[float], counts: list[float]) -> float:
    total = sum(counts)
    found = 0.0
    for share, count in zip(shares, counts, strict=True):
        then = (share * total + _SMOOTHING) / (total + _SMOOTHING * len(counts))
        now = (count + _SMOOTHING) / (total + _SMOOTHING * len(counts))
        found += (now - then) * log(now / then)
    return found
