"""Agents that turn to a resource which they hardly ever used: judged when an hour is final, no record pays for it.

A release makes all agents of a blueprint turn to a resource; who has stolen one of them turns alone. So an agent is
told of unless siblings that know the resource turned to it as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from detector.detectors.resource_shift import ResourceShift
from detector.domain.alerts import Entity
from detector.domain.signals import Fact, Signal
from detector.engine import compiled
from detector.engine.routing import blueprint_of, key_of, subject_of
from detector.features import mix
from detector.features.apis import Apis
from detector.features.mix import WINDOW, MixMemory, Shift
from detector.features.timeline import DAY, HOUR

if TYPE_CHECKING:
    from detector.engine.children import Children
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import IdentityMemory

_SHARED: Final = 3
"""When one in so many of the siblings that know a resource turned to it too, it is no news of one agent."""
_GROWTH: Final = 1.25
"""What goes on for hours is told again when its surprise has grown by so much; see `tails.grade`."""


TakeIn = Callable[[MixMemory, Sequence[str], int, float], list[Shift]]
"""See `mix.take_in`."""


class Mixing:
    """Looks at the resources of every hour once it is final."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying, children: Children) -> None:
        self.state = state
        self.saying = saying
        self.children = children
        self.take_in = compiled.mixing()
        asked = [each for each in settings.detectors if isinstance(each, ResourceShift) and each.enabled]
        self.floor = min((each.floor for each in asked), default=WINDOW + 1)
        self.min_seen = min((each.min_seen for each in asked), default=inf)
        self.p_value = max((each.p_value for each in asked), default=0.0)

    def look(self, tenant_id: str, hour: int, working: list[IdentityMemory]) -> None:
        """Takes in an hour of those who were at work in it, and judges it."""
        found: list[tuple[str, IdentityMemory, Shift]] = []
        for identity in working:
            apis, memory = identity.apis, identity.mix
            if memory is None and len(apis.values) <= 1:
                continue  # most agents; asked here because asking costs more than the answer
            used = apis.used if apis.hour == hour else Apis.used_in(apis, hour)
            if not used:
                continue
            if memory is None:
                if not mix.is_mixed(apis.values, hour):
                    continue
                memory = identity.mix = MixMemory()
            shifts = self.take_in(memory, used, self.floor, self.min_seen)
            if shifts:
                found += [(identity.id, identity, shift) for shift in shifts]
        for _, identity, shift in sorted(found, key=itemgetter(0)):
            if shift.p_value < self.p_value and not self._shared(tenant_id, identity, shift.resource):
                self._tell(tenant_id, identity, hour, shift)

    def _shared(self, tenant_id: str, own: IdentityMemory, resource: str) -> bool:
        """Whether siblings turned to a resource as well."""
        siblings = [] if own.blueprint_id is None else self.children.family(tenant_id, own.blueprint_id)
        known = [
            each.mix for each in siblings if each.mix is not None and each is not own and resource in each.mix.names
        ]
        turned = sum(1 for memory in known if mix.newest(memory, resource) >= self.floor)
        return turned * _SHARED >= len(known) > 0

    def _tell(self, tenant_id: str, identity: IdentityMemory, hour: int, shift: Shift) -> None:
        fleet = self.state.tenants[tenant_id].fleets.get(identity.blueprint_id or "")
        key, end = key_of(identity), float((hour + 1) * HOUR)
        day = f"{shift.resource}:{hour * HOUR // DAY * DAY}"
        facts: dict[str, Fact] = {
            "agent_id": identity.id,
            "agent_name": identity.name or identity.id,
            "resource_id": shift.resource,
            "hours": WINDOW,
        }
        signal = Signal(
            kind="mix",
            key=key,
            time=end,
            window=(end - WINDOW * HOUR, end),
            occasion=self.saying.graded(day, shift.p_value, self.p_value, _GROWTH),
            value=shift.count,
            usual=shift.usual,
            unit="hours at work",
            p_value=shift.p_value,
            seen=shift.seen,
            event=None,
            facts=facts,
            first_seen=end - HOUR,
            last_seen=end,
        )
        related = (Entity("resource", shift.resource), *blueprint_of(fleet))
        self.saying.tell(signal, tenant_id, subject_of(key, tenant_id, identity, fleet), related)
