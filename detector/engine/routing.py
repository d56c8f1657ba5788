"""To whose memory a sign-in belongs.

The answer is the same for every sign-in of one `Access`, so it is kept as a `Route`. Two kinds of memory hang on
it. *Counts* (rates, failures) change with every record. *Facts* (which APIs and networks a key has shown) change
only when something is seen for the first time in an hour, and judging them again within the hour gives the same
answer; so a route remembers which origins it has dealt with this hour, and the steady case skips them.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import nsmallest
from typing import TYPE_CHECKING, Final

from detector.domain.alerts import Subject
from detector.domain.events import Access, Origin
from detector.domain.keys import Key
from detector.features.apis import ApiMemory
from detector.features.fleet import FleetHours
from detector.features.memory import FleetMemory, IdentityMemory, TenantMemory
from detector.features.networks import NetworkMemory
from detector.features.timeline import HOUR, horizons
from detector.features.token_rate import RateMemory

if TYPE_CHECKING:
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State

_MAX_ROUTES: Final = 100_000


def _nobody_listens(_tenant_id: str, _time: float) -> None:
    """The listener of a router that stands alone."""


class Recent:
    """The origins of one identity that have been dealt with in its newest hour."""

    __slots__ = ("hour", "origins")

    def __init__(self) -> None:
        self.hour = -1
        self.origins: set[Origin] = set()


class Route:
    """Where the sign-ins of one `Access` go. A cache, not memory."""

    __slots__ = ("failed", "fleet", "fleet_rates", "hour", "identity", "origins", "rates", "recent")

    def __init__(
        self, access: Access, identity: IdentityMemory, fleet: FleetMemory | None, *, counts: bool, recent: Recent
    ) -> None:
        self.failed = access.error_code != 0
        self.identity = identity
        self.rates = identity.rates
        self.fleet = fleet
        self.fleet_rates = fleet.rates if fleet is not None and counts else None
        """`None` for a blueprint's own principal, whose requests are not its agents'."""
        self.hour = -1
        """Newest hour in which the resource was dealt with."""
        self.origins = recent.origins
        """The origins dealt with in `hour`."""
        self.recent = recent


class Router:
    """Finds and makes the memory that sign-ins belong to."""

    def __init__(self, settings: EngineSettings, state: State) -> None:
        self.settings = settings
        self.state = state
        self.lag = horizons(settings.lateness)[1].lag
        self.routes: dict[Access, Route] = {}
        self.recents: dict[tuple[str, str], Recent] = {}
        """By tenant and identity: an application may be at work in several tenants."""
        self.unwatched: dict[Access, int] = {}
        """Accesses that nobody watches, and the hour that was found in: an identity may be learned later."""
        self.on_learned: Callable[[str, float], None] = _nobody_listens
        """Told (tenant id, event time) when a sign-in showed who somebody is."""

    def route(self, access: Access, time: float, hour: int) -> Route | None:
        """The route of an access that has none yet; `None` when nobody watches its identity in this hour."""
        if self.unwatched.get(access) == hour:
            return None
        tenant = self.state.tenants.get(access.tenant_id)
        if tenant is None:
            tenant = self.state.tenants[access.tenant_id] = TenantMemory()
        if not self._watched(access, tenant, hour):
            if len(self.unwatched) >= _MAX_ROUTES:
                self.unwatched.clear()
            self.unwatched[access] = hour
            return None
        if len(self.routes) >= _MAX_ROUTES:
            self._clear()
        route = self.routes[access] = self._watched_route(access, tenant, time)
        return route

    def _watched(self, access: Access, tenant: TenantMemory, hour: int) -> bool:
        settings = self.settings
        chosen = settings.identities
        if chosen and (access.agent_id in chosen or access.service_principal_id in chosen):
            return True
        if settings.scope == "chosen":
            return False
        if access.role != "none" or access.subject_role != "none" or access.blueprint_id is not None:
            return True
        if settings.scope == "workloads" and access.kind in {"service_principal", "managed_identity"}:
            return True
        learned = tenant.identities.get(access.agent_id)
        return learned is not None and int(learned.first_seen) // HOUR <= hour - self.lag

    def _watched_route(self, access: Access, tenant: TenantMemory, time: float) -> Route:
        is_blueprint = access.role == "blueprint"
        blueprint_id = access.agent_id if is_blueprint else access.blueprint_id
        identity = tenant.identities.get(access.agent_id)
        new = identity is None
        if identity is None:
            if len(tenant.identities) >= self.settings.max_identities:
                self._forget_some(tenant)
            identity = tenant.identities[access.agent_id] = IdentityMemory(
                kind="blueprint" if is_blueprint else "agent",
                id=access.agent_id,
                name=access.agent_name,
                blueprint_id=None if is_blueprint else blueprint_id,
                first_seen=time,
                rates=RateMemory(),
                apis=ApiMemory(),
                networks=NetworkMemory(),
            )
        learned = new or time < identity.first_seen
        identity.first_seen = min(identity.first_seen, time)
        if access.agent_name is not None:
            identity.name = access.agent_name
        if identity.blueprint_id is None and not is_blueprint:
            identity.blueprint_id = blueprint_id
        blueprint_id = blueprint_id or identity.blueprint_id
        fleet: FleetMemory | None = None
        if blueprint_id is not None:
            fleet = tenant.fleets.get(blueprint_id)
            if fleet is None:
                fleet = tenant.fleets[blueprint_id] = FleetMemory(
                    id=blueprint_id,
                    name=None,
                    rates=RateMemory(),
                    hours=FleetHours(),
                    apis={},
                    networks=NetworkMemory(),
                )
            if is_blueprint and access.agent_name is not None:
                fleet.name = access.agent_name
            if new and not is_blueprint:
                fleet.agents += 1
        object_id = access.service_principal_id
        if object_id is not None and object_id != access.agent_id and tenant.aliases.get(object_id) != access.agent_id:
            tenant.aliases[object_id] = access.agent_id
            learned = True
        if learned:
            self.on_learned(access.tenant_id, time)
        recent = self.recents.get((access.tenant_id, identity.id))
        if recent is None:
            recent = self.recents[access.tenant_id, identity.id] = Recent()
        return Route(access, identity, fleet, counts=not is_blueprint, recent=recent)

    def _forget_some(self, tenant: TenantMemory) -> None:
        """Makes room for newcomers: one in twenty goes, the least experienced and longest silent first."""

        def worth(identity: IdentityMemory) -> tuple[bool, int, str]:
            return bool(identity.rates.base[3]), identity.rates.bucket, identity.id

        number = len(tenant.identities) // 20 + 1
        for identity in nsmallest(number, tenant.identities.values(), key=worth):
            del tenant.identities[identity.id]
        if len(tenant.aliases) >= self.settings.max_identities:
            for alias in [alias for alias, owner in tenant.aliases.items() if owner not in tenant.identities]:
                del tenant.aliases[alias]
        self.state.counters["evicted_identities"] += number
        self._clear()

    def _clear(self) -> None:
        self.routes.clear()
        self.recents.clear()


def key_of(identity: IdentityMemory) -> Key:
    """The key of an identity's memory."""
    return Key("blueprint" if identity.kind == "blueprint" else "agent", identity.id)


def subject_of(key: Key, tenant_id: str, identity: IdentityMemory | None, fleet: FleetMemory | None) -> Subject:
    """Whom an alert on `key` is about, with the names that memory holds."""
    name: str | None = None
    if fleet is not None and key.id == fleet.id:
        name = fleet.name
    if name is None and identity is not None and key.id == identity.id:
        name = identity.name
    blueprint = fleet.id if fleet is not None and key.kind != "blueprint" else None
    return Subject(
        kind=key.kind,
        id=key.id,
        name=name,
        blueprint=blueprint,
        blueprint_name=fleet.name if fleet is not None and blueprint is not None else None,
        tenant=tenant_id,
    )
