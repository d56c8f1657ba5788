"""Which alerts are sent, and which are held back because alerts like them come too often to be believed.

Every alert is weighed by how often alerts of its kind, at least as strong, come in its tenant (`features.budget`).
What is within the budget is told at once. What is not waits for the lateness, for it is weak only while it is alone:
when alerts of other families about the same subject are near it in time and wait as well, their evidence is combined,
and the combination is weighed as a kind of its own. Where somebody was woken about the subject already, another alert
adds to what he looks at and wakes nobody again. What is still not within the budget is told as held back: it is kept,
counted and can be listed, and nobody is woken.

All depends on event times and on days that are over, so the order of arrival within the lateness does not matter; what
is not certain yet is pending (see `detector.engine.pending`).
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf, log10
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from detector.domain.alerts import Alert, HeldBack
from detector.domain.findings import SEVERITIES
from detector.domain.signals import SignalKind
from detector.engine.pending import Pending, Uncertain
from detector.engine.witnesses import Witnessed, witnessed, witnessed_until
from detector.features.budget import SCORES, Budget, counts_from, detector_of, kind_of, over_by, strength
from detector.features.timeline import DAY, HOUR, STEP

if TYPE_CHECKING:
    from collections.abc import Collection

    from detector.domain.signals import Signal
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import IdentityMemory

COMBINED: Final = "combined"
"""The kind of alerts that support each other."""
_QUARTERS: Final = 4
"""Strengths of a combination in one power of ten."""
_MAX_WAITING: Final = 2_000
_MAX_SUBJECTS: Final = 2_000
_MAX_SUPPORTS: Final = 32
"""About one subject."""
_MAX_DAYS: Final = 120
"""Days without records of which each is counted."""
_MAX_KINDS: Final = 1_000
"""Of a day."""
_MAX_COUNTED: Final = 2_000
"""Subjects and hours of a kind and day."""

_FAMILIES: Final = {
    "token_rate": "volume",
    "busy": "volume",
    "together": "volume",
    "drift": "volume",
    "api_spread": "resources",
    "api_novelty": "resources",
    "mix": "resources",
    "early_life": "resources",
    "declaration": "resources",
    "network_novelty": "networks",
    "concurrency": "networks",
    "failure_burst": "failures",
    "failure_ratio": "failures",
    "credential_failure": "failures",
    "success_after_failures": "failures",
    "secret_spray": "failures",
    "policy_block": "failures",
    "policy_outage": "failures",
}
"""Kinds of signals that see the same thing, by a common name; the others stand for themselves."""


class Support(msgspec.Struct, frozen=True):
    """What an alert says for another one about the same subject."""

    time: float
    alert_id: str
    family: str
    evidence: float
    """-log10 of how likely such an alert is for one agent and day; 0 when it was sent by itself."""


class Waiting(msgspec.Struct, frozen=True):
    """An alert that is not within the budget by itself."""

    time: float
    alert: bytes
    """As msgpack, so that it is the same whether the process was restarted meanwhile or not."""
    until: float = 0.0
    """Event time up to which it is looked for what supports it."""


class TenantBudget(msgspec.Struct):
    """The budget of a tenant, before and since the last day that is over."""

    now: Budget = msgspec.field(default_factory=Budget)
    before: Budget | None = None
    since: float = -inf
    """Event time from which on `now` holds."""
    day: int | None = None
    """The last day (since the epoch) that is over; `None` before the first."""
    open: dict[int, dict[str, dict[str, int]]] = {}
    """Days that are not over: kinds, and their greatest strength by subject and hour."""

    def at(self, time: float) -> Budget:
        """The budget for an alert of this event time."""
        return self.now if self.before is None or time >= self.since else self.before


class Weighed(msgspec.Struct):
    """What is remembered of alerts for weighing others."""

    tenants: dict[str, TenantBudget] = {}
    waiting: dict[str, Waiting] = {}
    """By alert id."""
    uncertain: dict[str, Uncertain] = {}
    """By alert id."""
    supports: dict[str, list[Support]] = {}
    """By tenant and subject."""
    day: int = -1
    """The last day (since the epoch) that is over."""
    lived: set[int] = set()
    """Days that are not over and in which there were records: a gap teaches nothing."""


class Standing(NamedTuple):
    """How the budget stands, of all tenants together; for telemetry."""

    false_alerts: float
    """Alerts per 1,000 agents and day that are bearable, as configured."""
    limit: float
    """The rate up to which alerts are sent; of several tenants the lowest."""
    exposure: float
    """Thousands of agents times days that were learned from, faded; of all tenants."""
    days: int
    """That were learned from; of several tenants the fewest."""


class Settled(NamedTuple):
    """What days that are over brought, of all tenants together, by detector and `COMBINED`; for telemetry."""

    expected: dict[str, float]
    """Alerts that they should have brought by what was known before them."""
    seen: dict[str, int]
    """Alerts that they brought, one a subject and hour, held back or not."""


class Budgeting:
    """Weighs alerts."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying) -> None:
        assert settings.budget is not None
        self.settings: Final = settings
        self.budget: Final = settings.budget
        self.state: Final = state
        self.saying: Final = saying
        self._settled = Settled({}, {})
        for each in state.weighed.tenants.values():
            for known in (each.now, each.before):
                if known is not None:
                    known.renew(self.budget)
        self.pending: Final = Pending(settings, state, self._weigh)
        saying.on_alert, saying.open = self.weigh, state.weighed.uncertain

    def weigh(self, alert: Alert, signal: Signal) -> None:
        """Tells an alert, or lets it wait."""
        if alert.severity in self.budget.always:
            self.pending.drop(alert.id)  # It was less grave as an earlier record told it.
        elif self.pending.hold(alert, signal):
            return
        self._weigh(alert, signal.kind, signal.time)

    def _weigh(self, alert: Alert, kind: SignalKind, time: float) -> None:
        weighed = self.state.weighed
        budgets = weighed.tenants.setdefault(alert.subject.tenant or "", TenantBudget())
        alert, rate, passes = self._price(budgets, alert, time)
        if passes or alert.severity in self.budget.always or len(weighed.waiting) >= _MAX_WAITING:
            self._support(alert, kind, time, 0.0)
            self.saying.alerts.append(alert)
        else:
            self._support(alert, kind, time, -log10(min(1.0, rate / 1_000)))
            until = witnessed_until(alert, time) or time
            weighed.waiting[alert.id] = Waiting(time, msgspec.msgpack.encode(alert), until)

    def tick(self, watermark: float) -> None:
        """Time passes: what has waited is decided, and days end."""
        weighed = self.state.weighed
        self.pending.release(watermark, inf if watermark == inf else weighed.day)
        ripe = watermark - self.settings.lateness - STEP
        due = sorted((each.time, name) for name, each in weighed.waiting.items() if max(each.time, each.until) < ripe)
        for _, name in due:
            self._decide(weighed.waiting.pop(name))
        if watermark == inf:
            return
        weighed.lived.add(int(watermark) // DAY)
        day = over_by(watermark)
        if day > weighed.day:
            weighed.day = day
            weighed.lived |= self._first_day()
            for tenant, memory in self.state.tenants.items():
                self._settle(weighed.tenants.setdefault(tenant, TenantBudget()), memory.identities.values(), day)
            self._forget(counts_from(day))
            weighed.lived = {each for each in weighed.lived if each > day}
            self.pending.release(watermark, day)

    def standing(self) -> Standing:
        """How the budget stands now. A tenant counts once it has taught something; looking changes nothing."""
        taught = [each.now for each in self.state.weighed.tenants.values() if each.now.days] or [Budget()]
        return Standing(
            false_alerts=self.budget.rate,
            limit=min(msgspec.structs.replace(each).limit_of(self.budget) for each in taught),
            exposure=sum(each.exposure for each in taught),
            days=min(each.days for each in taught),
        )

    def take_settled(self) -> Settled:
        """What the days brought that ended since the last time. It is no memory: the next engine begins with none."""
        settled, self._settled = self._settled, Settled({}, {})
        return settled

    def _support(self, alert: Alert, kind: SignalKind, time: float, evidence: float) -> None:
        supports, key = self.state.weighed.supports, _key_of(alert)
        known = supports.get(key)
        if len(supports) >= _MAX_SUBJECTS if known is None else len(known) >= _MAX_SUPPORTS:
            self.state.counters["supports_dropped"] += 1
            return
        supports.setdefault(key, []).append(Support(time, alert.id, _FAMILIES.get(kind, kind), evidence))

    def _decide(self, waiting: Waiting) -> None:
        """Weighs an alert together with those of other families that are near it."""
        weighed, time = self.state.weighed, waiting.time
        alert = msgspec.msgpack.decode(waiting.alert, type=Alert)
        near = [
            each for each in weighed.supports.get(_key_of(alert), ()) if time - self.budget.window <= each.time <= time
        ]
        best: dict[str, Support] = {}
        for each in sorted(near, key=lambda one: (-one.evidence, one.alert_id)):
            best.setdefault(each.family, each)
        budgets = weighed.tenants[alert.subject.tenant or ""]
        budget = budgets.at(time)
        seen = self._witnessed(alert, time)
        if seen is not None:
            alert, _, passes = self._price(budgets, msgspec.structs.replace(alert, sort=f"{alert.sort}, {seen}"), time)
            if passes:
                self.saying.alerts.append(alert)
                return
        if len(best) > 1 and all(each.evidence for each in near):
            together = min(int(_QUARTERS * sum(each.evidence for each in best.values())), SCORES - 1)
            self._count(budgets, COMBINED, alert.subject.id, time, together)
            if budget.passes(self.budget, COMBINED, together):
                others = tuple(sorted(each.alert_id for each in best.values() if each.alert_id != alert.id))
                alert, _ = self._priced(budget, alert, COMBINED, together)
                self.saying.alerts.append(msgspec.structs.replace(alert, supported_by=others))
                return
        limit = budget.limit_for(self.budget, kind_of_alert(alert))
        held = HeldBack(limit=_rounded(limit), budget=self.budget.rate)
        self.saying.alerts.append(msgspec.structs.replace(alert, held=held))

    def _price(self, budgets: TenantBudget, alert: Alert, time: float) -> tuple[Alert, float, bool]:
        """Counts an alert; the same with what is known of its like, their rate, and whether the budget bears it."""
        kind, own = kind_of_alert(alert), strength(SEVERITIES.index(alert.severity), alert.score)
        self._count(budgets, kind, alert.subject.id, time, own)
        budget = budgets.at(time)
        return *self._priced(budget, alert, kind, own), budget.passes(self.budget, kind, own)

    def _priced(self, budget: Budget, alert: Alert, kind: str, own: int) -> tuple[Alert, float]:
        """An alert with how often its like comes, and that: it, and no model's tail, is what its p-value means."""
        rate, p_value = budget.rate(self.budget, kind, own), budget.p_value(self.budget, kind, own)
        return msgspec.structs.replace(alert, rate=_rounded(rate), p_value=_rounded(p_value)), rate

    def _witnessed(self, alert: Alert, time: float) -> Witnessed | None:
        tenant = self.state.tenants.get(alert.subject.tenant or "")
        if tenant is None or witnessed_until(alert, time) is None:
            return None
        return witnessed(alert, time, tenant.identities.values())

    def _count(self, budgets: TenantBudget, kind: str, subject: str, time: float, own: int) -> None:
        day = int(time) // DAY
        if budgets.day is not None:
            day = max(day, budgets.day + 1)
        kinds = budgets.open.setdefault(day, {})
        if kind not in kinds and len(kinds) >= _MAX_KINDS:
            kind = detector_of(kind)
        strengths = kinds.setdefault(kind, {})
        hour = f"{int(time) // HOUR} {subject}"
        if hour in strengths or len(strengths) < _MAX_COUNTED:
            strengths[hour] = max(own, strengths.get(hour, own))

    def _settle(self, budgets: TenantBudget, identities: Collection[IdentityMemory], day: int) -> None:
        """Days up to this one are over, each by itself, however many records told that they are."""
        seen = sorted(identity.first_seen for identity in identities)
        if budgets.day is None:
            budgets.day = day - 1
        for over in range(max(budgets.day + 1, day + 1 - _MAX_DAYS), day + 1):
            end = counts_from(over)
            agents = bisect_left(seen, end - self.settings.lateness - STEP)
            told = {kind: list(strengths.values()) for kind, strengths in budgets.open.pop(over, {}).items()}
            exposure = agents / 1_000 if over in self.state.weighed.lived else 0.0
            self._note(budgets.now, exposure, told)
            now = msgspec.structs.replace(budgets.now)  # `learn` makes its counts anew: those of before stay.
            now.learn(self.budget, exposure, told)
            budgets.before, budgets.now, budgets.since = budgets.now, now, end
        budgets.day = max(budgets.day, day)
        for skipped in [each for each in budgets.open if each <= day]:
            del budgets.open[skipped]

    def _first_day(self) -> set[int]:
        """The day of the first record of all, which may have arrived when another day had begun."""
        tenants = self.state.tenants.values()
        seen = [identity.first_seen for memory in tenants for identity in memory.identities.values()]
        return {int(min(seen)) // DAY} if seen else set()

    def _note(self, before: Budget, exposure: float, told: dict[str, list[int]]) -> None:
        """A day that is over, against what was known before it. One without agents says nothing of either."""
        if not exposure:
            return
        expected, seen = self._settled
        kinds = {*before.kinds, *self.budget.shipped, *told}
        for kind, count in before.expected(self.budget, exposure, kinds).items():
            name = detector_of(kind)
            expected[name] = expected.get(name, 0.0) + count
            seen[name] = seen.get(name, 0) + len(told.get(kind, ()))

    def _forget(self, end: float) -> None:
        """What supports nothing any more."""
        supports, oldest = self.state.weighed.supports, end - DAY - self.budget.window
        for key, known in list(supports.items()):
            kept = [each for each in known if each.time >= oldest]
            if kept:
                supports[key] = kept
            else:
                del supports[key]


def kind_of_alert(alert: Alert) -> str:
    """What an alert is counted with."""
    agent = alert.subject.kind != "agent" or alert.subject.blueprint is not None
    return kind_of(alert.detector, alert.sort, agent=agent)


def _key_of(alert: Alert) -> str:
    """Under which what supports an alert is kept."""
    return f"{alert.subject.tenant or ''} {alert.subject.id}"


def _rounded(rate: float) -> float:
    return float(f"{rate:.3g}")
