"""Agents that ask for more tokens from day to day, or for far too many on one.

Judged once a day, when the day is final; no record pays for it.

What siblings ask for more than usual on the same day is taken off, as far as there are any; the tenant's other agents
stand in for them. That siblings ask for less says nothing of an agent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from math import fsum, inf, log
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from detector.detectors.busy_day import BusyDay
from detector.detectors.slow_drift import SlowDrift
from detector.domain.signals import Fact, Signal
from detector.engine.routing import blueprint_of, key_of, subject_of
from detector.features import drift, periods
from detector.features.drift import Drift, Heavy
from detector.features.periods import PeriodMemory
from detector.features.timeline import DAY, STEP

if TYPE_CHECKING:
    from detector.engine.journal import Journal
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import IdentityMemory, TenantMemory

_SHARED: Final = 10.0
"""Usual requests a day of siblings for which they count as much as the rest of the tenant."""
_GROWTH: Final = 1.5
"""What goes on for days is told again when its surprise has grown by so much; see `tails.grade`."""
_UNSEEN: Final = 2
"""Days in which there may be records since the last one that was judged: the lateness is an hour at most."""


class _Work(NamedTuple):
    """One agent's day at work."""

    identity: IdentityMemory
    requests: int
    bounded: float
    """Requests as far as they are believed; 0 when nothing is known of such days."""
    usual: float


class _Sum(NamedTuple):
    """Days at work of several agents."""

    bounded: float
    usual: float

    @classmethod
    def of(cls, each: Iterable[tuple[float, float]]) -> _Sum:
        """The same in any order: the sums are exact before they are rounded."""
        pairs = list(each)
        return cls(fsum(bounded for bounded, _ in pairs), fsum(usual for _, usual in pairs))

    def without(self, own: _Work, prior: float) -> float:
        """How many times as much as usual the others asked for, shrunk to `prior`."""
        usual = max(0.0, self.usual - own.usual) + _SHARED
        return (max(0.0, self.bounded - own.bounded) + _SHARED * prior) / usual


class Creeping:
    """Looks at every day once it is final."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying, journal: Journal) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        self.journal = journal
        asked = [each for each in settings.detectors if isinstance(each, SlowDrift)]  # what is off learns all the same
        self.min_days = min((each.min_days for each in asked), default=inf)
        self.floor = min((each.floor for each in asked), default=inf)
        self.p_value = max((each.p_value for each in asked), default=0.0)
        heavy = [each for each in settings.detectors if isinstance(each, BusyDay)]
        self.heavy_days = min((each.min_days for each in heavy), default=inf)
        self.heavy_floor = min((each.requests for each in heavy), default=inf)
        self.heavy_p_value = max((each.p_value for each in heavy), default=0.0)

    def tick(self, watermark: float) -> None:
        """Judges the days that are final by now; at the end of an archive those that its records reach the end of."""
        newest = self.state.admission.watermark
        if newest == -inf:
            return
        last = self.state.crept_day
        over = (int(newest) // STEP + 1) * STEP if watermark == inf else int(watermark - self.settings.lateness)
        final = over // DAY - 1
        if final <= last:
            return
        self.state.crept_day = final
        if last < 0:
            return
        for tenant_id, tenant in sorted(self.state.tenants.items(), key=itemgetter(0)):
            for day in range(last + 1, min(final, last + _UNSEEN) + 1):
                self._day(tenant_id, tenant, day)

    def _day(self, tenant_id: str, tenant: TenantMemory, day: int) -> None:
        """Takes in a day of those who were at work on it, and judges it."""
        working = _at_work(tenant, day)
        families: defaultdict[str | None, list[tuple[float, float]]] = defaultdict(list)
        for each in working:
            families[each.identity.blueprint_id].append((each.bounded, each.usual))
        sums = {blueprint: _Sum.of(pairs) for blueprint, pairs in families.items()}
        everybody = _Sum.of(sums.values())
        found: list[tuple[str, _Work, float, Drift]] = []
        standing_out: list[tuple[str, _Work, float, Heavy]] = []
        for each in working:
            identity = each.identity
            factor = everybody.without(each, 1.0)
            if identity.blueprint_id is not None:
                factor = sums[identity.blueprint_id].without(each, factor)
            memory = identity.periods = identity.periods or PeriodMemory()
            if each.usual >= self.heavy_floor:
                heavy = drift.heavy(periods.drifting(memory), day, each.requests, log(factor), self.heavy_days)
                if heavy is not None and heavy.p_value < self.heavy_p_value:
                    standing_out.append((identity.id, each, factor, heavy))
            learned, seen = drift.take_in(periods.drifting(memory), day, each.requests, log(factor), self.min_days)
            periods.put_drifting(memory, learned)
            self.journal.touch("identity", tenant_id, identity.id)
            if seen is not None and seen.days >= self.floor and seen.p_value < self.p_value:
                found.append((identity.id, each, factor, seen))
        for _, each, factor, heavy in sorted(standing_out, key=itemgetter(0)):
            occasion = self.saying.graded(f"day:{heavy.since * DAY}", heavy.p_value, self.heavy_p_value, _GROWTH)
            self._tell(tenant_id, tenant, each, factor, heavy, (day, day + 1), occasion, {"issue": "heavy_day"})
        for _, each, factor, seen in sorted(found, key=itemgetter(0)):
            occasion = self.saying.graded(f"since:{seen.since * DAY}", seen.p_value, self.p_value, _GROWTH)
            facts: dict[str, Fact] = {"days": seen.days, "since": float(seen.since * DAY)}
            self._tell(tenant_id, tenant, each, factor, seen, (seen.since, day + 1), occasion, facts)

    def _tell(
        self,
        tenant_id: str,
        tenant: TenantMemory,
        work: _Work,
        factor: float,
        seen: Drift | Heavy,
        days: tuple[int, int],
        occasion: str,
        facts: dict[str, Fact],
    ) -> None:
        identity = work.identity
        fleet = tenant.fleets.get(identity.blueprint_id or "")
        key, start, end = key_of(identity), float(days[0] * DAY), float(days[1] * DAY)
        who: dict[str, Fact] = {"agent_id": identity.id, "agent_name": identity.name or identity.id}
        signal = Signal(
            kind="drift",
            key=key,
            time=end,
            window=(start, end),
            occasion=occasion,
            value=work.requests,
            usual=seen.usual,
            unit="token requests a day",
            p_value=seen.p_value,
            seen=seen.seen,
            event=None,
            facts=who | facts | {"siblings_factor": round(max(1.0, factor), 2)},
            first_seen=start,
            last_seen=end,
        )
        self.saying.tell(signal, tenant_id, subject_of(key, tenant_id, identity, fleet), blueprint_of(fleet))


def _at_work(tenant: TenantMemory, day: int) -> list[_Work]:
    """Who was at work on a day, of those who were known before it: the first day of any other is not a whole one."""
    start, working = day * DAY, list[_Work]()
    first = start // STEP
    for identity in tenant.identities.values():
        rates = identity.rates
        if rates.bucket < first or identity.first_seen >= start or identity.kind == "blueprint":
            continue
        requests = drift.requests_of(rates, day)
        if requests:
            usual = drift.usual(periods.drifting(identity.periods), day)
            working.append(_Work(identity, requests, min(requests, drift.LIMIT * usual), usual))
    return working
