"""How often alerts of a kind come in a tenant, and which of them fit into a budget of false ones.

A kind is a detector and what its alerts are counted with (`Finding.sort`): labels that people put on agents every day
must not hide that one of them was disabled by hand, though one detector speaks of both. The strength of an alert orders
those of one kind. What a kind costs at a strength is the rate at which alerts at least as strong were seen, of which
nearly all are false where nothing was stolen:

    rate(s) = (seen(s) + weight * shipped(s)) / (exposure + weight)

`seen(s)` counts the alerts of the kind that were at least as strong, `exposure` is the time in which they were seen, in
thousands of agents times days, and `shipped` are the rates of tenants without an attack, which stand for `weight` of
exposure; of a sort that those tenants did not have, the rate of its detector. Both `seen` and `exposure` fade, so that
the tenant of last year does not judge that of today. This is calibration in the manner of conformal prediction (Vovk,
Gammerman and Shafer 2005), by kind, with a prior.

From the same counts follows how likely it is that an agent shows such an alert on a day on which nothing is stolen. The
alert itself is counted among those before it, as conformal prediction has it, so that no more is claimed than so much
experience can bear:

    p(s) = (seen(s) + weight * shipped(s) + 1) / (exposure + weight) / 1000

The first days of a tenant in which a detector knows too little to speak are no exposure of its kinds: that it was
silent then says nothing.

One limit holds for all kinds, so that what is let through of all of them together stays within the budget: the largest
rate such that the rates of what it lets through, one a kind, sum to no more (`Budget.limit`). Kinds that are urgent are
held to some times that rate, and take as much more of the budget.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from math import ceil, inf, log2
from operator import itemgetter
from typing import Final

import msgspec

from detector.features.timeline import DAY, HOUR

_SETTLE: Final = 6 * HOUR
"""Seconds after the end of a day in which its alerts may still come: windows and sequences are judged late."""
HALF_LIFE: Final = 60.0
"""Days after which what was seen counts half."""
SCORES: Final = 64
"""Ranks of a severity."""
_PLAIN: Final = 32
"""-log10 of the p-value up to which each whole number is a rank of its own."""
_DOUBLING: Final = 8
"""Ranks of each doubling beyond."""
_DRIFT: Final = 1.5
_LONGEST: Final = 100
"""Characters of a sort that tell it from others."""
_VAGUE: Final = 0.25
"""What the rate of a detector weighs where it stands in for a sort of its own that was not shipped."""
_OTHER: Final = " (no agent)"
_MAX_KINDS: Final = 1_000
"""Of a tenant. Sorts may be names that people chose; what is new beyond so many is counted with its detector."""
_LEAST: Final = 1e-9
"""Counts below this have faded away."""

Steps = tuple[tuple[int, float], ...]
"""Strengths, rising, and the rates of alerts at least as strong, falling."""


def kind_of(detector: str, sort: str, *, agent: bool = True) -> str:
    """The kind of an alert: what is counted together.

    Args:
        detector: Who speaks.
        sort: See `Finding.sort`.
        agent: Whether it is about something of the agent framework; ordinary workload identities live another life.
    """
    told = sort[:_LONGEST] + ("" if agent else _OTHER)
    return f"{detector}/{told}" if told else detector


def strength(severity: int, score: float) -> int:
    """The order of alerts of one kind: the graver first, and of equals the less likely.

    Args:
        severity: Its place in `SEVERITIES`.
        score: -log10 of the p-value; 0 where no model speaks.
    """
    return place(severity, rank(score))


def rank(score: float) -> int:
    """The order of alerts of one kind and severity: -log10 of the p-value up to 32, then eight ranks a doubling.

    A model of counts is wrong far out in its tail, where bursts follow laws of their own: it calls one of a hundred
    requests and one of four hundred equally impossible. Which of them is larger still tells them apart.
    """
    if score <= _PLAIN:
        return int(score)
    return min(_PLAIN + int(_DOUBLING * log2(score / _PLAIN)), SCORES - 1)


def place(severity: int, own: int) -> int:
    """The strength of a severity and a rank."""
    return severity * SCORES + own


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """How many false alerts are bearable."""

    rate: float = 1.0
    """False alerts per 1,000 agents and day, of all kinds together."""
    planned: float = 0.5
    """Share of it that limits are reckoned with. Rates are means over other tenants and past weeks, and what is let
    through is what looks rare by them: five simulated tenants got 1.5 times what was planned for."""
    weight: float = 14.0
    """Exposure that the shipped rates stand for, in thousands of agents times days."""
    shipped: Mapping[str, Steps] = field(default_factory=dict)
    """Rates of kinds in tenants without an attack."""
    ripens: Mapping[str, float] = field(default_factory=dict)
    """Detectors that cannot speak in the first days of a tenant, and how many these are."""
    urgent: Mapping[str, float] = field(default_factory=dict)
    """Kinds that may come so many times as often as others: what they tell of is done while one waits for a rarer
    sign."""
    default: float = 0.002
    """Rate of a kind of which nothing is shipped."""
    learning_days: int = 14
    """Days of a tenant that are taken for free of attacks."""
    window: float = 86_400.0
    """Seconds in which alerts about one subject support each other."""
    always: frozenset[str] = frozenset({"critical"})
    """Severities that no budget holds back."""


class Budget(msgspec.Struct):
    """What a tenant has seen of all kinds, and what follows for each."""

    kinds: dict[str, dict[int, float]] = {}
    """Kind to strength to how many alerts of just this strength were seen, faded."""
    exposure: float = 0.0
    """Thousands of agents times days, faded."""
    days: int = 0
    """That are over and in which there were agents."""
    early: dict[int, float] = {}
    """Numbers of first days, and the exposure in them, faded."""
    limit: float | None = None
    """See `limit_of`; `None` until it was computed."""

    def seen(self, kind: str, strength: int) -> float:
        """How many alerts of a kind were at least as strong, faded."""
        return sum(count for own, count in self.kinds.get(kind, {}).items() if own >= strength)

    def rate(self, settings: BudgetSettings, kind: str, strength: int) -> float:
        """Alerts of a kind at least as strong, per 1,000 agents and day."""
        weight = _weight(settings, kind)
        shipped = shipped_rate(settings, kind, strength)
        return (self.seen(kind, strength) + weight * shipped) / (self._exposure(settings, kind) + weight)

    def p_value(self, settings: BudgetSettings, kind: str, strength: int) -> float:
        """Probability that an agent shows an alert of a kind at least as strong on a day without an attack."""
        itself = 1.0 / (self._exposure(settings, kind) + _weight(settings, kind))
        return min(1.0, (self.rate(settings, kind, strength) + itself) / 1_000)

    def _exposure(self, settings: BudgetSettings, kind: str) -> float:
        """The exposure in which a kind could speak."""
        first_days = ceil(settings.ripens.get(detector_of(kind), 0.0))
        return max(0.0, self.exposure - self.early.get(first_days, 0.0))

    def expected(self, settings: BudgetSettings, exposure: float, kinds: Iterable[str]) -> dict[str, float]:
        """How many alerts of some kinds so much exposure (thousands of agents times days) should bring."""
        return {kind: exposure * self.rate(settings, kind, 0) for kind in kinds}

    def learn(self, settings: BudgetSettings, exposure: float, told: Mapping[str, Iterable[int]]) -> None:
        """Another day has passed.

        The first days of a tenant teach what is usual in it. Later days teach at most half as much again of a kind
        as is expected, so that what an intruder does today hides little of what he does tomorrow, and what becomes
        noisier is noticed in the course of weeks.

        Args:
            settings: The budget.
            exposure: Of this day, in thousands of agents times days.
            told: Kinds to the strengths of their alerts, one a subject and hour.
        """
        usual = self.expected(settings, exposure, told)
        keep = 0.5 ** (1 / HALF_LIFE)
        self.exposure = self.exposure * keep + exposure
        self.days += exposure > 0.0
        self.early = {first: spent * keep for first, spent in self.early.items()}
        for first in {ceil(days) for days in settings.ripens.values()}:
            if self.days <= first:
                self.early[first] = self.early.get(first, 0.0) + exposure
        faded = {
            name: {own: count * keep for own, count in counts.items() if count * keep > _LEAST}
            for name, counts in self.kinds.items()
        }
        self.kinds = {name: counts for name, counts in faded.items() if counts}
        for name, strengths in sorted(told.items()):
            ranked = sorted(strengths)
            most = inf if self.days <= settings.learning_days else _DRIFT * usual[name]
            weight = min(1.0, most / len(ranked))
            counts = self.kinds.setdefault(self._counted(name), {})
            for own in ranked:
                counts[own] = counts.get(own, 0.0) + weight
        self.limit = self._limit(settings)

    def _counted(self, kind: str) -> str:
        """Under which a kind is counted: its own name, or its detector's when there are too many."""
        return kind if kind in self.kinds or len(self.kinds) < _MAX_KINDS else detector_of(kind)

    def limit_of(self, settings: BudgetSettings) -> float:
        """The rate up to which a kind is let through that is not urgent."""
        if self.limit is None:
            self.limit = self._limit(settings)
        return self.limit

    def limit_for(self, settings: BudgetSettings, kind: str) -> float:
        """The rate up to which a kind is let through."""
        return self.limit_of(settings) * settings.urgent.get(kind, 1.0)

    def renew(self, settings: BudgetSettings) -> None:
        """Other settings may be in force than those by which the limit was computed."""
        if self.limit is not None:
            self.limit = self._limit(settings)

    def passes(self, settings: BudgetSettings, kind: str, strength: int) -> bool:
        """Whether an alert is within the budget."""
        return self.rate(settings, kind, strength) / settings.urgent.get(kind, 1.0) <= self.limit_of(settings)

    def _limit(self, settings: BudgetSettings) -> float:
        """The largest rate such that what it lets through, the best rate of each kind below it, fits the budget."""
        best: dict[str, float] = {}
        limit = spent = 0.0
        kinds = {*self.kinds, *settings.shipped}
        ranked = sorted(
            (rate / settings.urgent.get(kind, 1.0), kind, rate)
            for kind in kinds
            for rate in self._rates(settings, kind)
        )
        for reached, equals in groupby(ranked, key=itemgetter(0)):
            for _, kind, rate in equals:
                spent += rate - best.get(kind, 0.0)
                best[kind] = rate
            if spent > settings.rate * settings.planned:
                break
            limit = reached
        return max(limit, settings.default)

    def _rates(self, settings: BudgetSettings, kind: str) -> list[float]:
        places = {own for own, _ in _shipped(settings, kind)} | self.kinds.get(kind, {}).keys()
        return [self.rate(settings, kind, place) for place in places]


def over_by(time: float) -> int:
    """The last day (since the epoch) that is over at an event time, and whose alerts have come."""
    return int(time - _SETTLE) // DAY - 1


def counts_from(day: int) -> float:
    """Event time from which on a day (since the epoch) counts; see `over_by`."""
    return float((day + 1) * DAY + _SETTLE)


def shipped_rate(settings: BudgetSettings, kind: str, strength: int) -> float:
    """The rate of a kind at a strength in tenants without an attack."""
    steps = _shipped(settings, kind)
    if not steps:
        return settings.default
    place = bisect_right(steps, strength, key=lambda step: step[0])
    # Weaker than anything that was shipped: as the weakest, which counts all.
    return steps[max(0, place - 1)][1]


def detector_of(kind: str) -> str:
    """The detector of a kind."""
    return kind.partition("/")[0]


def _weight(settings: BudgetSettings, kind: str) -> float:
    """Exposure that the shipped rates of a kind stand for."""
    stands_in = kind not in settings.shipped and detector_of(kind) in settings.shipped
    return settings.weight * (_VAGUE if stands_in else 1.0)


def _shipped(settings: BudgetSettings, kind: str) -> Steps:
    steps = settings.shipped.get(kind)
    return steps if steps is not None else settings.shipped.get(detector_of(kind), ())
