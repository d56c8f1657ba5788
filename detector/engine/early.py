"""The first days of an agent: what it does is compared with what its blueprint does, for it has no ways of its own yet.

An agent that does wrong from its first hour on never did otherwise, so its own memory cannot tell. Its siblings can:
those of an established blueprint use the same few resources, and so do the newcomers that a pipeline makes of it.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from detector.detectors.newborn_deviates import NewbornDeviates
from detector.domain.signals import Signal
from detector.engine.novelties import who, with_siblings
from detector.engine.routing import key_of
from detector.features.known import chance_of_new, is_known, kinds_known
from detector.features.timeline import DAY, HOUR, NEVER, horizons

if TYPE_CHECKING:
    from detector.domain.events import SignIn
    from detector.engine.routing import Route
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings


class EarlyLife:
    """Looks at the resources of newcomers."""

    def __init__(self, settings: EngineSettings, saying: Saying) -> None:
        asked = [each for each in settings.detectors if isinstance(each, NewbornDeviates)]
        self.young = max((each.young_days for each in asked), default=0.0) * DAY
        """Seconds after its first record in which an agent is a newcomer."""
        self.saying = saying
        self.horizon = horizons(settings.lateness)[1]

    def look(self, route: Route, event: SignIn, hour: int) -> int:
        """The first granted token of an access in an hour; the hour before which it need not be told again.

        A blueprint is established when it is twice as old as newcomers may be: then those who were there from the
        beginning are none. Both ages are those at the beginning of the hour, so late records change nothing.
        """
        identity, fleet, resource = route.identity, route.fleet, event.access.resource_id
        if fleet is None or route.fleet_rates is None or resource is None:
            return NEVER
        now, established = hour * HOUR, fleet.first_seen + 2 * self.young
        if now - identity.first_seen >= self.young:
            return NEVER
        if now < established:
            return max(hour, ceil(established / HOUR) - self.horizon.lag)
        if is_known(fleet.apis, resource, hour, self.horizon):
            return NEVER
        siblings, seen = with_siblings(route, hour, self.horizon)
        if siblings is not None:
            self._tell(route, event, hour, resource, seen)
        return hour

    def _tell(self, route: Route, event: SignIn, hour: int, resource: str, seen: float) -> None:
        fleet, identity = route.fleet, route.identity
        assert fleet is not None
        kinds = kinds_known(fleet.apis, hour, self.horizon)
        self.saying.tell_of(
            route,
            Signal(
                kind="early_life",
                key=key_of(identity),
                time=event.time,
                window=(event.time, event.time),
                occasion=f"resource:{resource}",
                value=1,
                usual=0,
                unit="new resources",
                p_value=chance_of_new(kinds, seen),
                seen=seen,
                event=event,
                facts={
                    **who(route),
                    "blueprint_name": fleet.name or fleet.id,
                    "resource_id": resource,
                    "resource_name": event.access.resource_name or resource,
                    "kinds": kinds,
                    "siblings": max(0, fleet.agents - 1),
                },
            ),
        )
