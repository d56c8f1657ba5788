"""Counting: every request raises the rates of its identity and of its blueprint's agents together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detector.domain.events import SignIn
from detector.domain.keys import Key
from detector.engine.fanning import Fanning
from detector.engine.routing import Route, key_of
from detector.engine.sustaining import Sustaining, signal_of
from detector.features import fleet as fleets
from detector.features import token_rate
from detector.features.timeline import SIX_HOURS, STEPS_PER_HOUR, horizons
from detector.features.token_rate import NO_PRIOR, Busiest, Prior, RateMemory, Spike, TokenRate

if TYPE_CHECKING:
    from detector.domain.signals import Fact
    from detector.engine.routing import Router
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.features.fleet import FleetHours
    from detector.features.memory import FleetMemory


_GROWTH: Final = 2.0
"""A spike is told again when its surprise has grown by so much; see `tails.grade`."""

_EXTREME: Final = 3
"""The grade from which on each span speaks for itself, more often: ten minutes of a flood are like those of some benign
bursts, and its hour is not."""


_MAX_PRIORS: Final = 20_000


class Counting:
    """The rates of identities and blueprints."""

    def __init__(self, settings: EngineSettings, router: Router, saying: Saying) -> None:
        self.settings = settings
        self.router = router
        self.saying = saying
        self.spans = horizons(settings.lateness)
        self.agent_rates = TokenRate(settings.agent_rates, self.spans)
        self.fleet_rates = TokenRate(settings.blueprint_rates, self.spans)
        self.fanning = Fanning(settings, saying)
        self._priors: dict[str, tuple[FleetHours, int, tuple[Prior, Prior]]] = {}
        """By blueprint: whose, the hour, and what was final when it began. A cache."""
        self.sustaining = Sustaining(self.agent_rates, saying, self._prior, _GROWTH)

    def open_bucket(self, route: Route, event: SignIn, bucket: int) -> None:
        """The first request of an identity in a newer ten-minute bucket."""
        rates = route.rates
        hour = bucket // STEPS_PER_HOUR
        if route.fleet_rates is not None and rates.bucket // STEPS_PER_HOUR != hour:
            self.activate(route, event, hour)
        self.sustaining.opened(rates, event, bucket)
        token_rate.roll(rates, bucket, self.spans, self.settings.agent_rates.floors)
        if rates.n >= rates.trip:
            self.judge(route, event, hour)

    def activate(self, route: Route, event: SignIn, hour: int) -> None:
        """One more agent of a blueprint is active in an hour."""
        agents = fleets.activate(route.fleet.hours, hour)  # type: ignore[union-attr]
        if agents >= self.fanning.floor:
            self.fanning.active(route, event, hour, agents)

    def judge(self, route: Route, event: SignIn, hour: int) -> None:
        """An identity's count has reached its trip."""
        for spike in self.agent_rates.judge_open(route.rates, self._prior(route, hour)):
            self._tell_spike(route, event, spike, fleet=False)

    def older_bucket(self, route: Route, event: SignIn, bucket: int) -> None:
        """A request of an identity in an older bucket than its newest."""
        rates = route.rates
        hour = bucket // STEPS_PER_HOUR
        self.router.learn_earlier(route, event)
        if (
            route.fleet_rates is not None
            and hour != rates.bucket // STEPS_PER_HOUR
            and not token_rate.count_in(rates, 1, hour)
        ):
            self.activate(route, event, hour)
        if token_rate.insert(rates, bucket, self.settings.agent_rates.floors):
            self._look(self.agent_rates, rates, route, event, bucket, fleet=False)
        self.sustaining.counted(route, event, bucket)

    def _look(
        self, feature: TokenRate, rates: RateMemory, route: Route, event: SignIn, bucket: int, *, fleet: bool
    ) -> None:
        """Looks at the closed and the open buckets that a disordered request has raised."""
        lent = self._fleet_prior if fleet else self._prior
        busiest = self._busiest(route, event) if fleet else token_rate.nobody
        for spike in feature.judge_older(rates, bucket, lent(route, bucket // STEPS_PER_HOUR), busiest):
            self._tell_spike(route, event, spike, fleet=fleet)
        if rates.n >= rates.trip:
            for spike in feature.judge_open(rates, lent(route, rates.bucket // STEPS_PER_HOUR), busiest):
                self._tell_spike(route, event, spike, fleet=fleet)

    def _prior(self, route: Route, hour: int) -> Prior:
        fleet = route.fleet
        if fleet is None or route.fleet_rates is None:
            return NO_PRIOR
        return self._lent(fleet, hour)[0]

    def open_fleet_bucket(self, route: Route, event: SignIn, bucket: int) -> None:
        """The first request of a blueprint's agents in a newer ten-minute bucket."""
        fleet = route.fleet
        assert fleet is not None
        rates = fleet.rates
        hour = bucket // STEPS_PER_HOUR
        if rates.bucket // STEPS_PER_HOUR != hour:
            fleets.learn(fleet.hours, rates, hour, self.spans[1])
        token_rate.roll(rates, bucket, self.spans, self.settings.blueprint_rates.floors)
        if rates.n >= rates.trip:
            self.judge_fleet(route, event, hour)

    def judge_fleet(self, route: Route, event: SignIn, hour: int) -> None:
        """The count of a blueprint's agents has reached its trip."""
        fleet = route.fleet
        assert fleet is not None
        lent, busiest = self._fleet_prior(route, hour), self._busiest(route, event)
        for spike in self.fleet_rates.judge_open(fleet.rates, lent, busiest):
            self._tell_spike(route, event, spike, fleet=True)

    def _fleet_prior(self, route: Route, hour: int) -> Prior:
        fleet = route.fleet
        assert fleet is not None
        return self._lent(fleet, hour)[1]

    def _lent(self, fleet: FleetMemory, hour: int) -> tuple[Prior, Prior]:
        """What a blueprint lends in an hour: to its agents, and to their sum."""
        known = self._priors.get(fleet.id)
        if known is None or known[1] != hour or known[0] is not fleet.hours:
            if len(self._priors) >= _MAX_PRIORS:
                self._priors.clear()
            lent = fleets.priors(fleet.hours, fleet.rates, hour, self.spans[1])
            known = self._priors[fleet.id] = fleet.hours, hour, lent
        return known[2]

    def _busiest(self, route: Route, event: SignIn) -> Busiest:
        """Of the agents of a blueprint; who they are is asked when its count is remarkable, which is seldom."""
        assert route.fleet is not None
        tenant_id, blueprint = event.access.tenant_id, route.fleet.id

        def busiest(index: int, bucket: int) -> int:
            family = self.router.children.family(tenant_id, blueprint)
            agents = (each.rates for each in family if each.blueprint_id == blueprint)  # not its own principal
            return max((token_rate.count_in(rates, index, bucket) for rates in agents), default=0)

        return busiest

    def older_fleet_bucket(self, route: Route, event: SignIn, bucket: int) -> None:
        """A request of a blueprint's agents in an older bucket than the newest."""
        fleet = route.fleet
        assert fleet is not None
        if token_rate.insert(fleet.rates, bucket, self.settings.blueprint_rates.floors):
            self._look(self.fleet_rates, fleet.rates, route, event, bucket, fleet=True)

    def _tell_spike(self, route: Route, event: SignIn, spike: Spike, *, fleet: bool) -> None:
        whose = route.fleet if fleet and route.fleet is not None else route.identity
        key = Key("blueprint", whose.id) if whose is route.fleet else key_of(route.identity)
        period = f"six-hours:{spike.start - spike.start % SIX_HOURS}"
        limit = (self.settings.blueprint_rates if fleet else self.settings.agent_rates).p_value
        occasion = self.saying.graded(period, spike.p_value, limit, _GROWTH, part=spike.span, extreme=_EXTREME)
        own: dict[str, Fact] = {"busiest_agent": spike.busiest} if fleet else {}
        self.saying.tell_of(route, signal_of(spike, event, key, occasion, whose.first_seen, own, fleet=fleet))
