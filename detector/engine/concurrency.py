"""Concurrency: one identity that gets tokens from two places in turns."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from detector.detectors.concurrent_use import ConcurrentUse
from detector.domain.signals import Fact, Signal
from detector.engine.novelties import who
from detector.engine.routing import Route, key_of
from detector.features import presence
from detector.features.apis import Apis, is_newborn
from detector.features.memory import watched_since
from detector.features.networks import Networks
from detector.features.presence import News, Presence, Turns
from detector.features.timeline import STEP, horizons

if TYPE_CHECKING:
    from detector.domain.events import SignIn
    from detector.engine.journal import Journal
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State

_MAX_PRESENCES: Final = 20_000
"""Identities of a tenant that are watched at a time."""


class Concurrency:
    """Watches identities that came from a new place."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying, journal: Journal) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        self.journal = journal
        self.horizon = horizons(settings.lateness)[1]
        self.apis = Apis(settings.apis, self.horizon)
        self.networks = Networks(self.horizon)
        asked = [each.min_seen for each in settings.detectors if isinstance(each, ConcurrentUse)]
        self.least_seen = min(asked, default=inf)
        """Active hours below which nobody listens: everything is new to a newborn."""

    def place(self, route: Route, event: SignIn, hour: int) -> None:
        """A token was granted to an address; see `detector.engine.novelties.LookAtPlace`."""
        identity, origin = route.identity, event.origin
        if is_newborn(identity.apis, self.least_seen):
            return
        level = presence.new_level(identity.networks, origin, hour, self.horizon)
        if level is None:
            return
        seen, _ = self.apis.experience(identity.apis, hour)
        if seen < self.least_seen:
            return
        p_value, kinds = self.networks.chance(identity.networks, level, hour, seen)
        fleet = route.fleet
        siblings_know = fleet is not None and presence.new_level(fleet.networks, origin, hour, self.horizon) is None
        self._watch(
            route,
            event.access.tenant_id,
            News(hour, origin.asn or 0, origin.country or "", p_value, seen, kinds, siblings_know),
        )

    def _watch(self, route: Route, tenant_id: str, news: News) -> None:
        identity, kept = route.identity, self.state.tenants[tenant_id].presences
        memory = kept.get(identity.id)
        if memory is None:
            if len(kept) >= _MAX_PRESENCES:
                self.state.counters["presences_dropped"] += 1
                return
            memory = kept[identity.id] = Presence()
        if presence.watch(memory, news, self.settings.lateness):
            identity.watched = watched_since(self.state.tenants[tenant_id], identity.id, identity.blueprint_id)
            identity.rates.armed = min(identity.rates.armed, identity.watched)
            self.journal.touch("presence", tenant_id, identity.id)
            self.journal.touch("identity", tenant_id, identity.id)

    def granted(self, route: Route, event: SignIn) -> None:
        """A token was granted to an identity that is watched, for this or another cause."""
        tenant_id, identity = event.access.tenant_id, route.identity
        memory = self.state.tenants[tenant_id].presences.get(identity.id)
        if memory is None or not presence.see(memory, event.time, event.origin, self.settings.lateness):
            return
        self.journal.touch("presence", tenant_id, identity.id)
        for found in presence.turns(memory, self.settings.lateness):
            self._tell(route, event, found)

    def _tell(self, route: Route, event: SignIn, found: Turns) -> None:
        news, new, other = found
        start, end = presence.window(news.hour, self.settings.lateness)
        facts: dict[str, Fact] = {
            **who(route),
            "place": _named(new.asn, new.country),
            "address": new.address or None,
            "other_place": _named(other.asn, other.country),
            "other_address": other.address or None,
            "kinds": news.kinds,
            "known_to_siblings": news.siblings_know,
        }
        self.saying.tell_of(
            route,
            Signal(
                kind="concurrency",
                key=key_of(route.identity),
                time=event.time,
                window=(float(start * STEP), float(end * STEP)),
                occasion=f"place:{news.asn}:{news.country}",
                value=2,
                usual=1,
                unit="places at once",
                p_value=news.p_value,
                seen=news.seen,
                event=event,
                facts={name: fact for name, fact in facts.items() if fact is not None},
                first_seen=min(new.first, other.first),
                last_seen=max(new.last, other.last, event.time),
            ),
        )

    def tick(self, watermark: float) -> None:
        """Ends watches that nothing can arrive for any more."""
        limit = watermark - self.settings.lateness
        for tenant_id, tenant in self.state.tenants.items():
            for identifier in [each for each, memory in tenant.presences.items() if memory.until < limit]:
                del tenant.presences[identifier]
                self.journal.forget("presence", tenant_id, identifier)
                identity = tenant.identities.get(identifier)
                if identity is not None:
                    identity.watched = watched_since(tenant, identifier, identity.blueprint_id)
                    self.journal.touch("identity", tenant_id, identifier)


def _named(asn: int, country: str) -> str:
    """A place in words: `AS64496 in SE`."""
    system = f"AS{asn}" if asn else "an unknown system"
    return f"{system} in {country}" if country else system
