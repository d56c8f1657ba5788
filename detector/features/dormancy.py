"""Dormancy: how long the pause is that a key makes, measured by its own usual pauses.

What is usual follows from what `apis` remembers anyway: the active hours of a key, each worth half after 14 days. Of
hours that come every `g` hours, `n` of them, the newest worth 1, the sum is `E = (1 - r**n) / (1 - r)`, where
`r = 2**(-g / 336)` is what each is worth beside the next. They span `(n - 1) * g` hours, so `r**n` is
`r * 2**(-span / 336)`, and the equation can be solved for `g`: exact for a regular key, an average for any other. Where
work comes in bursts the average says little; so the longest pause of all is remembered as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import ceil, exp2, inf, log2
from typing import Final

import msgspec

from detector.features.apis import ApiMemory, longest_pause
from detector.features.timeline import DAY, HOUR, weight

_HALF_LIFE: Final = 14 * 24
"""Hours after which an active hour is worth half; see `timeline.weight`."""

_LONGER: Final = 1.5
"""A pause is dormancy only when it is so much longer than the longest before it: work may come in bursts."""


@dataclass(frozen=True, slots=True)
class DormancySettings:
    """From when on a pause is dormancy."""

    days: float = 30.0
    """Days that it lasts at least."""
    usual_pauses: float = 20.0
    """How many of the key's usual pauses it is as long as, at least."""
    seen: float = 4.0
    """Active hours that the key must have shown before it."""


class Pause(msgspec.Struct, frozen=True, gc=False):
    """A pause, and what came before it."""

    since: int
    """The last active hour, since the epoch."""
    seen: float
    """Active hours until then, in weight of that hour."""
    usual: float
    """Hours from one active hour to the next, as a rule; infinity when a single one is all there was."""
    longest: int
    """The longest pause before it, in hours from one active hour to the next."""

    @property
    def start(self) -> float:
        """Event time at which the last active hour was over."""
        return float((self.since + 1) * HOUR)

    def dormant_at(self, settings: DormancySettings) -> float:
        """The event time at which a key that still pauses is dormant; infinity when too little is known of it."""
        if self.seen < settings.seen:
            return inf
        long = max(settings.usual_pauses * self.usual, _LONGER * self.longest)
        return self.start + max(settings.days * DAY, long * HOUR)

    def first_day(self, settings: DormancySettings) -> float:
        """The number of the first day (since the epoch) that begins with the key dormant."""
        moment = self.dormant_at(settings)
        return moment if moment == inf else float(ceil(moment / DAY))


def pause_before(memory: ApiMemory, limit: int, first: int) -> Pause | None:
    """The pause after the last active hour that is no later than `limit`; `None` when none is known.

    Args:
        memory: Of the key.
        limit: An hour since the epoch.
        first: The hour in which the key was first seen.
    """
    hours = [hour for hour in memory.closed[::2] if hour <= limit]
    if memory.used_before and memory.hour - 1 <= limit:
        hours.append(memory.hour - 1)
    if memory.used and memory.hour <= limit:
        hours.append(memory.hour)
    if not hours:
        return None
    since = hours[-1]
    # One by one, as they are folded: so it makes no difference how many of them were.
    seen = reduce(lambda total, hour: total + weight(hour * HOUR), hours, memory.exposure) / weight(since * HOUR)
    return Pause(since, seen, _usual(seen, since - first), longest_pause(hours, memory.rest))


def _usual(seen: float, span: int) -> float:
    """Hours between two active hours, when those of `span` hours are worth `seen` of the last one."""
    oldest = exp2(-max(span, 0) / _HALF_LIFE)
    if seen <= 1.0 + 1e-9:
        return inf
    return max(1.0, _HALF_LIFE * log2((seen - oldest) / (seen - 1.0)))
