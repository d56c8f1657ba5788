"""Whose secrets one source tries: the distinct targets that refused it for a wrong secret in six hours.

A source is a network (/24 or /48), a target is who holds the secret: the blueprint for its agents, any other principal
for itself. Targets are of two kinds. *Regulars* get tokens from this network, or nobody knows where they get them:
some of them are refused whenever a secret was rotated badly. *Strangers* get their tokens elsewhere, so from here
nobody should know their secrets.

Both are sets that only grow within their six hours, and a target that was both counts in both. They are judged against
the six hours that were final when the day began, so the answer does not depend on the order of arrival.
"""

from __future__ import annotations

from array import array
from math import exp2
from typing import Final, Literal, NamedTuple

import msgspec

from detector.features.moments import Numbers
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import DAY, HALF_LIFE, NEVER, SIX_HOURS, Horizon, weight

Kind = Literal["strangers", "regulars"]

KINDS: Final[tuple[Kind, ...]] = ("strangers", "regulars")

CAPACITY: Final = 64
"""Targets of a kind remembered for six hours: the earliest."""

PRIOR_TARGETS: Final = 0.1
"""Targets in six hours of a source that nothing is known of."""

PRIOR_WINDOWS: Final = 4.0
"""Six-hour windows that the prior is worth."""

DISPERSION: Final = 0.5
"""Wrong secrets come together: a bad roll-out breaks several. The variance is so much above that of a Poisson count."""

MOST_TAUGHT: Final = 1
"""Strangers that six hours teach at most: whoever keeps trying does not make that usual."""

_PER_DAY: Final = DAY // SIX_HOURS
_FADES: Final = exp2(-SIX_HOURS / HALF_LIFE)
"""What six hours ago weighs against now."""


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """The earliest refusal of a target in six hours."""

    time: float
    record_id: str
    address: str
    """`""` where the record does not say."""


class Tries(msgspec.Struct, gc=False):
    """Six hours for which something may still arrive."""

    requests: int = 0
    strangers: dict[str, Refusal] = {}
    regulars: dict[str, Refusal] = {}

    def of(self, kind: Kind) -> dict[str, Refusal]:
        """The targets of a kind, by id."""
        return self.strangers if kind == "strangers" else self.regulars


class SourceMemory(msgspec.Struct, gc=False):
    """What one source tried."""

    first: int = NEVER
    """The first six hours (since the epoch) in which it was refused."""
    newest: int = -1
    """The latest."""
    open: dict[int, Tries] = {}
    """By six hours: those for which something may still arrive."""
    closed: list[tuple[int, int, int]] = []
    """Six hours that are final and not folded yet, rising: which, strangers, regulars."""
    base: Numbers = msgspec.field(default_factory=lambda: array("d", bytes(16)))
    """Weighted strangers and regulars of the folded six hours."""


class Usual(NamedTuple):
    """What a source is used to."""

    targets: float
    """In six hours."""
    seen: float
    """Six-hour windows behind it, in today's weight."""


def observe(memory: SourceMemory, kind: Kind, target: str, refusal: Refusal, horizon: Horizon) -> bool:
    """Remembers that a target refused the source; whether it is a further one, or was tried earlier than known."""
    window = int(refusal.time) // SIX_HOURS
    memory.first = min(memory.first, window)
    if window > memory.newest:
        _roll(memory, window, horizon)
    tries = memory.open.get(window)
    if tries is None:
        tries = memory.open[window] = Tries()
    tries.requests += 1
    targets = tries.of(kind)
    known = targets.get(target)
    if known is not None and _place(known) <= _place(refusal):
        return False
    targets[target] = refusal
    if len(targets) > CAPACITY:
        last = max(targets, key=lambda each: _place(targets[each]))
        del targets[last]
        return last != target
    return True


def _place(refusal: Refusal) -> tuple[float, str]:
    return refusal.time, refusal.record_id


def _roll(memory: SourceMemory, window: int, horizon: Horizon) -> None:
    """Another six hours are the newest: closes those that are final, folds those that no judgement leaves out."""
    memory.newest = window
    for final in sorted(each for each in memory.open if each <= window - horizon.keep):
        tries = memory.open.pop(final)
        memory.closed.append((final, *_taught(tries)))
    limit = window - horizon.keep - horizon.lag - _PER_DAY + 2
    while memory.closed and memory.closed[0][0] <= limit:
        folded, *counts = memory.closed.pop(0)
        for place, count in enumerate(counts):
            memory.base[place] += weight(folded * SIX_HOURS) * count


def _taught(tries: Tries) -> tuple[int, int]:
    """(strangers, regulars) that six hours teach."""
    return min(len(tries.strangers), MOST_TAUGHT), len(tries.regulars)


def earliest(tries: Tries, kind: Kind) -> list[tuple[str, Refusal]]:
    """The targets of a kind in the order in which they were first tried."""
    return sorted(tries.of(kind).items(), key=lambda each: _place(each[1]))


def usual(memory: SourceMemory, kind: Kind, window: int, horizon: Horizon) -> Usual:
    """What was known of a source when the day of a six-hour window began."""
    day = window // _PER_DAY * _PER_DAY
    limit, now, place = day - horizon.lag, weight(day * SIX_HOURS), KINDS.index(kind)
    learned = memory.base[place]
    learned += sum(weight(each[0] * SIX_HOURS) * each[1 + place] for each in memory.closed if each[0] <= limit)
    for each, tries in memory.open.items():
        if each <= limit:
            learned += weight(each * SIX_HOURS) * _taught(tries)[place]
    windows = max(0, limit - memory.first + 1)
    seen = (1.0 - _FADES**windows) / (1.0 - _FADES) * weight(limit * SIX_HOURS) / now
    return Usual((PRIOR_TARGETS * PRIOR_WINDOWS + learned / now) / (PRIOR_WINDOWS + seen), seen)


def chance(targets: int, expected: Usual) -> float:
    """Probability that a source is refused by so many targets in six hours, if nothing is wrong."""
    return negative_binomial_tail(targets, expected.targets, DISPERSION + 1.0 / (PRIOR_WINDOWS + expected.seen))


def rungs(floor: int) -> tuple[int, ...]:
    """Numbers of targets at which something is told: the floor, and each doubling that is remembered."""
    found: list[int] = []
    while floor <= CAPACITY:
        found.append(floor)
        floor *= 2
    return tuple(found)
