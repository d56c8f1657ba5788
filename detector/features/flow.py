"""How the records of a log category flow: in which ten minutes some came, and how long it usually stays silent.

Time is counted in *active* buckets: ten minutes of event time in which the tenant sent records of any category. So
an export that stands still as a whole, a gap in an archive or the end of it is no gap of a category: only one that is
silent while others flow is.

Nothing is judged before it is final. Buckets are folded in order of event time once no record can arrive for them any
more, so what is found is the same in any order of arrival.
"""

from __future__ import annotations

from bisect import insort
from typing import Final, NamedTuple

import msgspec

from detector.features.timeline import STEP

BLOCK: Final = 14 * 86_400 // STEP
"""Active buckets of the stretch whose longest silence is remembered; the stretch before counts too."""

SHORTEST: Final = 6
"""Active buckets below which no silence is told: an hour."""

GROWTH: Final = 5
"""How many times the longest silence one may teach at most, so that an outage does not make outages usual at once."""


class Flow(msgspec.Struct, gc=False):
    """One category of a tenant, or (as `""`) all of them together."""

    waiting: list[int] = []
    """Buckets in which records came and that are not folded yet, rising."""
    last: int = -1
    """Newest folded bucket in which records came."""
    at: int = 0
    """Active buckets of the tenant up to `last`."""
    since: int = 0
    """Active buckets of the tenant up to the first bucket in which records came."""
    longest: int = 0
    """Longest silence since the stretch began, in active buckets."""
    before: int = 0
    """Longest silence of the stretch before."""
    began: int = 0
    """Active buckets at which the stretch began."""

    @property
    def usual(self) -> int:
        """The longest silence of the last weeks, in active buckets."""
        return max(self.longest, self.before)


class Silence(NamedTuple):
    """A stretch without records of a category while others came."""

    category: str
    start: int
    """The last bucket in which records came."""
    end: int
    """The bucket in which they came again, or the newest in which others came."""
    over: bool
    length: int
    """Active buckets in between."""
    usual: int
    """The longest silence before, in active buckets."""
    seen: int
    """Active buckets since records of the category first came."""


def came(flows: dict[str, Flow], category: str, bucket: int) -> bool:
    """Records of a category came in a bucket; whether that is news. A bucket that was folded stays as it is."""
    whole = flows.setdefault("", Flow())
    if bucket <= whole.last:
        return False
    flow = flows.setdefault(category, Flow())
    if bucket in flow.waiting:
        return False
    insort(flow.waiting, bucket)
    if bucket not in whole.waiting:
        insort(whole.waiting, bucket)
    return True


def fold(flows: dict[str, Flow], before: int) -> tuple[list[Silence], list[str]]:
    """Folds the buckets before a bucket, for nothing arrives for them any more: (silences, categories that changed).

    A silence that is not over yet is told each time that it is longer; `flows[""]` counts active buckets.
    """
    whole = flows.get("")
    if whole is None:
        return [], []
    found: list[Silence] = []
    changed: set[str] = set()
    while whole.waiting and whole.waiting[0] < before:
        bucket = whole.waiting.pop(0)
        whole.last, whole.at = bucket, whole.at + 1
        changed.add("")
        for category, flow in sorted(flows.items()):
            if category and flow.waiting and flow.waiting[0] == bucket:
                changed.add(category)
                found += _came(category, flow, bucket, whole.at)
    if changed:
        found += [
            Silence(category, flow.last, whole.last, False, length, flow.usual, whole.at - flow.since)
            for category, flow in sorted(flows.items())
            if category and flow.last >= 0 and (length := whole.at - flow.at) >= SHORTEST
        ]
    return found, sorted(changed)


def _came(category: str, flow: Flow, bucket: int, active: int) -> list[Silence]:
    """Records of a category came in a bucket, the `active`th of the tenant."""
    flow.waiting.pop(0)
    found: list[Silence] = []
    if flow.last < 0:
        flow.since = flow.began = active
    else:
        length = active - flow.at - 1
        if length >= SHORTEST:
            found.append(Silence(category, flow.last, bucket, True, length, flow.usual, active - flow.since))
        if active - flow.began >= BLOCK:
            flow.before, flow.longest, flow.began = flow.longest, 0, active
        flow.longest = max(flow.longest, min(length, GROWTH * max(flow.usual, SHORTEST)))
    flow.last, flow.at = bucket, active
    return found
