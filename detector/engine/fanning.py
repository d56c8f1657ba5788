"""Fan-out: the credentials of one blueprint get tokens for unusually many of its agents.

Agents hold no credentials: their tokens are got with those of the blueprint, whose key id seldom stands in the records
of the agents. So the agents that were active in an hour are counted, which the blueprint's memory does anyway.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from detector.detectors.credential_fan_out import CredentialFanOut
from detector.domain.keys import Key
from detector.domain.signals import Signal
from detector.features import fleet as fleets
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import HOUR, NEVER, SIX_HOURS, horizons

if TYPE_CHECKING:
    from detector.domain.events import SignIn
    from detector.engine.routing import Route
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.features.fleet import FleetHours

_DISPERSION = 0.1
"""Active agents an hour vary little more than a Poisson count; the excess is this small."""


_MAX_LEARNED = 20_000


_Learned = tuple["FleetHours", int, float, float, float]
"""What was final when an hour began, and therefore stays as it is: of whom, the hour, the active agents below which
nobody is told, their usual number and the hours behind it. Asked at every awakening of an agent, so it has no names."""


class Fanning:
    """How many agents of a blueprint are at work in an hour."""

    def __init__(self, settings: EngineSettings, saying: Saying) -> None:
        self.saying = saying
        self.horizon = horizons(settings.lateness)[1]
        asked = [each for each in settings.detectors if isinstance(each, CredentialFanOut)]
        self.floor = min((each.floor for each in asked), default=NEVER)
        """Active agents in an hour below which nobody listens."""
        self.ratio = min((each.ratio for each in asked), default=1.0)
        self._learned: dict[str, _Learned] = {}
        """By blueprint. A cache."""

    def active(self, route: Route, event: SignIn, hour: int, agents: int) -> None:
        """One more agent of a blueprint was active in `hour`, which makes `agents` of them."""
        fleet = route.fleet
        assert fleet is not None
        learned = self._learned.get(fleet.id)
        if learned is None or learned[1] != hour or learned[0] is not fleet.hours:
            if len(self._learned) >= _MAX_LEARNED:
                self._learned.clear()
            usual, seen = fleets.usual_agents(fleet.hours, hour, self.horizon)
            least = self.ratio * usual if seen else inf
            learned = self._learned[fleet.id] = (fleet.hours, hour, least, usual, seen)
        if agents < learned[2]:
            return
        usual, seen = learned[3:]
        start = float(hour * HOUR)
        self.saying.tell_of(
            route,
            Signal(
                kind="credential_use",
                key=Key("blueprint", fleet.id),
                time=event.time,
                window=(start, start + HOUR),
                occasion=f"fan-out:{hour * HOUR // SIX_HOURS * SIX_HOURS}",
                value=agents,
                usual=usual,
                unit="agents",
                p_value=negative_binomial_tail(agents, usual, _DISPERSION + 1.0 / (1.0 + seen)),
                seen=seen,
                event=event,
                facts={
                    "issue": "fan_out",
                    "blueprint_name": fleet.name or fleet.id,
                    "agents_ever": fleet.agents,
                },
                first_seen=start,
                last_seen=event.time,
            ),
        )
