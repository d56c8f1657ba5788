"""Tail probabilities of over-dispersed counts, without heavy imports.

SciPy computes the same numbers, and the tests hold these functions against it; importing it costs 0.6 CPU
seconds, more than a whole small replay, so the core has its own few lines
(`docs/decisions/0004-own-tail-probabilities.md`).
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p, log10

TINY = 1e-300
"""Smallest probability ever returned: keeps -log10 finite."""

_EPSILON = 1e-15
_CLOSE = 1e-12
_STEPS = 10_000
_FINER = 4


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function by the modified Lentz method, DLMF 8.17.22."""
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > TINY else TINY)
    value = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 + even * d
        d = 1.0 / (d if abs(d) > TINY else TINY)
        c = 1.0 + even / c
        c = c if abs(c) > TINY else TINY
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 + odd * d
        d = 1.0 / (d if abs(d) > TINY else TINY)
        c = 1.0 + odd / c
        c = c if abs(c) > TINY else TINY
        change = d * c
        value *= change
        if abs(change - 1.0) < _EPSILON:
            break
    return value


def _correction(z: float) -> float:
    """What Stirling's formula for lgamma leaves out, for z >= 20 (DLMF 5.11.1)."""
    square = 1.0 / (z * z)
    return (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0))) / z


def log_beta(a: float, b: float) -> float:
    """Logarithm of the beta function B(a, b) for a, b > 0.

    The textbook sum of three `lgamma` subtracts large numbers: at counts of a hundred thousand eight digits are lost.
    """
    small, large = (a, b) if a < b else (b, a)
    if large < 20.0:
        return lgamma(a) + lgamma(b) - lgamma(a + b)
    rise = (large - 0.5) * log1p(small / large) + small * (log(a + b) - 1.0)
    return lgamma(small) - rise - _correction(a + b) + _correction(large)


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b) for a, b > 0 and 0 <= x <= 1 (DLMF 8.17)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    log_front = a * log(x) + b * log1p(-x) - log_beta(a, b)
    if x < (a + 1.0) / (a + b + 2.0):
        return min(1.0, exp(log_front - log(a)) * _continued_fraction(a, b, x))
    return max(0.0, 1.0 - exp(log_front - log(b)) * _continued_fraction(b, a, 1.0 - x))


def gamma_below(a: float, x: float) -> float:
    """P(X <= x) for a gamma distribution of shape a and scale 1: the regularised incomplete gamma function P(a, x).

    The sum of squares of 2a standard normal numbers is below 2x so often (DLMF 8.11.4).

    Args:
        a: Above 0.
        x: Where the series converges fast: not far above a.

    Returns:
        The probability, in [1e-300, 1].
    """
    if x <= 0.0:
        return TINY
    term = total = 1.0 / a
    step = a
    while term >= total * _EPSILON:
        step += 1.0
        term *= x / step
        total += term
    return min(1.0, max(TINY, total * exp(a * log(x) - x - lgamma(a))))


def gamma_above(a: float, x: float) -> float:
    """P(X >= x) for a gamma distribution of shape a and scale 1: the regularised incomplete gamma function Q(a, x).

    What `gamma_below` leaves, or beyond the mean its continued fraction (DLMF 8.9.2, modified Lentz method).

    Returns:
        The probability, in [1e-300, 1].
    """
    if x < a + 1.0:
        return max(TINY, 1.0 - gamma_below(a, x)) if x > 0.0 else 1.0
    b = x + 1.0 - a
    c, d = 1.0 / TINY, 1.0 / b
    value, change, step = d, 0.0, 0.0
    while abs(change - 1.0) > _CLOSE:
        step += 1.0
        odd = step * (a - step)
        b += 2.0
        d = 1.0 / (odd * d + b)
        c = b + odd / c
        change = d * c
        value *= change
    return max(TINY, exp(a * log(x) - x - lgamma(a)) * value)


def negative_binomial_tail(count: int, mean: float, dispersion: float) -> float:
    """P(N >= count) for a negative binomial count.

    Args:
        count: The observed count.
        mean: Expected count, > 0.
        dispersion: 1 / size: the variance is `mean + dispersion * mean**2`; > 0. Values below 1e-4 are
            taken as 1e-4, which is all but Poisson.

    Returns:
        The probability, in [1e-300, 1]. Source: N ~ NB(size r, success odds), P(N >= n) = I_q(n, r) with
        q = mean / (mean + r) (Johnson, Kemp and Kotz, Univariate Discrete Distributions, 5.6).
    """
    if count <= 0:
        return 1.0
    size = 1.0 / max(dispersion, 1e-4)
    return max(TINY, incomplete_beta(float(count), size, mean / (mean + size)))


def beta_binomial_tail(failures: int, attempts: int, alpha: float, beta: float) -> float:
    """P(F >= failures) among `attempts` whose failure probability is Beta(alpha, beta) distributed.

    The terms are summed upward from the first by their ratio; alpha, beta > 0. Below the mean the tail is the
    complement of the other one: its own first term may be too small for a double while the sum is all but 1.
    """
    if failures <= 0:
        return 1.0
    if failures > attempts:
        return TINY
    if failures * (alpha + beta) <= attempts * alpha:
        return max(TINY, 1.0 - beta_binomial_tail(attempts - failures + 1, attempts, beta, alpha))
    k = failures
    log_term = log_beta(k + alpha, attempts - k + beta) - log_beta(alpha, beta)
    log_term -= log(attempts + 1) + log_beta(k + 1, attempts - k + 1)
    term = total = 1.0
    for k in range(failures, attempts):
        term *= (attempts - k) * (k + alpha) / ((k + 1) * (attempts - k - 1 + beta))
        total += term
        if term < total * _EPSILON:
            break
    return min(1.0, max(TINY, exp(log_term) * total))


def grade(p_value: float, limit: float, growth: float, *, extreme: int | None = None) -> int:
    """How often a surprise has grown `growth`-fold since it was worth a word; each grade is worth another.

    A flood begins like any burst and a silence like any pause: what is told of their beginnings is weak, and there is
    no second word for the same thing unless it has become another.

    Args:
        p_value: In (0, 1].
        limit: The p-value below which there is something to tell, in (0, 1).
        growth: Multiple of -log10 of the p-value that makes a grade; above 1.
        extreme: The grade from which on a quarter of such a growth makes another one. Hardly anything reaches it, so
            few words are spent, and of what does reach it each minute counts.
    """
    surprise, least = -log10(p_value), -log10(limit)
    if surprise <= least:
        return 0
    grown = log(surprise / least) / log(growth) + 1e-9
    if extreme is None or grown < extreme:
        return int(grown)
    return extreme + int(_FINER * (grown - extreme))
