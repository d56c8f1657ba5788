"""Novelties: the first token for an API, the first from a network, many APIs in one hour."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from detector.domain.events import Access, Origin, SignIn
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal
from detector.engine.routing import Route, key_of
from detector.features import fleet as fleets
from detector.features import token_rate
from detector.features.apis import Apis, also, is_newborn
from detector.features.known import DAILY, chance_of_new, is_known, kinds_known, meet, observe, settled_until
from detector.features.memory import FleetMemory
from detector.features.networks import Level, Networks, Places, places
from detector.features.timeline import HOUR, NEVER, SIX_HOURS, Horizon, horizons

if TYPE_CHECKING:
    from detector.engine.casebook import Casebook
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings

MAX_ORIGINS: Final = 64
"""Origins that a route remembers to have dealt with in the hour; more are dealt with again."""

_MAX_PLACES: Final = 50_000

FIRSTS_SEEN: Final = 8.0
"""Active hours from which on something never seen before is worth an entry in a ledger. More than an identity can have
whose novelties are not looked at at all because it is young: that is so until its hours are folded for the first time,
and when exactly they are depends on the order of arrival."""


def who(route: Route) -> dict[str, Fact]:
    """The identity behind a signal, for explanations: the key may be its blueprint."""
    identity = route.identity
    return {"agent_id": identity.id, "agent_name": identity.name or identity.id}


def _network_of(origin: Origin, level: Level) -> str:
    """The name of the network that an origin lies in at a level."""
    return {"prefix": origin.prefix or "", "asn": f"AS{origin.asn}", "country": origin.country or ""}[level]


_LISTENED: Final = {"api_novelty", "api_spread", "network_novelty"}


def least_experience(settings: EngineSettings) -> float:
    """Active hours below which nobody listens to a novelty: everything is new to a newborn."""
    asked = [getattr(detector, "min_seen", 0.0) for detector in settings.detectors if _LISTENED & set(detector.reads)]
    return float(min(asked, default=0.0))


LookAtAccess = Callable[[Route, SignIn, int], int]
"""Told the first granted token of an access in an hour; returns the hour before which it need not be told again."""
LookAtPlace = Callable[[Route, SignIn, int], None]
"""Told the first granted token from an address in an hour, unless its network was dealt with in the last day."""


def is_plain(access: Access) -> bool:
    """Whether somebody asked who is an agent of a blueprint, and not an agent's user account."""
    return access.role == "agent" and access.subject_role != "agent_user" and access.blueprint_id is not None


def with_siblings(route: Route, hour: int, horizon: Horizon) -> tuple[FleetMemory | None, float]:
    """(the blueprint, its active agent-hours) when the identity has siblings to be compared with.

    It has when its blueprint had more active agent-hours than its own: a question of final hours only.
    """
    fleet = route.fleet
    if fleet is None:
        return None, 0.0
    seen = fleets.priors(fleet.hours, fleet.rates, hour, horizon)[0].seen
    own = token_rate.baseline(route.rates, 1, hour, horizon)[0] if route.fleet_rates is not None else 0.0
    return (fleet, seen) if seen > own + 0.01 else (None, 0.0)


class Novelties:
    """What granted tokens show that was never seen before."""

    def __init__(self, settings: EngineSettings, saying: Saying, casebook: Casebook) -> None:
        self.settings = settings
        self.saying = saying
        self.casebook = casebook
        self.on_access: list[LookAtAccess] = []
        self.on_plain_access: list[LookAtAccess] = []
        """Those of `on_access` who care for plain accesses as well (see `is_plain`): nearly all are."""
        self.on_place: list[LookAtPlace] = []
        self.horizon = horizons(settings.lateness)[1]
        self.apis = Apis(settings.apis, self.horizon)
        self.networks = Networks(self.horizon)
        self.places: dict[Origin, Places] = {}
        self._shared: dict[Places, Places] = {}
        """One object for each place, which many origins have."""
        self.places_heard_from = 0.0
        """Active hours below which nobody of `on_place` listens."""
        self.least_seen = least_experience(settings)
        self.young_below = 2 * self.least_seen
        """Length of `ApiMemory.closed` (two entries an hour) below which an identity is too young to be heard."""

    def listen(self, *looks: LookAtAccess, plain: bool = True) -> None:
        """Adds listeners to accesses, behind those there are; `plain` when they care for plain ones."""
        self.on_access += looks
        if plain:
            self.on_plain_access += looks

    def observe(self, route: Route, event: SignIn, hour: int) -> None:
        """A granted token whose resource or origin was not dealt with yet in the hour, or not by this route."""
        recent, origin, apis = route.recent, event.origin, route.identity.apis
        if hour > apis.hour:
            self.apis.open(apis, hour)
        young = not apis.exposure and len(apis.closed) < self.young_below
        if hour != route.hour:
            self._access(route, event, hour, young=young)
        if hour > recent.hour:
            recent.hour = hour
            if hour < recent.until and young is recent.young:
                recent.origins = set(recent.origins)  # that of a route which is in an older hour stays as it is
            else:
                recent.origins, recent.until, recent.young = set(), NEVER, young
        if hour == recent.hour:
            route.origins = recent.origins
            if origin not in recent.origins:
                self._look(route, event, hour, young=young)
            return
        if hour == route.hour:
            route.origins = set()
        for look in self.on_place:
            look(route, event, hour)
        self._see(route, event, self.places.get(origin) or self.place(origin), hour, young=young)

    def _access(self, route: Route, event: SignIn, hour: int, *, young: bool) -> None:
        """The first granted token of an access in an hour."""
        access, identity = event.access, route.identity
        if not route.hour < hour < route.habits_until:  # an older hour may make what is known older
            until = NEVER
            for look in self.on_plain_access if is_plain(access) else self.on_access:
                settled = look(route, event, hour)
                if settled < until:  # noqa: PLR1730 - half the cost of min()
                    until = settled
            route.habits_until = until
        if hour > identity.named or access.agent_name != identity.name or access.role == "blueprint":
            route.name(access, hour)
        if access.resource_id is not None:
            self.use(route, event, access.resource_id, hour, young=young)
        if hour > route.hour:  # noqa: PLR1730 - half the cost of max()
            route.hour = hour

    def _look(self, route: Route, event: SignIn, hour: int, *, young: bool) -> None:
        """An origin not dealt with yet in the newest hour: most often another address of a network that was."""
        recent, origin = route.recent, event.origin
        origins = recent.origins
        where = self.places.get(origin) or self.place(origin)
        if not is_newborn(route.identity.apis, self.places_heard_from):
            for look in self.on_place:
                look(route, event, hour)
        if where not in origins:
            until = self._see(route, event, where, hour, young=young)
            recent.until = min(recent.until, until)
        if len(origins) < MAX_ORIGINS:
            origins.update((where, origin))
        else:
            recent.until = hour

    def use(self, route: Route, event: SignIn, resource: str, hour: int, *, young: bool) -> None:
        """The first use of a resource by a route in `hour`."""
        apis, apart = route.identity.apis, self.settings.apis
        used = apis.used if hour == apis.hour else self.apis.used_in(apis, hour)
        settled = route.hour < hour < route.until and young is route.young and hour == apis.hour
        if not young and not (settled and len(used) < apart.spread_floor - 1):
            route.until = self._seen_resource(route, event, resource, hour)
        else:
            if resource not in used and len(used) < apart.capacity:
                self.apis.use(apis, hour, also(used, resource))
            if settled:
                return
            route.until = self._young_resource(route, resource, hour)
        route.young = young

    def _see(self, route: Route, event: SignIn, where: Places, hour: int, *, young: bool) -> int:
        """A token was granted to a place; the hour before which it need not be dealt with again."""
        networks, fleet = route.identity.networks, route.fleet
        if not young:
            return self.seen_place(route, event, where, hour)
        level, until = self.networks.meet(networks, where, hour)
        if level is not None and fleet is not None:
            until = min(until, self.networks.meet(fleet.networks, where, hour)[1])
        return until

    def _seen_resource(self, route: Route, event: SignIn, resource: str, hour: int) -> int:
        """Most often a known resource is merely seen again. A fresh one is judged every hour."""
        apis = route.identity.apis
        state = apis.values.get(resource, 0)
        used = apis.used
        if state <= 0 or hour != apis.hour or len(used) >= self.settings.apis.spread_floor - 1:
            self._resource(route, event, resource, hour)
            return hour
        if hour >= state + DAILY:
            state = apis.values[resource] = hour
        if resource not in used:
            apis.used = also(used, resource)
        return state + DAILY

    def _young_resource(self, route: Route, resource: str, hour: int) -> int:
        """The young are not heard, for everything is new to them; what they show is learned."""
        horizon, capacity, fleet = self.horizon, self.settings.apis.capacity, route.fleet
        state = meet(route.identity.apis.values, resource, hour, horizon, capacity)
        until = settled_until(state, hour, horizon)
        if fleet is not None and hour + state < horizon.lag:  # not known, so it is news to the blueprint as well
            state = meet(fleet.apis, resource, hour, horizon, capacity)
            until = min(until, settled_until(state, hour, horizon))
        return until

    def seen_place(self, route: Route, event: SignIn, where: Places, hour: int) -> int:
        """Most often a known network is merely seen again. A fresh one is judged every hour."""
        prefix = where[0]
        networks = route.identity.networks
        state = networks.get(prefix, 0) if prefix is not None else 0
        if state <= 0:
            self._network(route, event, where, hour)
            return hour
        if hour >= state + DAILY:
            state = networks[prefix] = hour  # type: ignore[index]
        return state + DAILY

    def place(self, origin: Origin) -> Places:
        """The networks that an origin not in `places` lies in."""
        if len(self.places) >= _MAX_PLACES:
            self.places.clear()
            self._shared.clear()
        where = places(origin)
        where = self.places[origin] = self._shared.setdefault(where, where)
        return where

    def _resource(self, route: Route, event: SignIn, resource: str, hour: int) -> None:
        identity = route.identity
        apis, fleet = identity.apis, route.fleet
        known = self.apis.observe(apis, resource, hour)
        if not known:
            # What an agent knows its blueprint knows too, so the blueprint need only be told what is fresh.
            capacity = self.settings.apis.capacity
            siblings_know = fleet is not None and observe(fleet.apis, resource, hour, self.horizon, capacity)
            self._new_api(route, event, hour, siblings_know=siblings_know)
            if self.apis.experience(apis, hour)[0] >= FIRSTS_SEEN:
                named, fresh = event.access.resource_name or "", not siblings_know
                self.casebook.first(route, "resource_used", resource, hour, event, name=named, fleet=fresh)
        if len(apis.used) >= self.settings.apis.spread_floor or hour != apis.hour:
            self._spread(route, event, hour, known=known)

    def _network(self, route: Route, event: SignIn, where: Places, hour: int) -> None:
        identity, fleet = route.identity, route.fleet
        level = self.networks.observe(identity.networks, where, hour)
        if level is not None:
            fleet_level = self.networks.observe(fleet.networks, where, hour) if fleet is not None else level
            self._new_network(route, event, hour, fleet_level or level, siblings_know=fleet_level is None)
            if self.apis.experience(identity.apis, hour)[0] >= FIRSTS_SEEN:
                self.casebook.first(route, "new_network", _network_of(event.origin, level), hour, event)

    def _new_api(self, route: Route, event: SignIn, hour: int, *, siblings_know: bool) -> None:
        identity, access = route.identity, event.access
        seen, _ = self.apis.experience(identity.apis, hour)
        if seen < self.least_seen:
            return
        novelty = self.apis.novelty(identity.apis, hour)
        fleet, fleet_seen = with_siblings(route, hour, self.horizon)
        p_value = novelty.p_value
        key = key_of(identity)
        elsewhere, others = self._elsewhere(route, access.tenant_id, access.resource_id or "", hour)
        if fleet is not None and not siblings_know:
            p_value *= chance_of_new(kinds_known(fleet.apis, hour, self.horizon), fleet_seen)
            key = Key("blueprint", fleet.id)
        self.saying.tell_of(
            route,
            Signal(
                kind="api_novelty",
                key=key,
                time=event.time,
                window=(event.time, event.time),
                occasion=f"resource:{access.resource_id}",
                value=1,
                usual=0,
                unit="new resources",
                p_value=p_value,
                seen=novelty.seen,
                event=event,
                facts={
                    **who(route),
                    "resource_id": access.resource_id,
                    "resource_name": access.resource_name or access.resource_id,
                    "kinds": novelty.kinds,
                    "known_to_siblings": fleet is not None and siblings_know,
                    "siblings": max(0, fleet.agents - 1) if fleet is not None else 0,
                    "used_elsewhere": elsewhere,
                    "blueprints_elsewhere": others,
                },
            ),
        )

    def _elsewhere(self, route: Route, tenant_id: str, resource: str, hour: int) -> tuple[int, int]:
        """(other blueprints of the tenant whose agents were known to use the resource, of how many)."""
        final = float((hour - self.horizon.lag) * HOUR)
        known = self.saying.state.tenants[tenant_id].fleets.values()
        others = [each for each in known if each is not route.fleet and each.first_seen < final]
        return sum(is_known(each.apis, resource, hour, self.horizon) for each in others), len(others)

    def _spread(self, route: Route, event: SignIn, hour: int, *, known: bool) -> None:
        identity = route.identity
        spread = self.apis.spread(identity.apis, hour, known=known)
        if spread is None:
            return
        self.saying.tell_of(
            route,
            Signal(
                kind="api_spread",
                key=key_of(identity),
                time=event.time,
                window=(float(hour * HOUR), float((hour + 1) * HOUR)),
                occasion=f"six-hours:{hour * HOUR // SIX_HOURS * SIX_HOURS}",
                value=spread.distinct,
                usual=spread.usual,
                unit="distinct resources",
                p_value=spread.p_value,
                seen=spread.seen,
                event=event,
                facts={**who(route), "unknown": spread.unknown},
                first_seen=float(hour * HOUR),
                last_seen=event.time,
            ),
        )

    def _new_network(self, route: Route, event: SignIn, hour: int, level: Level, *, siblings_know: bool) -> None:
        identity, origin = route.identity, event.origin
        seen, _ = self.apis.experience(identity.apis, hour)
        if seen < self.least_seen:
            return
        p_value, kinds = self.networks.chance(identity.networks, level, hour, seen)
        fleet, fleet_seen = with_siblings(route, hour, self.horizon)
        key = key_of(identity)
        if fleet is not None and not siblings_know:
            p_value *= self.networks.chance(fleet.networks, level, hour, fleet_seen)[0]
            key = Key("blueprint", fleet.id)
        network = _network_of(origin, level)
        self.saying.tell_of(
            route,
            Signal(
                kind="network_novelty",
                key=key,
                time=event.time,
                window=(event.time, event.time),
                occasion=f"{level}:{network}",
                value=1,
                usual=0,
                unit="new networks",
                p_value=p_value,
                seen=seen,
                event=event,
                facts={
                    **who(route),
                    "level": level,
                    "network": network,
                    "address": origin.ip,
                    "prefix": origin.prefix,
                    "asn": origin.asn,
                    "country": origin.country,
                    "kinds": kinds,
                    "known_to_siblings": fleet is not None and siblings_know,
                    "siblings": max(0, fleet.agents - 1) if fleet is not None else 0,
                },
            ),
        )
