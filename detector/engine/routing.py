"""To whose memory a sign-in belongs.

The answer is the same for every sign-in of one `Access`, so it is kept as a `Route`. Two kinds of memory hang on
it. *Counts* (rates, failures) change with every record. *Facts* (which APIs and networks a key has shown) change
only when something is seen for the first time in an hour, and judging them again within the hour gives the same
answer; so a route remembers which origins it has dealt with this hour, and the steady case skips them.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import nsmallest
from math import inf
from typing import TYPE_CHECKING, Final

from msgspec.structs import force_setattr

from detector.domain.alerts import Entity, Subject
from detector.domain.events import Access, Origin, SignIn
from detector.domain.keys import Key
from detector.engine.children import Children
from detector.features.apis import ApiMemory
from detector.features.fleet import FleetHours
from detector.features.memory import FleetMemory, IdentityMemory, latest_name, teach, watched_since
from detector.features.networks import Places
from detector.features.timeline import HOUR, STEP, horizons, start_of
from detector.features.token_rate import RateMemory, is_experienced

if TYPE_CHECKING:
    from detector.engine.journal import Journal
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import TenantMemory

_MAX_ROUTES: Final = 100_000


def _nobody_listens(_tenant_id: str) -> None:
    """The listener of a router that stands alone."""


class Recent:
    """What the routes of one identity share: where they lead, and the origins that need no look in its newest hour."""

    __slots__ = ("fleet", "hour", "identity", "origins", "until", "young")

    def __init__(self, identity: IdentityMemory, fleet: FleetMemory | None) -> None:
        self.identity = identity
        self.fleet = fleet
        self.hour = -1
        self.origins: set[Origin | Places] = set()
        """And the places (see `networks`) that they belong to."""
        self.until = -1
        """The hour in which they must all be dealt with again."""
        self.young = True
        """Whether that holds of an identity that is too young to be heard, or of one that is not."""


class Route:
    """Where the sign-ins of one `Access` go: kept on it (`Access.route`). A cache, not memory."""

    __slots__ = (
        "epoch",
        "failed",
        "fleet",
        "fleet_rates",
        "habits_until",
        "hour",
        "identity",
        "origins",
        "rates",
        "recent",
        "until",
        "young",
    )

    def __init__(self, access: Access, recent: Recent, epoch: object) -> None:
        identity, fleet = recent.identity, recent.fleet
        self.epoch = epoch
        """Routes of another router, or from before it had to forget some, are of no use; see `Router.epoch`."""
        self.failed = access.error_code != 0
        self.identity = identity
        self.rates = identity.rates
        self.fleet = fleet
        self.fleet_rates = fleet.rates if fleet is not None and access.role != "blueprint" else None
        """`None` for a blueprint's own principal, whose requests are not its agents'."""
        self.hour = -1
        """Newest hour in which the resource was dealt with."""
        self.origins = recent.origins
        """The origins that need no look in `hour`."""
        self.until = -1
        """The hour before which the resource, seen again, changes no memory but that it was used."""
        self.young = True
        """See `Recent.young`."""
        self.habits_until = -1
        """The hour before which what the access shows of habits needs no look."""
        self.recent = recent

    def name(self, access: Access, hour: int) -> None:
        """Takes over what a record of `hour` calls the identity, and the blueprint if that is who it is."""
        identity, name = self.identity, access.agent_name
        if name is not None and (hour > identity.named or (hour == identity.named and name != identity.name)):
            latest_name(identity, name, hour)
        if access.role == "blueprint" and self.fleet is not None:
            latest_name(self.fleet, name, hour)


class Router:
    """Finds and makes the memory that sign-ins belong to."""

    def __init__(self, settings: EngineSettings, state: State, journal: Journal) -> None:
        self.settings = settings
        self.state = state
        self.journal = journal
        self.horizon = horizons(settings.lateness)[1]
        self.epoch = object()
        """Changes when memory goes that routes may lead to."""
        self.made = 0
        """Routes made since."""
        self.recents: dict[tuple[str, str, str | None], Recent] = {}
        """By tenant, identity and blueprint: an application may be at work in several tenants."""
        self.children = Children(state)
        """Which agents each blueprint has."""
        self.unwatched: dict[Access, int] = {}
        """Accesses that nobody watches, and the hour that was found in: an identity may be learned later."""
        self.on_learned: Callable[[str], None] = _nobody_listens
        """Told the tenant id when a sign-in showed who somebody is, or that it was so earlier than known."""

    def route(self, access: Access, time: float, hour: int) -> Route | None:
        """The route of an access that has none yet; `None` when nobody watches its identity in this hour.

        Nor is one of a tenant too many watched.
        """
        if self.unwatched and self.unwatched.get(access) == hour:  # most often there are none, and it is a long hash
            return None
        tenant = self.state.tenant(access.tenant_id)
        if tenant is None:
            return None
        since = self._watched_since(access, tenant)
        if hour < since:
            if len(self.unwatched) >= _MAX_ROUTES:
                self.unwatched.clear()
            self.unwatched[access] = hour
            return None
        if self.made >= _MAX_ROUTES:
            self._clear()
        route = self._watched_route(access, tenant, time)
        if hour - self.horizon.keep >= since:  # otherwise a record of an hour before `since` may still come
            self.made += 1
            force_setattr(access, "route", route)
        return route

    def _watched_since(self, access: Access, tenant: TenantMemory) -> float:
        """The hour from which on such sign-ins are watched: always, never, or once the id is known as an agent's.

        In the last case the hour in which it became known must be final.
        """
        if self._watched_itself(access):
            return -inf
        if self.settings.scope == "chosen":
            return inf
        if access.subject_role != "none":
            return -inf
        learned = tenant.identities.get(access.agent_id)
        if learned is None or learned.lent:
            return inf
        return int(learned.first_seen) // HOUR + self.horizon.lag

    def _watched_itself(self, access: Access) -> bool:
        """Whether the caller is watched whoever its user is: it was chosen, or is within the scope."""
        scope, chosen = self.settings.scope, self.settings.identities
        if scope != "chosen" and (access.role != "none" or access.blueprint_id is not None):
            return True  # most often
        if access.agent_id in chosen or access.service_principal_id in chosen:
            return True
        return scope == "workloads" and access.kind in {"service_principal", "managed_identity"}

    def _lends(self, access: Access) -> bool:
        """Whether the caller is watched in this sign-in for the sake of its user alone, who is an agent's."""
        return access.subject_role != "none" and not self._watched_itself(access)

    def _watched_route(self, access: Access, tenant: TenantMemory, time: float) -> Route:
        is_blueprint = access.role == "blueprint"
        shared_by = (access.tenant_id, access.agent_id, access.agent_id if is_blueprint else access.blueprint_id)
        recent = self.recents.get(shared_by)
        if recent is None:
            recent = self._met(access, tenant, time)
            self.recents[shared_by] = recent
        else:
            self._take_in(access, recent.identity, recent.fleet, time)
        return Route(access, recent, self.epoch)

    def _met(self, access: Access, tenant: TenantMemory, time: float) -> Recent:
        """The memory of an identity with its blueprint, made where there is none."""
        is_blueprint = access.role == "blueprint"
        blueprint_id = access.agent_id if is_blueprint else access.blueprint_id
        identity = tenant.identities.get(access.agent_id)
        since, hour = start_of(int(time) // STEP), int(time) // HOUR
        new = identity is None
        if identity is None:
            if len(tenant.identities) >= self.settings.max_identities:
                self._forget_some(access.tenant_id, tenant)
            identity = tenant.identities[access.agent_id] = IdentityMemory(
                kind="blueprint" if is_blueprint else "agent",
                id=access.agent_id,
                name=access.agent_name,
                blueprint_id=None if is_blueprint else blueprint_id,
                first_seen=since,
                rates=RateMemory(),
                apis=ApiMemory(),
                networks={},
                named=hour,
                lent=self._lends(access),
            )
            self.children.met(access.tenant_id, identity)
        elif identity.blueprint_id is None and blueprint_id is not None and not is_blueprint:
            identity.blueprint_id = blueprint_id
            self.children.met(access.tenant_id, identity)
        fleet: FleetMemory | None = None
        if blueprint_id is not None:
            fleet = tenant.fleets.get(blueprint_id) or self._new_fleet(access.tenant_id, tenant, blueprint_id, since)
            if new and not is_blueprint:
                fleet.agents += 1
        if new and tenant.ledgers:
            identity.watched = identity.rates.armed = watched_since(tenant, identity.id, blueprint_id)
        if self._learn_earlier(access, identity, fleet, since, news=new):
            self.on_learned(access.tenant_id)
        return Recent(identity, fleet)

    def _new_fleet(self, tenant_id: str, tenant: TenantMemory, blueprint_id: str, since: float) -> FleetMemory:
        fleets = tenant.fleets
        if len(fleets) >= self.settings.max_identities:
            number = len(fleets) // 20 + 1
            for old in nsmallest(number, fleets.values(), key=lambda old: _worth(old.rates, old.id)):
                del fleets[old.id]
                self.journal.forget("fleet", tenant_id, old.id)
            self.state.counters["evicted_blueprints"] += number
            self._clear()
        fleet = fleets[blueprint_id] = FleetMemory(
            id=blueprint_id,
            name=None,
            first_seen=since,
            rates=RateMemory(),
            hours=FleetHours(),
            apis={},
            networks={},
        )
        return fleet

    def learn_earlier(self, route: Route, event: SignIn) -> None:
        """A record that arrived in disorder may show that something was so earlier than known."""
        self._take_in(event.access, route.identity, route.fleet, event.time)

    def _take_in(self, access: Access, identity: IdentityMemory, fleet: FleetMemory | None, time: float) -> None:
        """Takes in who a record of `time` shows somebody to be; most often that is known."""
        since = start_of(int(time) // STEP)
        own = access.service_principal_id is None or access.service_principal_id == access.agent_id
        if own and not identity.lent and since >= identity.first_seen and (fleet is None or since >= fleet.first_seen):
            return
        if self._learn_earlier(access, identity, fleet, since, news=False):
            self.on_learned(access.tenant_id)

    def _learn_earlier(
        self, access: Access, identity: IdentityMemory, fleet: FleetMemory | None, since: float, *, news: bool
    ) -> bool:
        """Takes in who a record of the bucket at `since` shows somebody to be; whether there are news."""
        lends = self._lends(access)
        if identity.lent and not lends:
            # Nothing that was seen of the client counts for the agent that it turns out to be.
            identity.lent, identity.first_seen = False, since
            news = True
        elif since < identity.first_seen and lends == identity.lent:
            identity.first_seen = since
            news = True
        if fleet is not None and since < fleet.first_seen:
            fleet.first_seen = since
            news = True
        object_id = access.service_principal_id
        if object_id is not None and object_id != access.agent_id:
            aliases = self.state.tenants[access.tenant_id].aliases
            news |= teach(aliases, object_id, access.agent_id, since, 2 * self.settings.max_identities)
        return news

    def _forget_some(self, tenant_id: str, tenant: TenantMemory) -> None:
        """Makes room for newcomers: one in twenty goes, the least experienced and longest silent first."""
        number = len(tenant.identities) // 20 + 1
        gone = [
            old.id for old in nsmallest(number, tenant.identities.values(), key=lambda old: _worth(old.rates, old.id))
        ]
        for identifier in gone:
            self.children.forgotten(tenant_id, tenant.identities.pop(identifier))
            self.journal.forget("identity", tenant_id, identifier)
        for failing in self.state.failing.values():
            failing.difference_update((tenant_id, identifier) for identifier in gone)
        if len(tenant.aliases) >= self.settings.max_identities:
            kept = tenant.identities
            for object_id in [each for each, alias in tenant.aliases.items() if alias.owner not in kept]:
                del tenant.aliases[object_id]
                self.journal.forget("alias", tenant_id, object_id)
        self.state.counters["evicted_identities"] += number
        self._clear()

    def _clear(self) -> None:
        self.epoch = object()
        self.made = 0
        self.recents.clear()


def _worth(rates: RateMemory, identifier: str) -> tuple[bool, int, str]:
    """The order in which memories are given up."""
    return is_experienced(rates), rates.bucket, identifier


def key_of(identity: IdentityMemory) -> Key:
    """The key of an identity's memory."""
    return Key("blueprint" if identity.kind == "blueprint" else "agent", identity.id)


def blueprint_of(fleet: FleetMemory | None) -> tuple[Entity, ...]:
    """The blueprint that an alert concerns besides its subject, as far as it is known."""
    return (Entity("blueprint", fleet.id, fleet.name),) if fleet is not None else ()


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
