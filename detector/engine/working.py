"""When identities are at work: more of the time than they, and their siblings, ever are.

Everything is judged when an hour is final, once for all identities that were at work in it: no record pays for it. What
the siblings do at the same hours is divided out: growth, holidays, retries and autoscaling are shared, theft is not.
"""

from __future__ import annotations

from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from detector.detectors.busy_day import BusyDay
from detector.detectors.busy_stretch import BusyStretch
from detector.domain.alerts import Entity
from detector.domain.signals import Fact, Signal
from detector.engine.routing import key_of, subject_of
from detector.features import periods
from detector.features.periods import HOURS, STRETCH, Busy, PeriodMemory
from detector.features.timeline import DAY, HOUR, STEPS_PER_HOUR

if TYPE_CHECKING:
    from detector.engine.children import Children
    from detector.engine.journal import Journal
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import FleetMemory, IdentityMemory, TenantMemory

_MORE: Final = 1.5
_BEYOND: Final = 2.0
"""Busy periods are looked at when they are `_MORE` times as many as usual and `_BEYOND` that."""
_SHARED: Final = 2.0
"""Busy periods that siblings are held to have had as usual, so that few of them say little."""
_MOST_SHARED: Final = 6.0
"""How many times as busy as usual siblings may be to explain anything."""
_UNSEEN: Final = 3
"""Hours in which there may be records since the last one that was judged: the lateness is an hour at most."""


class Working:
    """Looks at every hour once it is final."""

    def __init__(
        self, settings: EngineSettings, state: State, saying: Saying, journal: Journal, children: Children
    ) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        self.journal = journal
        self.children = children
        asked = [each for each in settings.detectors if isinstance(each, (BusyStretch, BusyDay)) and each.enabled]
        self.asked = bool(asked)
        self.min_days = min((each.min_days for each in asked), default=inf)
        self.floors = {
            hours: min((each.floor for each in asked if each.hours == hours), default=inf) for hours in (STRETCH, HOURS)
        }
        self._shared: dict[tuple[str, int], tuple[int, float]] = {}
        """Busy periods of the agents of a blueprint and their usual number up to the hour judged."""

    def tick(self, watermark: float) -> None:
        """Judges every hour that is final by now; at the end of an archive all are."""
        newest = self.state.admission.watermark
        if not self.asked or newest == -inf:
            return
        last = self.state.worked_hour
        final = int(newest) // HOUR if watermark == inf else int(watermark - self.settings.lateness) // HOUR - 1
        if final <= last:
            return
        self.state.worked_hour = final
        if last < 0:
            return
        for tenant_id, tenant in sorted(self.state.tenants.items(), key=itemgetter(0)):
            for hour in range(last + 1, min(final, last + _UNSEEN) + 1):
                self._hour(tenant_id, tenant, hour)

    def _hour(self, tenant_id: str, tenant: TenantMemory, hour: int) -> None:
        first = hour * STEPS_PER_HOUR
        found: list[tuple[str, IdentityMemory, PeriodMemory]] = []
        for identity in tenant.identities.values():
            if identity.rates.bucket < first or identity.kind == "blueprint":
                continue
            memory = identity.periods
            if memory is None:
                memory = identity.periods = PeriodMemory()
            if periods.take_in(memory, identity.rates, hour):
                self.journal.touch("identity", tenant_id, identity.id)
                if periods.days(memory) >= self.min_days:
                    found.append((identity.id, identity, memory))
        self._shared.clear()
        for _, identity, memory in sorted(found, key=itemgetter(0)):
            for hours, floor in self.floors.items():
                number = periods.count(memory, hour, hours)
                if number < floor:
                    continue
                usual = periods.expected(memory, hour, hours)
                if number > _MORE * usual + _BEYOND:
                    factor = self._factor(tenant_id, identity, memory, hour, hours)
                    self._tell(tenant_id, tenant, identity, hour, periods.judge(memory, hour, hours, usual, factor))

    def _factor(self, tenant_id: str, own: IdentityMemory, memory: PeriodMemory, hour: int, hours: int) -> float:
        """How many times as busy as usual the siblings of an identity were; 1 when they were less so."""
        blueprint = own.blueprint_id
        if blueprint is None:
            return 1.0
        shared = self._shared.get((blueprint, hours))
        if shared is None:
            family = [each.periods for each in self.children.family(tenant_id, blueprint)]
            known = [each for each in family if each is not None and periods.days(each) >= self.min_days]
            shared = self._shared[blueprint, hours] = (
                sum(periods.count(each, hour, hours) for each in known),
                sum(periods.expected(each, hour, hours) for each in known),
            )
        busy = shared[0] - periods.count(memory, hour, hours)
        usual = max(0.0, shared[1] - periods.expected(memory, hour, hours))
        return max(1.0, min(_MOST_SHARED, (busy + _SHARED) / (usual + _SHARED)))

    def _tell(self, tenant_id: str, tenant: TenantMemory, identity: IdentityMemory, hour: int, busy: Busy) -> None:
        fleet = tenant.fleets.get(identity.blueprint_id or "")
        end, key = float((hour + 1) * HOUR), key_of(identity)
        facts: dict[str, Fact] = {
            "agent_id": identity.id,
            "agent_name": identity.name or identity.id,
            "hours": busy.hours,
            "siblings_factor": round(busy.factor, 2),
        }
        signal = Signal(
            kind="busy",
            key=key,
            time=end,
            window=(end - busy.hours * HOUR, end),
            occasion=f"{busy.hours}h:{hour * HOUR // DAY * DAY}",
            value=busy.count,
            usual=busy.expected,
            unit="busy ten-minute periods",
            p_value=busy.p_value,
            seen=busy.days,
            event=None,
            facts=facts,
            first_seen=end - busy.hours * HOUR,
            last_seen=end,
        )
        self.saying.tell(signal, tenant_id, subject_of(key, tenant_id, identity, fleet), _entity(fleet))


def _entity(fleet: FleetMemory | None) -> tuple[Entity, ...]:
    """The blueprint, as far as it is known."""
    return (Entity("blueprint", fleet.id, fleet.name),) if fleet is not None else ()
