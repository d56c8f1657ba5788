"""Decayed moments of a count per active bucket, and the law by which they grow."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from detector.features.timeline import weight

if TYPE_CHECKING:
    Numbers = array[float]
else:
    Numbers = array
"""Memory is read back by its annotations, and before Python 3.12 an array takes no parameter."""

CAP = 3.0
"""A bucket teaches at most this multiple of the usual count, so that a burst cannot poison the baseline."""

EXPERIENCED = 6.0
"""Active buckets after which `CAP` applies."""

WIDTH = 3
"""Numbers per span in a base array: weight, weighted sum, weighted sum of squares."""

NOTHING = array("d", bytes(8 * WIDTH * 3))
"""The base of a key that has learned nothing; shared, so never written to."""


def learn(base: Numbers, index: int, span: int, bucket: int, count: int) -> None:
    """Folds one final bucket into `base[index:index + 3]`, in rising order of buckets."""
    start = weight(bucket * span)
    exposure = base[index]
    taught = float(count)
    if exposure > EXPERIENCED * start:
        taught = min(taught, max(1.0, CAP * base[index + 1] / exposure))
    base[index] = exposure + start
    base[index + 1] += start * taught
    base[index + 2] += start * taught * taught


def learn_final(base: Numbers, index: int, span: int, closed: list[int], limit: int) -> int:
    """Folds the buckets up to `limit` of a list (number, count, a third thing, number, ...); the length folded.

    `learn` for each of them, without the calls: every active bucket of every key comes this way.
    """
    exposure, first, second = base[index : index + WIDTH]
    done = 0
    for bucket in closed[::3]:
        if bucket > limit:
            break
        start = weight(bucket * span)
        taught = float(closed[done + 1])
        if exposure > EXPERIENCED * start:
            most = CAP * first / exposure
            if taught > most:
                taught = max(1.0, most)
        exposure += start
        first += start * taught
        second += start * taught * taught
        done += 3
    base[index], base[index + 1], base[index + 2] = exposure, first, second
    return done


def summary(base: Numbers, index: int, now: float) -> tuple[float, float, float]:
    """(experience in buckets of today's weight, mean, variance) of a base; zeros when it has learned nothing."""
    exposure = base[index]
    if not exposure:
        return 0.0, 0.0, 0.0
    mean = base[index + 1] / exposure
    return exposure / weight(now), mean, max(0.0, base[index + 2] / exposure - mean * mean)
