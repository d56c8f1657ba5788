"""Who gets in: every record once, none too late; and the watermark, the only clock of the core."""

from __future__ import annotations

from math import inf
from typing import Final

import msgspec

from detector.engine.compiled import copies
from detector.features.timeline import HOUR, STEP

KEEP_HOURS = 2
"""Record ids are kept this many hours of event time behind the watermark: copies come minutes apart."""


_FORGETFUL: Final[set[int]] = set()
"""Holds nothing: whether a record came before must not depend on where a body ended."""


class Admission(msgspec.Struct):
    """Duplicates are recognised by a 64-bit hash of the record id, in one generation per hour of event time.

    Copies of a record carry the same event time, so they meet in the same generation whenever they arrive.
    """

    lateness: float
    watermark: float = -inf
    """Largest event time admitted, seconds since the epoch, UTC."""
    next_bucket: float = -inf
    """Event time at which the next ten-minute bucket of the watermark begins."""
    generations: dict[int, set[int]] = msgspec.field(default_factory=dict)
    buckets: dict[int, int] = msgspec.field(default_factory=dict)
    """See `shared`."""

    def generation(self, hour: int) -> set[int]:
        """Record ids of `hour`; for an hour so old that all its records are late anyway, a set that forgets them."""
        ids = self.generations.get(hour)
        if ids is None:
            if (hour + 1 + KEEP_HOURS) * HOUR <= self.watermark:
                return _FORGETFUL
            ids = self.generations[hour] = set()
        return ids

    def copies(self, hour: int, digests: list[int]) -> list[int]:
        """Takes in the hashed ids of records of one hour, in order of arrival; the places of those that are copies."""
        ids = self.generation(hour)
        return [] if ids is _FORGETFUL else copies(ids, digests)

    def shared(self, bucket: int) -> int:
        """One object for each ten-minute bucket in use, so that what many keys remember of it costs no memory."""
        return self.buckets.setdefault(bucket, bucket)

    def advance(self, time: float) -> None:
        """Moves the watermark up to `time` and forgets generations that have passed, oldest first."""
        self.watermark = max(self.watermark, time)
        self.next_bucket = float((int(self.watermark) // STEP + 1) * STEP)
        oldest = int(self.watermark) // HOUR - KEEP_HOURS
        for hour in [hour for hour in self.generations if hour < oldest]:
            del self.generations[hour]
        for bucket in [bucket for bucket in self.buckets if bucket * STEP < oldest * HOUR]:
            del self.buckets[bucket]

    def bound(self, max_ids: int) -> int:
        """Forgets record ids, the oldest hour first, until no more than `max_ids` are left; how many it forgot."""
        forgotten = 0
        while sum(map(len, self.generations.values())) > max_ids:
            forgotten += len(self.generations.pop(min(self.generations)))
        return forgotten
