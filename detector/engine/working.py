"""When identities are at work: more of the time than they, and their siblings, ever are; all at once; or not at all.

Everything is judged when an hour is final, once for all identities that were at work in it: no record pays for it. What
the siblings do at the same hours is divided out: growth, holidays, retries and autoscaling are shared, theft is not.
Of silence only an hour speaks in which siblings were at work: otherwise it is an outage, a holiday or a gap in the log.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import inf
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from detector.detectors.agent_silent import AgentSilent
from detector.detectors.busy_day import BusyDay
from detector.detectors.busy_stretch import BusyStretch
from detector.detectors.collective_surge import CollectiveSurge
from detector.domain.alerts import Entity
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal
from detector.engine import compiled
from detector.engine.lifecycle import switched_off
from detector.engine.mixing import Mixing
from detector.engine.routing import blueprint_of, key_of, subject_of
from detector.engine.stretching import Stretching
from detector.engine.timing import Timing
from detector.features import periods, silence, together
from detector.features.periods import HOURS, LONG, STRETCH, Busy, PeriodMemory
from detector.features.silence import Silence
from detector.features.timeline import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detector.engine.children import Children
    from detector.engine.journal import Journal
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import IdentityMemory, TenantMemory

_MORE: Final = 1.5
_BEYOND: Final = 2.0
"""Busy periods are looked at when they are `_MORE` times as many as usual and `_BEYOND` that."""
_CROWDED: Final = (STRETCH, LONG)
"""Hours in which agents of a blueprint may be busier than usual together."""
_MORE_OF_ALL: Final = 1.25
"""The same as `_MORE`, of all agents of a blueprint together."""
_STILL: Final = 2
"""Busy periods of the newest stretch below which a busy day is over."""
_SHARED: Final = 2.0
"""Busy periods that siblings are held to have had as usual, so that few of them say little."""
_MOST_SHARED: Final = 6.0
"""How many times as busy as usual siblings may be to explain anything."""
_WITNESSES: Final = 3.0
"""Busy periods that siblings usually have in the time, so that their being at work means anything."""
_BEFORE: Final = 12
"""Hours before the beginning of a pause in which siblings were at work that are asked about it."""
_AS_USUAL: Final = 0.7
"""Share of their usual work that siblings do when nothing is wrong with all of them."""
_MOST_NAMED: Final = 10
"""Agents of a crowd that an alert names."""
_GROWTH: Final = 1.5
"""What goes on for hours is told again when its surprise has grown by so much; see `tails.grade`."""
_MAX_PAUSES: Final = 20_000
_UNSEEN: Final = 3
"""Hours in which there may be records since the last one that was judged: the lateness is an hour at most."""


class _Crowd(NamedTuple):
    """Agents of one blueprint that are busy at once."""

    hours: int
    noted: list[IdentityMemory]
    """Those that are busier than usual, most of all first."""
    known: int
    """How many are known."""
    busy: int
    usual: float
    p_value: float
    days: int
    """Experience of the youngest."""


@dataclass(slots=True)
class _Pause:
    """What was missed in a pause so far."""

    since: int
    """The last hour at work."""
    until: int
    """The hour up to which it is summed up."""
    missed: float
    threshold: float
    """Below it nobody asks; infinity when there is nothing to say."""


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
        self.at_work = compiled.attending()
        self.on_hour: Callable[[str, int, list[IdentityMemory]], None] = Mixing(settings, state, saying, children).look
        """Told of every hour and of who was at work in it, before it is judged."""
        self.timing = Timing(settings, state, saying, children)
        self.stretching = Stretching(settings, state, saying, self._factor)
        asked = [each for each in settings.detectors if isinstance(each, (BusyStretch, BusyDay))]
        self.min_days = min((each.min_days for each in asked), default=inf)
        self.floors = {
            hours: min((each.floor for each in asked if each.hours == hours), default=inf) for hours in (STRETCH, HOURS)
        }
        self.p_values = {
            hours: max((each.p_value for each in asked if each.hours == hours), default=0.0) for hours in self.floors
        }
        """Tail probabilities below which siblings are asked."""
        crowds = [each for each in settings.detectors if isinstance(each, CollectiveSurge)]
        self.crowd = min((each.min_agents for each in crowds), default=inf)
        self.crowd_days = min((each.min_days for each in crowds), default=inf)
        self.crowd_p_value = max((each.p_value for each in crowds), default=0.0)
        quiet = [each for each in settings.detectors if isinstance(each, AgentSilent)]
        self.silent_days = min((each.min_days for each in quiet), default=inf)
        self.silent_p_value = max((each.p_value for each in quiet), default=0.0)
        self._working: set[str | None] = set()
        """Blueprints with an agent at work in the hour judged."""
        self._pauses: dict[tuple[str, str], _Pause] = {}
        """By tenant and identity. A cache."""
        self._shared: dict[tuple[str, int], tuple[int, float]] = {}
        """Busy periods of the agents of a blueprint and their usual number up to the hour judged."""

    def tick(self, watermark: float) -> None:
        """Judges every hour that is final by now; at the end of an archive all are."""
        newest = self.state.admission.watermark
        if newest == -inf:
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
                self._silence(tenant_id, tenant, hour, self._hour(tenant_id, tenant, hour))

    def _hour(self, tenant_id: str, tenant: TenantMemory, hour: int) -> list[IdentityMemory]:
        """Takes in an hour and judges who was at work in it; who was not, for longer than is worth a look."""
        self._shared.clear()
        present, quiet = self.at_work(tenant.identities, hour)
        self._working = {identity.blueprint_id for identity, _ in present}
        for identity, _ in present:
            self.journal.touch("identity", tenant_id, identity.id)
        self.on_hour(tenant_id, hour, [identity for identity, _ in present])
        self.stretching.look(tenant_id, hour, present)
        least = min(self.min_days, self.timing.min_days)
        known = ((each.id, each, memory) for each, memory in present if periods.days(memory) >= least)
        working = sorted(known, key=itemgetter(0))
        self.timing.look(tenant_id, hour, working)
        found = [each for each in working if periods.days(each[2]) >= self.min_days and periods.knows(each[2], hour)]
        for _, identity, memory in found:
            self._busy(tenant_id, tenant, identity, memory, hour)
        if self.crowd < inf:
            self._together(tenant_id, tenant, hour, Counter(identity.blueprint_id for _, identity, _ in found))
        return quiet

    def _busy(
        self, tenant_id: str, tenant: TenantMemory, identity: IdentityMemory, memory: PeriodMemory, hour: int
    ) -> None:
        for hours, floor in self.floors.items():
            number = periods.count(memory, hour, hours)
            if number < floor or (hours == HOURS and not self._newly(memory, hour, number)):
                continue
            usual = periods.expected(memory, hour, hours)
            if number <= _MORE * usual + _BEYOND:
                continue
            if periods.judge(memory, hour, hours, usual, 1.0).p_value < self.p_values[hours]:
                factor = self._factor(tenant_id, identity, memory, hour, hours)
                self._tell(tenant_id, tenant, identity, hour, periods.judge(memory, hour, hours, usual, factor))

    @staticmethod
    def _newly(memory: PeriodMemory, hour: int, number: int) -> bool:
        """Whether 24 hours are busier than any day, and still are: what is over has been said on its own day."""
        if number <= periods.average(memory):
            return False
        now = periods.count(memory, hour, STRETCH)
        return now >= _STILL and now > _MORE * periods.expected(memory, hour, STRETCH)

    # ------------------------------------------------------------------------------------------------ together

    def _together(self, tenant_id: str, tenant: TenantMemory, hour: int, agents: Counter[str | None]) -> None:
        """Looks at blueprints of which several agents are at work in an hour."""
        for blueprint in sorted(each for each, number in agents.items() if each is not None and number >= self.crowd):
            known = [
                (each, each.periods)
                for each in self.children.family(tenant_id, blueprint)
                if each.periods is not None and periods.days(each.periods) >= self.crowd_days
            ]
            for hours in _CROWDED:
                crowd = self._crowd_of(known, hour, hours)
                if crowd is not None:
                    self._tell_together(tenant_id, tenant, blueprint, hour, crowd)

    def _crowd_of(self, known: list[tuple[IdentityMemory, PeriodMemory]], hour: int, hours: int) -> _Crowd | None:
        """The agents of a blueprint that are so busy at once in some hours, if that is worth telling."""
        number, usual = _work_of([memory for _, memory in known], hour, hours)
        if number <= _MORE_OF_ALL * usual + 2 * _BEYOND:
            return None
        surprises = sorted(
            ((together.surprise(memory, hour, hours), each.id, each) for each, memory in known), reverse=True
        )
        noted = [each for surprise, _, each in surprises if surprise >= together.NOTED]
        chance = together.chance(sum(surprise for surprise, _, _ in surprises), len(known))
        if len(noted) < self.crowd or chance >= self.crowd_p_value:
            return None
        days = min(periods.days(memory) for _, memory in known)
        return _Crowd(hours, noted, len(known), number, usual, chance, days)

    def _tell_together(self, tenant_id: str, tenant: TenantMemory, blueprint: str, hour: int, crowd: _Crowd) -> None:
        fleet, key, end = tenant.fleets.get(blueprint), Key("blueprint", blueprint), float((hour + 1) * HOUR)
        facts: dict[str, Fact] = {
            "blueprint_name": (fleet.name if fleet is not None else None) or blueprint,
            "hours": crowd.hours,
            "agents": len(crowd.noted),
            "agents_known": crowd.known,
            "busiest": tuple(each.name or each.id for each in crowd.noted),
        }
        signal = Signal(
            kind="together",
            key=key,
            time=end,
            window=(end - crowd.hours * HOUR, end),
            occasion=self.saying.graded(f"day:{hour * HOUR // DAY * DAY}", crowd.p_value, self.crowd_p_value, _GROWTH),
            value=crowd.busy,
            usual=crowd.usual,
            unit="busy ten-minute periods",
            p_value=crowd.p_value,
            seen=crowd.days,
            event=None,
            facts=facts,
            first_seen=end - crowd.hours * HOUR,
            last_seen=end,
        )
        related = tuple(Entity("agent", each.id, each.name) for each in crowd.noted[:_MOST_NAMED])
        self.saying.tell(signal, tenant_id, subject_of(key, tenant_id, None, fleet), related)

    # ------------------------------------------------------------------------------------------------ siblings

    def _factor(self, tenant_id: str, own: IdentityMemory, memory: PeriodMemory, hour: int, hours: int) -> float:
        """How many times as busy as usual the siblings of an identity were; 1 when they were less so."""
        if own.blueprint_id is None:
            return 1.0
        busy, usual = self._siblings(tenant_id, own.blueprint_id, memory, hour, hours)
        return max(1.0, min(_MOST_SHARED, (busy + _SHARED) / (usual + _SHARED)))

    def _siblings(
        self, tenant_id: str, blueprint: str, memory: PeriodMemory, hour: int, hours: int
    ) -> tuple[int, float]:
        """(busy periods of the siblings in the `hours` up to the end of `hour`, their usual number)."""
        shared = self._shared.get((blueprint, hours))
        if shared is None:
            family = [each.periods for each in self.children.family(tenant_id, blueprint)]
            known = [each for each in family if each is not None and periods.days(each)]
            shared = self._shared[blueprint, hours] = _work_of(known, hour, hours)
        usual = max(0.0, shared[1] - periods.expected(memory, hour, hours))
        return shared[0] - periods.count(memory, hour, hours), usual

    # ------------------------------------------------------------------------------------------------- silence

    def _silence(self, tenant_id: str, tenant: TenantMemory, hour: int, quiet: list[IdentityMemory]) -> None:
        """Looks at those who are silent although siblings are at work in the very hour."""
        for identity in sorted(quiet, key=attrgetter("id")):
            memory = identity.periods
            assert memory is not None
            known = periods.days(memory) >= self.silent_days and periods.knows_all(memory)
            known = known and hour - memory.hour <= silence.LONGEST
            if identity.blueprint_id not in self._working or not known:
                continue
            pause = self._pause(tenant_id, identity.id, memory, hour)
            if silence.judge(memory, hour, pause.missed, 1.0).p_value >= self.silent_p_value:
                continue  # most of them: no siblings are asked
            if switched_off(tenant, identity, float((hour + 1) * HOUR)) is not None:
                pause.threshold = inf
                continue
            factor = self._witnessed(tenant_id, identity, memory, hour)
            found = silence.judge(memory, hour, pause.missed, factor)
            if found.p_value < self.silent_p_value:
                pause.threshold = pause.threshold if self.settings.retells else inf
                self._tell_silence(tenant_id, tenant, identity, memory, hour, found, factor)

    def _witnessed(self, tenant_id: str, identity: IdentityMemory, memory: PeriodMemory, hour: int) -> float:
        """Share of their usual work that siblings did during a pause; 0 when that says nothing.

        Those do not count who had fallen silent well before: they are another story.
        """
        hours = min(hour - memory.hour, HOURS)
        family = [each.periods for each in self.children.family(tenant_id, identity.blueprint_id or "")]
        others = [each for each in family if each is not None and each is not memory and periods.days(each)]
        witnesses = [each for each in others if each.hour >= memory.hour - _BEFORE]
        busy, usual = _work_of(witnesses, hour, hours)
        factor = (busy + 1.0) / (usual + 1.0)
        return factor if usual >= _WITNESSES and factor >= _AS_USUAL else 0.0

    def _pause(self, tenant_id: str, identifier: str, memory: PeriodMemory, hour: int) -> _Pause:
        """The pause that an identity makes, summed up to an hour unless it cannot be worth a look by then."""
        pause = self._pauses.get((tenant_id, identifier))
        if pause is None or pause.since != memory.hour:
            if len(self._pauses) >= _MAX_PAUSES:
                self._pauses.clear()
            pause = _Pause(memory.hour, memory.hour, 0.0, silence.threshold(memory))
            self._pauses[tenant_id, identifier] = pause
        if silence.at_most(memory, pause.missed, hour - pause.until) >= pause.threshold:
            for each in range(pause.until + 1, hour + 1):
                pause.missed += periods.expected(memory, each, 1)
            pause.until = hour
        return pause

    def _tell_silence(
        self,
        tenant_id: str,
        tenant: TenantMemory,
        identity: IdentityMemory,
        memory: PeriodMemory,
        hour: int,
        pause: Silence,
        factor: float,
    ) -> None:
        start, end, key = float((memory.hour + 1) * HOUR), float((hour + 1) * HOUR), key_of(identity)
        fleet = tenant.fleets.get(identity.blueprint_id or "")
        facts: dict[str, Fact] = {
            "agent_id": identity.id,
            "agent_name": identity.name or identity.id,
            "hours": pause.hours,
            "siblings_factor": round(factor, 2),
        }
        signal = Signal(
            kind="silence",
            key=key,
            time=end,
            window=(start, end),
            occasion=self.saying.graded(f"since:{memory.hour * HOUR}", pause.p_value, self.silent_p_value, _GROWTH),
            value=pause.missed,
            usual=pause.usual,
            unit="missed busy periods",
            p_value=pause.p_value,
            seen=pause.days,
            event=None,
            facts=facts,
            first_seen=start,
            last_seen=end,
        )
        self.saying.tell(signal, tenant_id, subject_of(key, tenant_id, identity, fleet), blueprint_of(fleet))

    # ------------------------------------------------------------------------------------------------ telling

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
            occasion=self.saying.graded(
                f"{busy.hours}h:{hour * HOUR // DAY * DAY}", busy.p_value, self.p_values[busy.hours], _GROWTH
            ),
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
        self.saying.tell(signal, tenant_id, subject_of(key, tenant_id, identity, fleet), blueprint_of(fleet))


def _work_of(several: Sequence[PeriodMemory], hour: int, hours: int) -> tuple[int, float]:
    """(busy periods of several in the `hours` up to the end of `hour`, their usual number)."""
    busy = sum(periods.count(each, hour, hours) for each in several)
    return busy, sum(periods.expected(each, hour, hours) for each in several)
