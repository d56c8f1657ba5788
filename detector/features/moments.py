"""Decayed moments of a count per active bucket, and the law by which they grow."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from struct import Struct
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

Three = tuple[float, float, float]
"""What is kept of a span: weight, weighted sum, weighted sum of squares."""

UNTAUGHT: Three = (0.0, 0.0, 0.0)

_THREE = Struct("<3d")
SIZE = _THREE.size
"""Bytes of three numbers in a base, which is all that a key has learned: in bytes, for there are very many keys."""

NOTHING = bytes(3 * SIZE)
"""The base of a key that has learned nothing."""


def of_span(base: bytes, span_index: int) -> Three:
    """What a base holds of a span."""
    exposure, first, second = _THREE.unpack_from(base, SIZE * span_index)
    return exposure, first, second


def with_span(base: bytes, span_index: int, numbers: Three) -> bytes:
    """A base with other numbers of a span."""
    start = SIZE * span_index
    return base[:start] + _THREE.pack(*numbers) + base[start + SIZE :]


def learn(numbers: Three, span: int, bucket: int, count: int) -> Three:
    """The numbers of a span with one more final bucket; in rising order of buckets."""
    exposure, first, second = numbers
    start = weight(bucket * span)
    taught = float(count)
    if exposure > EXPERIENCED * start:
        taught = min(taught, max(1.0, CAP * first / exposure))
    return exposure + start, first + start * taught, second + start * taught * taught


def learn_final(numbers: Three, span: int, closed: Sequence[int], limit: int) -> tuple[int, Three]:
    """Folds the buckets up to `limit` of a list (number, count, a third thing, number, ...).

    `learn` for each of them, without the calls: every active bucket of every key comes this way.

    Returns:
        The length folded, and the numbers of the span by then.
    """
    exposure, first, second = numbers
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
    return done, (exposure, first, second)


def summary(numbers: Three, now: float) -> Three:
    """(experience in buckets of today's weight, mean, variance); zeros when nothing was learned."""
    exposure, first, second = numbers
    if not exposure:
        return 0.0, 0.0, 0.0
    mean = first / exposure
    return exposure / weight(now), mean, max(0.0, second / exposure - mean * mean)
