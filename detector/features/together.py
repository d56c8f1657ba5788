"""Several keys at once: how unlikely it is that so many of them are so much busier than usual in the same hours.

Each key at work adds -ln p of its busy periods; by Fisher's method [1] the sum over n keys follows a gamma distribution
with shape n if each p is right. Counts are discrete, and those of idle keys say nothing, so the sum is smaller: the
shape is four fifths of n. One key alone is not several: what it adds is bounded.

1. Fisher: Statistical Methods for Research Workers. Oliver and Boyd 1932, 21.1.
"""

from __future__ import annotations

from math import log
from typing import Final

from detector.features.periods import DISPERSIONS, PeriodMemory, count, dispersion, expected
from detector.features.tails import gamma_above, negative_binomial_tail

_MOST: Final = 8.0
"""What one key adds at most."""
_SHAPE: Final = 0.8
NOTED: Final = 1.5
"""From here on what a key adds is worth counting: p = 0.22."""


def surprise(memory: PeriodMemory, hour: int, hours: int) -> float:
    """-ln of how likely a key is to be as busy as it is in the `hours` up to the end of `hour`; 8 at most."""
    number = count(memory, hour, hours)
    usual = expected(memory, hour, hours)
    if number <= usual:
        return 0.0
    return min(_MOST, -log(negative_binomial_tail(number, usual, dispersion(memory, DISPERSIONS[hours]))))


def chance(total: float, keys: int) -> float:
    """How likely the surprises of `keys` keys are to sum up to `total` or more."""
    return gamma_above(_SHAPE * keys, total)
