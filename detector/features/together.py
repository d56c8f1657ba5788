"""Several keys at once: how unlikely it is that so many of them are so much busier than usual in the same hours.

Each key at work adds -ln p of its busy periods; by Fisher's method [1] the sum over n keys follows a gamma distribution
with shape n if each p is right. Counts are discrete, and those of idle keys say nothing, so the sum is smaller: the
shape is four fifths of n. One key alone is not several: what it adds is bounded.

1. Fisher: Statistical Methods for Research Workers. Oliver and Boyd 1932, 21.1.
"""

from __future__ import annotations

from math import exp, lgamma, log
from typing import Final

from detector.features.periods import DISPERSIONS, PeriodMemory, count, dispersion, expected
from detector.features.tails import TINY, negative_binomial_tail

_MOST: Final = 8.0
"""What one key adds at most."""
_SHAPE: Final = 0.8
NOTED: Final = 1.5
"""From here on what a key adds is worth counting: p = 0.22."""
_EPSILON: Final = 1e-12


def surprise(memory: PeriodMemory, hour: int, hours: int) -> float:
    """-ln of how likely a key is to be as busy as it is in the `hours` up to the end of `hour`; 8 at most."""
    number = count(memory, hour, hours)
    usual = expected(memory, hour, hours)
    if number <= usual:
        return 0.0
    return min(_MOST, -log(negative_binomial_tail(number, usual, dispersion(memory, DISPERSIONS[hours]))))


def chance(total: float, keys: int) -> float:
    """How likely the surprises of `keys` keys are to sum up to `total` or more."""
    return max(TINY, gamma_tail(_SHAPE * keys, total))


def gamma_tail(shape: float, x: float) -> float:
    """P(X >= x) for a gamma distribution with this shape and scale 1: the regularised incomplete gamma function Q.

    By its series below the mean and by its continued fraction above (DLMF 8.11.4 and 8.9.2, modified Lentz method).
    """
    if x <= 0.0:
        return 1.0
    front = exp(shape * log(x) - x - lgamma(shape))
    if x < shape + 1.0:
        term = total = 1.0 / shape
        step = shape
        while term > total * _EPSILON:
            step += 1.0
            term *= x / step
            total += term
        return max(0.0, 1.0 - front * total)
    b = x + 1.0 - shape
    c, d = 1.0 / TINY, 1.0 / b
    value, change, step = d, 0.0, 0.0
    while abs(change - 1.0) > _EPSILON:
        step += 1.0
        a = step * (shape - step)
        b += 2.0
        d = 1.0 / (a * d + b)
        c = b + a / c
        change = d * c
        value *= change
    return front * value
