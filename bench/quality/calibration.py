"""How right the p-values are: on attack-free records, a fraction a of all opportunities may show p <= a.

The p-value of an alert says on how many days an agent shows the like, so its opportunities are agents times days; the
smallest of a subject's alerts of one kind counts on each (`Spoken`).

Before that stands the tail probability of a model, which is part of a signal. A signal exists only when something was
remarkable, so signals alone have no denominator. The tap counts what *could* have spoken:

- `token_rate` and `fleet_rate`: every bucket (10 minutes, hour, six hours) of a key in which something was requested,
  when it closes, against the expectation that the engine itself would judge it by. The p-value is that of the full
  count (of a fleet without its busiest agent), so floors and ratios hide nothing. `..., judged` are the spikes that the
  engine spoke of, floors and all.
- everything else that carries a p-value: every hour in which an identity (for failure ratios: six hours; for fan-out:
  a blueprint) was active and had the experience that is asked for; the smallest p-value of the key in that time counts.

Counts are discrete and floors only take away, so a right p-value is at or below its nominal rate.
"""

from __future__ import annotations

from collections import Counter
from math import floor, log10
from typing import Final

import msgspec

from bench.quality.corpus import seconds
from detector.domain.alerts import Alert, Entity, Subject
from detector.domain.events import SignIn
from detector.domain.signals import Signal
from detector.engine.budgeting import kind_of_alert
from detector.engine.engine import Engine
from detector.engine.routing import Route
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import STEPS_PER_HOUR, STEPS_PER_SIX_HOURS
from detector.features.token_rate import Busiest, Prior, RateMemory, TokenRate, nobody

LEVELS: Final = (1e-3, 1e-4, 1e-5)
PER_DECADE: Final = 4
_DECADES: Final = 8
_SPANS: Final = ("10 min", "1 h", "6 h")
_RATIO: Final = (1, STEPS_PER_HOUR, STEPS_PER_SIX_HOURS)


class Calibration(msgspec.Struct):
    """Counts by kind: opportunities, and how many of them had a p-value of at most 10^(-k/4)."""

    opportunities: dict[str, int] = {}
    below: dict[str, list[int]] = {}
    """For k = 0, 1, 2, ...: cumulative."""

    def fraction(self, kind: str, level: float) -> float:
        """Share of the opportunities with p <= level."""
        place = round(-log10(level) * PER_DECADE)
        return self.below[kind][place] / max(1, self.opportunities[kind])

    def add(self, other: Calibration) -> None:
        """Adds the counts of another tenant."""
        for kind, count in other.opportunities.items():
            self.opportunities[kind] = self.opportunities.get(kind, 0) + count
            mine = self.below.get(kind, [0] * len(other.below[kind]))
            self.below[kind] = [one + two for one, two in zip(mine, other.below[kind], strict=True)]


class Spoken:
    """The alerts of a tenant without attacks, sent or held back."""

    def __init__(self) -> None:
        self._smallest: dict[str, dict[tuple[str, int], float]] = {}
        """Kind to (subject, day) to p-value."""

    def add(self, alert: Alert) -> None:
        """One more alert."""
        smallest = self._smallest.setdefault(kind_of_alert(alert), {})
        about = alert.subject.id, int(seconds(alert.time)) // 86_400
        smallest[about] = min(alert.p_value, smallest.get(about, 1.0))

    def result(self, agent_days: int) -> Calibration:
        """What was counted, of so many agents times days."""
        return Calibration(
            opportunities=dict.fromkeys(self._smallest, agent_days),
            below={
                kind: _cumulative(Counter(_place(p_value) for p_value in smallest.values()))
                for kind, smallest in self._smallest.items()
            },
        )


class Tap:
    """Listens to an engine from outside; it changes nothing that the engine remembers or says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counting, self._saying = engine.counting, engine.saying
        self._opportunities: Counter[str] = Counter()
        self._closed: dict[str, Counter[int]] = {}
        """Of rates: kind to grid place to count."""
        self._smallest: dict[str, dict[tuple[str, str, int], float]] = {}
        """Of signals: kind to (key, hour) to p-value."""
        self._open, self._open_fleet = self._counting.open_bucket, self._counting.open_fleet_bucket
        self._tell = self._saying.tell
        self._counting.open_bucket = self._opened  # type: ignore[method-assign]
        self._counting.open_fleet_bucket = self._opened_fleet  # type: ignore[method-assign]
        self._saying.tell = self._told  # type: ignore[method-assign]

    def result(self) -> Calibration:
        """What was counted."""
        found = Calibration()
        for kind, places in self._closed.items():
            found.opportunities[kind] = self._opportunities[kind]
            found.below[kind] = _cumulative(places)
        for kind, smallest in self._smallest.items():
            found.opportunities[kind] = self._opportunities[_denominator(kind)]
            found.below[kind] = _cumulative(Counter(_place(p_value) for p_value in smallest.values()))
        return found

    def _opened(self, route: Route, event: SignIn, bucket: int) -> None:
        rates, counting = route.rates, self._counting
        if 0 <= rates.bucket < bucket:
            prior = counting._prior(route, rates.bucket // STEPS_PER_HOUR)  # noqa: SLF001 - a tap looks inside
            self._close("token_rate", counting.agent_rates, rates, bucket, prior)
        hour = bucket // STEPS_PER_HOUR
        if hour != rates.bucket // STEPS_PER_HOUR:
            novelties = self._engine.novelties
            if novelties.apis.experience(route.identity.apis, hour)[0] >= novelties.least_seen:
                self._opportunities["hours"] += 1
        self._open(route, event, bucket)

    def _opened_fleet(self, route: Route, event: SignIn, bucket: int) -> None:
        assert route.fleet is not None
        rates, counting = route.fleet.rates, self._counting
        if 0 <= rates.bucket < bucket:
            prior = counting._fleet_prior(route, rates.bucket // STEPS_PER_HOUR)  # noqa: SLF001 - a tap looks inside
            busiest = counting._busiest(route, event)  # noqa: SLF001
            self._close("fleet_rate", counting.fleet_rates, rates, bucket, prior, busiest)
        self._open_fleet(route, event, bucket)

    def _close(
        self,
        kind: str,
        feature: TokenRate,
        rates: RateMemory,
        bucket: int,
        prior: Prior,
        busiest: Busiest = nobody,
    ) -> None:
        """The open bucket of a key closes, and perhaps its hour and its six hours with it."""
        old, counts = rates.bucket, (rates.n, rates.n + rates.hour_n, rates.n + rates.six_n)
        for index, count in enumerate(counts):
            number = old // _RATIO[index]
            if number == bucket // _RATIO[index]:
                continue
            if kind == "token_rate" and index == len(_RATIO) - 1:
                self._opportunities["six hours"] += 1
            if kind == "fleet_rate" and index == 1:
                self._opportunities["fleet hours"] += 1
            expected, dispersion, _ = feature.expectation(rates, index, number, prior)
            if expected:
                name = f"{kind} {_SPANS[index]}"
                self._opportunities[name] += 1
                left = count - busiest(index, number)
                place = _place(negative_binomial_tail(left, expected, dispersion))
                self._closed.setdefault(name, Counter())[place] += 1

    def _told(self, signal: Signal, tenant: str, subject: Subject, related: tuple[Entity, ...] = ()) -> None:
        if signal.p_value < 1.0:
            kind = signal.kind
            if kind == "token_rate":
                kind = f"{'fleet' if signal.facts.get('fleet') else 'token'}_rate, judged"  # type: ignore[assignment]
            about = signal.event.access.agent_id if isinstance(signal.event, SignIn) else signal.key.id
            key = (about, signal.key.kind, int(signal.time) // 3_600)
            smallest = self._smallest.setdefault(kind, {})
            smallest[key] = min(signal.p_value, smallest.get(key, 1.0))
        self._tell(signal, tenant, subject, related)


def _denominator(kind: str) -> str:
    if kind == "failure_ratio":
        return "six hours"
    return "fleet hours" if kind == "fleet_rate, judged" else "hours"


def _place(p_value: float) -> int:
    """The last place of the grid that a p-value is at or below."""
    return min(_DECADES * PER_DECADE, max(0, floor(-log10(p_value) * PER_DECADE + 1e-9)))


def _cumulative(places: Counter[int]) -> list[int]:
    found, total = [0] * (_DECADES * PER_DECADE + 1), 0
    for place in range(len(found) - 1, -1, -1):
        total += places[place]
        found[place] = total
    return found
