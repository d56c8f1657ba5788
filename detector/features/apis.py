"""Which resources (APIs) a key gets tokens for: novelty against itself and its siblings, and spread in an hour.

Only granted tokens teach and only granted tokens are judged: a refused request reached no API, and learning from
it would let an attacker make a resource familiar by failing at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import msgspec

from detector.features.known import chance_of_new, is_known, kinds_known, observe
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import HOUR, Horizon, shared, weight


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """When the spread of resources is looked at."""

    capacity: int = 256
    """Resources remembered per agent or blueprint."""
    spread_floor: int = 4
    """Distinct resources in an hour below which no spread is judged."""


class ApiMemory(msgspec.Struct, gc=False):
    """Resources of one agent or blueprint."""

    values: dict[str, int] = msgspec.field(default_factory=dict)
    """See `detector.features.known`."""
    hour: int = -1
    """Newest hour with a granted token."""
    used: tuple[str, ...] = ()
    """Distinct resources of that hour."""
    used_before: tuple[str, ...] = ()
    """Distinct resources of the hour before it."""
    closed: tuple[int, ...] = ()
    """Hours not folded yet and their number of distinct resources: hour, n, hour, n, ... rising."""
    exposure: float = 0.0
    """Weighted active hours folded."""
    distinct: float = 0.0
    """Weighted distinct resources of those hours."""
    rest: int = 0
    """The longest pause among those hours, in hours from one to the next."""


def is_newborn(memory: ApiMemory, least_seen: float) -> bool:
    """Whether `Apis.experience` is below `least_seen` in the newest hour; a cheap look that says no too often."""
    return not memory.exposure and len(memory.closed) + 2 < 2 * least_seen


class Novelty(msgspec.Struct, frozen=True, gc=False):
    """A value that was not known to a key in the hour in which it was shown."""

    p_value: float
    kinds: int
    """Values the key knew."""
    seen: float
    """Active hours behind that."""


class Spread(msgspec.Struct, frozen=True, gc=False):
    """Many distinct resources in one hour."""

    hour: int
    distinct: int
    unknown: int
    usual: float
    p_value: float
    seen: float


FOLD = 10
"""Length at which closed hours are folded for the first time: until then a key is young. From then on they are folded
as soon as they may be."""

SPARE = 2
"""Length of the entry that is not folded though it might be: `dormancy` asks for the last hour before a pause."""

_DISPERSION = 0.1
"""Distinct resources per hour vary little more than a Poisson count; the excess is this small."""


MOST_SHARED = 8
"""Resources of an hour from which on nobody else is expected to have used the same."""


@lru_cache(maxsize=4_096)
def shared_with(used: tuple[str, ...], resource: str) -> tuple[str, ...]:
    """`also`, of few."""
    return (*used, resource)


def also(used: tuple[str, ...], resource: str) -> tuple[str, ...]:
    """`used` and one more: one object for all siblings that use the same."""
    return shared_with(used, resource) if len(used) < MOST_SHARED else (*used, resource)


def longest_pause(hours: Sequence[int], rest: int) -> int:
    """The longest pause from one of these rising hours to the next, `rest` at least."""
    return max([rest, *(later - earlier for earlier, later in pairwise(hours))])


class Apis:
    """The feature."""

    __slots__ = ("horizon", "settings")

    def __init__(self, settings: ApiSettings, horizon: Horizon) -> None:
        self.settings = settings
        self.horizon = horizon

    def observe(self, memory: ApiMemory, resource: str, hour: int) -> bool:
        """Remembers a granted token for `resource` in `hour`; tells whether the resource was known."""
        if hour > memory.hour:
            self.open(memory, hour)
        used = self.used_in(memory, hour)
        if resource not in used and len(used) < self.settings.capacity:
            self.use(memory, hour, also(used, resource))
        return observe(memory.values, resource, hour, self.horizon, self.settings.capacity)

    @staticmethod
    def used_in(memory: ApiMemory, hour: int) -> tuple[str, ...]:
        """Distinct resources of the newest hour or the one before it; none for any other."""
        if hour == memory.hour:
            return memory.used
        return memory.used_before if hour == memory.hour - 1 else ()

    @staticmethod
    def use(memory: ApiMemory, hour: int, used: tuple[str, ...]) -> None:
        """Puts others in place of what `used_in` says of an hour; nothing is kept of one that is neither."""
        if hour == memory.hour:
            memory.used = used
        elif hour == memory.hour - 1:
            memory.used_before = used

    def open(self, memory: ApiMemory, hour: int) -> None:
        """Begins `hour`, newer than the newest."""
        closed = memory.closed
        if memory.used_before:
            closed += (shared(memory.hour - 1), len(memory.used_before))
        if hour == memory.hour + 1:
            memory.used_before = memory.used
        else:
            if memory.used:
                closed += (memory.hour, len(memory.used))
            memory.used_before = ()
        memory.used, memory.hour, memory.closed = (), hour, closed
        if len(closed) >= FOLD or memory.exposure:
            done, memory.exposure, memory.distinct = self._sum(memory, hour - self.horizon.keep, spare=SPARE)
            memory.rest = longest_pause(closed[: done + SPARE : 2], memory.rest)
            memory.closed = closed[done:]

    @staticmethod
    def _sum(memory: ApiMemory, limit: int, *, spare: int = 0) -> tuple[int, float, float]:
        """(closed entries up to hour `limit`, weighted active hours, weighted distinct resources), less spare ones."""
        exposure, distinct = memory.exposure, memory.distinct
        closed = memory.closed
        done = 0
        while done + spare < len(closed) and closed[done + spare] <= limit:
            start = weight(closed[done] * HOUR)
            exposure += start
            distinct += start * closed[done + 1]
            done += 2
        return done, exposure, distinct

    def experience(self, memory: ApiMemory, hour: int) -> tuple[float, float]:
        """(active hours, distinct resources per active hour) that `hour` may be judged against."""
        limit = hour - self.horizon.lag
        _, exposure, distinct = self._sum(memory, limit)
        if memory.used_before and memory.hour - 1 <= limit:  # only when nothing may be late
            start = weight(limit * HOUR)
            exposure += start
            distinct += start * len(memory.used_before)
        if not exposure:
            return 0.0, 0.0
        return exposure / weight(hour * HOUR), distinct / exposure

    def novelty(self, memory: ApiMemory, hour: int) -> Novelty:
        """How unlikely any unknown resource is in `hour`."""
        seen, _ = self.experience(memory, hour)
        kinds = kinds_known(memory.values, hour, self.horizon)
        return Novelty(chance_of_new(kinds, seen), kinds, seen)

    def spread(self, memory: ApiMemory, hour: int, *, known: bool) -> Spread | None:
        """How unlikely the number of distinct resources in `hour` is, now that one more was used.

        Two questions share the answer (Bonferroni): are there more distinct resources than the hours so far
        held, and are there more unknown ones than the chance of new ones allows? The first is asked from twice
        the usual number on, the second when the latest resource is not `known`; at the floor, where the judging
        begins, both are, because unknown ones may have come before it.
        """
        used = self.used_in(memory, hour)
        distinct = len(used)
        if distinct < self.settings.spread_floor:
            return None
        seen, usual = self.experience(memory, hour)
        if not seen or (known and self.settings.spread_floor < distinct < 2.0 * usual):
            return None
        unknown = sum(1 for resource in used if not is_known(memory.values, resource, hour, self.horizon))
        rate = chance_of_new(kinds_known(memory.values, hour, self.horizon), seen) * usual
        dispersion = _DISPERSION + 1.0 / (1.0 + seen)
        many = negative_binomial_tail(distinct, usual, dispersion) if distinct >= 2.0 * usual else 1.0
        strange = negative_binomial_tail(unknown, rate, dispersion)
        return Spread(hour, distinct, unknown, usual, min(1.0, 2.0 * min(many, strange)), seen)
