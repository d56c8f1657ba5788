"""What an object was seen to hold (owners, sponsors, credentials), and since when it surely holds something no more.

An inventory looks now and then, and its looks arrive in any order. So a listing is a set of looks and, for each value,
the first and the last look of every run of them that showed it: minima and maxima, which no order of arrival changes. A
value counts as held until a look that was *final* by then (see `detector.features.timeline`) did not show it any more;
shown after that, it begins another run.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator

import msgspec

from detector.features.timeline import DAY, Horizon

LOOK = 60
"""Seconds of the buckets that looks are dated by: of several in one, what any of them showed counts as shown."""

CAPACITY = 64
"""Values of one listing that are remembered: those seen last."""

_OPEN_DAYS = 3
"""Days behind the newest that a judgement may still have to leave out."""


class Span(msgspec.Struct, gc=False):
    """A value, and the first and the last look of a run that showed it."""

    value: str
    first: int
    last: int


class Lacks(msgspec.Struct, gc=False):
    """On which days something was missing, so that what is missing again after a repair is a new story."""

    days: dict[int, bool] = {}
    """Days since the epoch that are not folded yet, and whether it was missing at any look of the day."""
    missing: bool = False
    """Whether it was on the last day folded."""
    repaired: int = -1
    """The last day folded on which it was there again, after days on which it was missing."""

    def observe(self, day: int, *, missing: bool) -> None:
        """Remembers what a look on `day` showed."""
        self.days[day] = missing or self.days.get(day, False)
        newest = max(self.days)
        for old in sorted(each for each in self.days if each <= newest - _OPEN_DAYS):
            self.repaired, self.missing = self._after(old, self.repaired, missing=self.missing)
            del self.days[old]

    def repaired_before(self, day: int) -> int:
        """The last day of a repair that was over for sure by `day`: two days before it, at least; -1 for none."""
        repaired, missing = self.repaired, self.missing
        for old in sorted(each for each in self.days if each <= day - 2):
            repaired, missing = self._after(old, repaired, missing=missing)
        return repaired

    def _after(self, day: int, repaired: int, *, missing: bool) -> tuple[int, bool]:
        now = self.days[day]
        return (day if missing and not now else repaired), now


class Listed(msgspec.Struct, gc=False):
    """One listing of an object."""

    looks: list[int] = []
    """Buckets with a look, rising: those that a judgement may still need."""
    spans: list[Span] = []
    """What was shown, run by run. There are seldom more than a few."""
    lacks: Lacks | None = None
    """`None` until something was missing."""

    @property
    def values(self) -> set[str]:
        """All that was shown and is not forgotten yet."""
        return {span.value for span in self.spans}

    def span(self, value: str, bucket: int, horizon: Horizon) -> Span | None:
        """The run of a value, once seen, that was not over for sure in `bucket`; of several the first."""
        lasting = [span for span in self.spans if span.value == value and self._lasts(span, bucket, horizon)]
        return min(lasting, key=_begins, default=None)

    def observe(self, values: Iterable[str], bucket: int, horizon: Horizon) -> None:
        """Remembers a look and all that it showed."""
        looks = self.looks
        if bucket not in looks:
            insort(looks, bucket)
        limit = looks[-1] - kept(horizon)
        del looks[: max(0, bisect_right(looks, limit) - 1)]
        if looks[0] <= limit:
            self.spans = [span for span in self.spans if span.last >= looks[0]]
        for value in values:
            self._show(value, bucket, horizon)
        if len(self.spans) > CAPACITY:
            self.spans = sorted(self.spans, key=lambda span: (span.last, span.value))[-CAPACITY:]

    def _show(self, value: str, bucket: int, horizon: Horizon) -> None:
        """Joins a look to the runs that it belongs to: nothing final lies between them."""
        runs = sorted([Span(value, bucket, bucket), *(span for span in self.spans if span.value == value)], key=_begins)
        joined = runs[:1]
        for span in runs[1:]:
            if self._lasts(joined[-1], span.first, horizon):
                joined[-1] = Span(value, joined[-1].first, max(joined[-1].last, span.last))
            else:
                joined.append(span)
        self.spans = [span for span in self.spans if span.value != value] + joined

    def note_missing(self, day: int, *, missing: bool) -> None:
        """Remembers whether a look on `day`, told to `observe` before, showed nothing at all."""
        if self.lacks is None:
            if not missing:
                return
            self.lacks = Lacks()
            newest = self.looks[-1] * LOOK // DAY
            if newest > day:  # That look came first, and showed something.
                self.lacks.observe(newest, missing=False)
        self.lacks.observe(day, missing=missing)

    def looked(self, bucket: int) -> bool:
        """Whether anybody has looked until `bucket`."""
        return bool(self.looks) and self.looks[0] <= bucket

    def holds(self, value: str, bucket: int, horizon: Horizon) -> bool:
        """Whether the value, once seen, was not gone for sure in `bucket`."""
        return self.span(value, bucket, horizon) is not None

    def held(self, bucket: int, horizon: Horizon) -> Iterator[Span]:
        """The values that had been seen by `bucket` and were not gone for sure: the run of each."""
        for span in self.spans:
            if span.first <= bucket and self._lasts(span, bucket, horizon):
                yield span

    def _lasts(self, span: Span, bucket: int, horizon: Horizon) -> bool:
        final = bisect_right(self.looks, bucket - horizon.lag)
        return final == 0 or span.last >= self.looks[final - 1]


def _begins(span: Span) -> int:
    return span.first


def horizon_of(lateness: float) -> Horizon:
    """Which looks are final when records may be `lateness` seconds late."""
    return Horizon.of(LOOK, lateness)


def kept(horizon: Horizon) -> int:
    """Buckets behind the newest look for which a listing can be asked.

    What waits is judged up to twice the lateness and twenty minutes late, and an inventory may be ahead of the logs.
    """
    return 4 * horizon.lag + 30
