"""Requests minute by minute: whether they go on.

A burst of retries, a lost token cache or a job that starts is over within minutes, however large it is; who uses a
stolen identity goes on. So ten minutes of which nine have a few requests each, and none has none, say what their sum
does not: sums of ten minutes are ruled by bursts, and no burst fills the emptiest of them.

The minutes of the newest ten-minute buckets are counted, so far back that whatever still arrives meets all of the ten
minutes that it belongs to. Counts only grow, and ten minutes are judged whenever nine of them have reached another
rung, so what is said does not depend on the order of arrival.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from detector.features.timeline import STEP

MINUTE: Final = 60
WINDOW: Final = STEP // MINUTE
"""Minutes that are judged together."""
WITHOUT: Final = 1
"""Of them, those that may have fewer requests."""
FILLED: Final = WINDOW - WITHOUT
MOST: Final = 255
"""Requests of a minute that are told apart."""
RUNGS: Final = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192)
"""Requests in each of nine minutes at which they are looked at."""

_RUNGS: Final = frozenset((1, *RUNGS))
_UNEVEN: Final = 1
"""Ten minutes that begin with the second one of a bucket are left out: they would end in a bucket of which they hold a
single minute, and so would be judged by one that is not final when they are complete."""


def size_for(lag: int) -> int:
    """Minutes to be counted where a bucket is judged against those that lie `lag` behind it (`timeline.Horizon`)."""
    return WINDOW * (lag + 1)


@lru_cache(maxsize=1_024)
def beginning(minute: int, size: int) -> bytes:
    """One request in a minute of the newest bucket: one shared object each, because most keys have no more."""
    counts = bytearray(size)
    counts[size - WINDOW + minute] = 1
    return bytes(counts)


def opened(counts: bytes, buckets: int, minute: int, size: int) -> bytes:
    """The counts when a request opens a newer bucket.

    Args:
        counts: Requests of each minute, oldest first; the last ten are those of the newest bucket.
        buckets: By how many buckets the newest one moves on.
        minute: Of the new bucket, with the request.
        size: Minutes to be counted.
    """
    kept = counts[WINDOW * buckets :]
    if not any(kept):
        return beginning(minute, size)
    new = bytearray((kept + bytes(WINDOW * buckets)).rjust(size, b"\0")[-size:])
    new[size - WINDOW + minute] = 1
    return bytes(new)


def raised(counts: bytes, place: int, size: int) -> bytes:
    """The counts with one request more."""
    new = bytearray(counts.rjust(size, b"\0")[-size:])
    new[place] = min(MOST, new[place] + 1)
    return bytes(new)


def is_rung(count: int) -> bool:
    """Whether ten minutes are looked at when one of them has reached this count: a rung, or the first request."""
    return count in _RUNGS


def least_sum(rung: int) -> int:
    """Requests that ten minutes have at least, nine of which have so many and none of which has none."""
    return FILLED * rung + WITHOUT


def filled(counts: bytes, place: int) -> list[tuple[int, int]]:
    """What the minute at `place` has completed with its latest request.

    Returns:
        Where ten minutes begin that hold it and none of which is empty, and a rung that nine of them have reached: the
        one that it has reached itself, or when it was empty so far all that the others have.
    """
    own, found = counts[place], []
    for start in range(max(0, place - WINDOW + 1), min(len(counts) - WINDOW, place) + 1):
        if start % WINDOW == _UNEVEN:
            continue
        fewest, *others = sorted(counts[start : start + WINDOW])
        if fewest and others[0] >= max(own, RUNGS[0]):
            found += [(start, rung) for rung in RUNGS if own in {rung, 1} and rung <= others[0]]
    return found
