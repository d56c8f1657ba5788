"""Agents that run by the clock, and what they do between their runs: judged when an hour is final.

When the siblings that run by the clock work off their schedules too, it is a release or a backfill of
all.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from detector.detectors.off_schedule import OffSchedule
from detector.domain.signals import Fact, Signal
from detector.engine.routing import blueprint_of, key_of, subject_of
from detector.features import periods, schedule
from detector.features.periods import STRETCH, PeriodMemory
from detector.features.schedule import Schedule
from detector.features.timeline import DAY, HOUR, STEP, STEPS_PER_HOUR

if TYPE_CHECKING:
    from detector.engine.children import Children
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import IdentityMemory

_SHARED: Final = 1.0
"""Busy periods that siblings are held to have had off their schedules, and to be expected of them."""
_GROWTH: Final = 1.5
"""What goes on for hours is told again when its surprise has grown by so much; see `tails.grade`."""

Known = Sequence[tuple[str, "IdentityMemory", PeriodMemory]]
"""Agents that were at work in an hour and are known well enough, by id."""


class _Strayed(NamedTuple):
    """What an agent did off its schedule."""

    identity: IdentityMemory
    schedule: Schedule
    busy: int
    usual: float
    """As much as siblings have to do with it included."""
    p_value: float


class Timing:
    """Looks at every hour once it is final."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying, children: Children) -> None:
        self.state = state
        self.saying = saying
        self.children = children
        asked = [each for each in settings.detectors if isinstance(each, OffSchedule) and each.enabled]
        self.floor = min((each.floor for each in asked), default=STRETCH * STEPS_PER_HOUR + 1)
        self.min_days = min((each.min_days for each in asked), default=inf)
        self.p_value = max((each.p_value for each in asked), default=0.0)

    def look(self, tenant_id: str, hour: int, working: Known) -> None:
        """Judges an hour of those who were at work in it."""
        for _, identity, memory in working:
            if periods.count(memory, hour, STRETCH) < self.floor or periods.days(memory) < self.min_days:
                continue
            kept = schedule.schedule_of(memory)
            if kept is None:
                continue
            count = schedule.off_schedule(memory, kept, hour)
            if count >= self.floor and schedule.chance(count, kept.usual) < self.p_value:
                usual = kept.usual * self._shared(tenant_id, identity, hour)
                chance = schedule.chance(count, usual)
                if chance < self.p_value:
                    self._tell(tenant_id, hour, _Strayed(identity, kept, count, usual, chance))

    def _shared(self, tenant_id: str, own: IdentityMemory, hour: int) -> float:
        """How many times as much as usual siblings did off their schedules; 1 when it was less."""
        family = [] if own.blueprint_id is None else self.children.family(tenant_id, own.blueprint_id)
        count, usual = 0, 0.0
        for memory in [each.periods for each in family if each is not own and each.periods is not None]:
            kept = schedule.schedule_of(memory)
            if kept is not None:
                count += schedule.off_schedule(memory, kept, hour)
                usual += kept.usual
        return max(1.0, (count + _SHARED) / (usual + _SHARED))

    def _tell(self, tenant_id: str, hour: int, strayed: _Strayed) -> None:
        identity, kept = strayed.identity, strayed.schedule
        fleet = self.state.tenants[tenant_id].fleets.get(identity.blueprint_id or "")
        key, end = key_of(identity), float((hour + 1) * HOUR)
        facts: dict[str, Fact] = {
            "agent_id": identity.id,
            "agent_name": identity.name or identity.id,
            "hours": STRETCH,
            "at_work_at": tuple(
                f":{place * STEP // 60:02}" for place in range(STEPS_PER_HOUR) if place not in kept.off
            ),
            "siblings_factor": round(strayed.usual / kept.usual, 2),
        }
        signal = Signal(
            kind="off_schedule",
            key=key,
            time=end,
            window=(end - STRETCH * HOUR, end),
            occasion=self.saying.graded(f"day:{hour * HOUR // DAY * DAY}", strayed.p_value, self.p_value, _GROWTH),
            value=strayed.busy,
            usual=strayed.usual,
            unit="busy ten-minute periods",
            p_value=strayed.p_value,
            seen=kept.seen,
            event=None,
            facts=facts,
            first_seen=end - STRETCH * HOUR,
            last_seen=end,
        )
        self.saying.tell(signal, tenant_id, subject_of(key, tenant_id, identity, fleet), blueprint_of(fleet))
