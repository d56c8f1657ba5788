"""Benign life: the tenant and its plan as drafts of records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

from detector.runtime.simulation.audits import Actor
from detector.runtime.simulation.catalogue import EVERYDAY_PERMISSIONS, TRANSIENT_ERRORS
from detector.runtime.simulation.chance import burstiness, pick, stream
from detector.runtime.simulation.changes import ChangeDesk, by_platform, by_user
from detector.runtime.simulation.clock import DAY, HOUR, MINUTE, SECOND
from detector.runtime.simulation.deploying import planned_changes
from detector.runtime.simulation.networks import Origin
from detector.runtime.simulation.plan import Plan
from detector.runtime.simulation.records import (
    Caller,
    Desk,
    Draft,
    agent_caller,
    application_caller,
    blueprint_caller,
    credential_of,
)
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.tenant import Agent, Blueprint, Key, Resource, Tenant, User, interactive
from detector.runtime.simulation.traffic import Bursts, Factor, bursty, renewals, scheduled, week_shape

_EXCHANGE_LIFE: Final = 55 * MINUTE
"""How long an agent goes on with one exchange token."""
_RETRIES: Final = 3
_WANDERED: Final = 0.1
"""Weight of a resource that an agent took up by itself, against 1 of its main one."""


def benign_drafts(settings: SimulationSettings, tenant: Tenant, plan: Plan) -> list[Draft]:
    """Draft everything that happens without an attacker."""
    drafts: list[Draft] = []
    for agent in plan.agents(tenant):
        drafts += _Life(settings, tenant, plan, agent).drafts()
    for blueprint in tenant.blueprints:
        drafts += _managed_identity(settings, tenant, blueprint)
    drafts += _other_sign_ins(settings, tenant)
    drafts += planned_changes(settings, tenant, plan)
    drafts += _everyday_changes(settings, tenant)
    return [draft for draft in drafts if settings.start_ticks <= draft.ticks < settings.end_ticks]


@dataclass(frozen=True, slots=True)
class _Request:
    """One kind of request of an agent."""

    caller: Caller
    user: User | None


class _Life:
    """The sign-ins of one agent, and of its blueprint on its behalf."""

    def __init__(self, settings: SimulationSettings, tenant: Tenant, plan: Plan, agent: Agent) -> None:
        self._settings, self._plan, self._agent = settings, plan.of(agent.blueprint), agent
        self._blueprint = agent.blueprint
        self._exchange: Resource = tenant.exchange
        self._rng = stream(settings.seed, "life", agent.number)
        self._desk = Desk(stream(settings.seed, "life ids", agent.number))
        self._until = plan.end_of(agent)
        self._as_blueprint = blueprint_caller(agent.blueprint)
        self._requests = _requests(agent)
        self._exchanged = -DAY
        self._wanders = _wanders(settings, tenant, agent)
        self._flaky: tuple[int, float] = (-1, 1.0)
        self._drafts: list[Draft] = []

    def drafts(self) -> list[Draft]:
        for moment in self._arrivals():
            self._acquire(moment)
        return self._drafts

    def _arrivals(self) -> list[int]:
        agent, start = self._agent, self._agent.active_from
        daily = self._settings.mean_requests_per_agent_day * agent.weight
        traits = self._settings.traits
        shape = week_shape(self._blueprint.rhythm, self._blueprint.timezone, traits)
        bursts = Bursts(agent.burst, traits.flicker, traits.sessions)
        factor = _factor(self._plan, self._blueprint)
        if self._blueprint.rhythm == "cron":
            runs = scheduled(self._rng, start, self._until, daily, traits.jitter, factor)
            seconds = [run + SECOND for run in runs if self._rng.random() < 0.5]
            return sorted(runs + seconds)
        if self._blueprint.rhythm == "service":
            steady = renewals(self._rng, start, self._until, daily / 2)
            rest = max(0.0, daily - len(steady) * DAY / max(DAY, self._until - start))
            return sorted(steady + bursty(self._rng, start, self._until, rest, shape, bursts, factor))
        return bursty(self._rng, start, self._until, daily, shape, bursts, factor)

    def _acquire(self, moment: int) -> None:
        """Ask for a token, by way of a fresh exchange token where the last one is used up; retry on failure."""
        rng, origin = self._rng, self._origin(moment)
        if moment - self._exchanged > _EXCHANGE_LIFE:
            self._exchanged = moment
            self._exchange_token(moment, origin)
        request = self._requests[rng.randrange(len(self._requests))]
        resource = pick(rng, *self._resources(moment))
        for attempt in range(1 + _RETRIES):
            error = self._error(moment)
            sign_in = self._desk.sign_in(moment, request.caller, resource, origin, error=error, user=request.user)
            self._drafts.append(sign_in)
            if not error:
                return
            moment += int(rng.uniform(0.5, 1.5) * 4**attempt * SECOND)

    def _exchange_token(self, moment: int, origin: Origin) -> None:
        key = self._plan.key_of(self._blueprint, moment)
        credential = credential_of(self._blueprint, key)
        earlier = moment - self._rng.randrange(SECOND // 5, 2 * SECOND)
        self._drafts.append(
            self._desk.sign_in(earlier, self._as_blueprint, self._exchange, origin, credential=credential)
        )

    def _error(self, moment: int) -> int:
        rng = self._rng
        for outage in self._plan.outages:
            if outage.start <= moment < outage.end and self._blueprint in outage.blueprints:
                return rng.choice(TRANSIENT_ERRORS) if rng.random() < outage.share else 0
        if rng.random() < self._blueprint.failure_rate * self._flakiness(moment):
            return pick(rng, self._blueprint.failure_codes, [4.0, 2.0, 1.0, 0.5][: len(self._blueprint.failure_codes)])
        return 0

    def _resources(self, moment: int) -> tuple[list[Resource], list[float]]:
        resources, weights = self._plan.resources_of(self._agent, moment)
        for begun, resource in self._wanders:
            if begun <= moment and resource not in resources:
                resources.append(resource)
                weights.append(_WANDERED)
        return resources, weights

    def _flakiness(self, moment: int) -> float:
        """Give the factor of this agent's failures on a day: some days are bad ones."""
        shape = self._settings.traits.flaky
        if shape and self._flaky[0] != moment // DAY:
            rng = stream(self._settings.seed, "flaky", self._agent.number, moment // DAY)
            self._flaky = (moment // DAY, burstiness(rng, shape))
        return self._flaky[1]

    def _origin(self, moment: int) -> Origin:
        """Choose an address: mostly that of the host an agent lives on, which changes every few hours."""
        network = self._plan.network_of(self._agent, moment)
        hosts = len(network.addresses)
        home = (self._agent.number * 31 + moment // (6 * HOUR)) % hosts
        for surge in self._plan.surges:
            if surge.more_hosts and surge.blueprint is self._blueprint and surge.start <= moment < surge.end:
                hosts += surge.more_hosts
        number = home if self._rng.random() < self._settings.traits.home_share else self._rng.randrange(hosts)
        return Origin(network.address(number), network)


def _wanders(settings: SimulationSettings, tenant: Tenant, agent: Agent) -> list[tuple[int, Resource]]:
    """Draw when an agent takes up which everyday resource that nobody rolled out."""
    if not settings.traits.wander:
        return []
    rng = stream(settings.seed, "wander", agent.number)
    found: list[tuple[int, Resource]] = []
    moment = settings.start_ticks
    while (moment := moment + int(rng.expovariate(settings.traits.wander) * DAY)) < settings.end_ticks:
        found.append((moment, rng.choice(tenant.everyday + tenant.internal[:12])))
    return found


def _requests(agent: Agent) -> list[_Request]:
    alone = _Request(agent_caller(agent), None)
    if agent.mode == "on_behalf_of":
        caller = agent_caller(agent, subject="user")
        return [_Request(caller, user) for user in agent.users] + ([] if interactive(agent) else [alone])
    if agent.account:
        return [_Request(agent_caller(agent, subject="account"), agent.account), alone]
    return [alone]


def _factor(plan: Plan, blueprint: Blueprint) -> Factor:
    surges = [surge for surge in plan.surges if surge.blueprint is blueprint]

    def factor(moment: int) -> float:
        product = 1.0
        for surge in surges:
            if surge.start <= moment < surge.end:
                done = (moment - surge.start) / (surge.end - surge.start) if surge.ramp else 1.0
                product *= 1.0 + (surge.factor - 1.0) * done
        return product

    return factor


def _managed_identity(settings: SimulationSettings, tenant: Tenant, blueprint: Blueprint) -> list[Draft]:
    """Renew the managed identity's token that a blueprint proves itself with."""
    identity, resource = blueprint.managed_identity, tenant.exchange
    if identity is None:
        return []
    rng, desk = stream(settings.seed, "mi", identity.app_id), Desk(stream(settings.seed, "mi ids", identity.app_id))
    caller = application_caller(identity, "ManagedIdentitySignInLogs")
    moments = renewals(rng, settings.start_ticks, settings.end_ticks, 20)
    return [desk.sign_in(moment, caller, resource, None) for moment in moments]


def _other_sign_ins(settings: SimulationSettings, tenant: Tenant) -> list[Draft]:
    """Sign in everybody else: one noisy scanner above all, ordinary applications, first-party services, people."""
    rng, desk = stream(settings.seed, "others"), Desk(stream(settings.seed, "others ids"))
    start, end, daily = settings.start_ticks, settings.end_ticks, settings.other_records_per_day
    traits = settings.traits
    flat, office = week_shape("flat", 0, traits), week_shape("office", 1, traits)
    cloud, graph = tenant.pipelines[0].network, tenant.everyday[0]
    drafts: list[Draft] = []

    def times(share: float, shape: tuple[float, ...]) -> Iterable[int]:
        return bursty(rng, start, end, daily * share, shape, Bursts(3.0), lambda _: 1.0)

    scanner = application_caller(tenant.scanner, "ServicePrincipalSignInLogs")
    everything = tenant.everyday + tenant.sensitive
    for moment in times(0.6, flat):
        origin = Origin(cloud.address(rng.randrange(len(cloud.addresses))), cloud)
        drafts.append(desk.sign_in(moment, scanner, rng.choice(everything), origin))
    callers = [(application_caller(item, "ServicePrincipalSignInLogs"), tenant.office) for item in tenant.ordinary]
    callers += [
        (application_caller(item.application, "ServicePrincipalSignInLogs"), item.network) for item in tenant.pipelines
    ]
    for moment in times(0.2, office):
        error = 7000222 if rng.random() < 0.02 else 0
        caller, network = rng.choice(callers)
        origin = Origin(network.address(rng.randrange(2)), network)
        drafts.append(desk.sign_in(moment, caller, graph, origin, error=error))
    microsoft = [application_caller(item, "MicrosoftServicePrincipalSignInLogs") for item in tenant.first_party]
    drafts += [
        desk.sign_in(moment, rng.choice(microsoft), graph, Origin(cloud.address(0), cloud))
        for moment in times(0.1, flat)
    ]
    portal = application_caller(tenant.ordinary[3], "SignInLogs")
    for moment in times(0.1, office):
        error = 50076 if rng.random() < 0.05 else 0
        origin = Origin(tenant.office.address(rng.randrange(4)), tenant.office)
        drafts.append(desk.sign_in(moment, portal, graph, origin, error=error, user=rng.choice(tenant.users)))
    return drafts


def _everyday_changes(settings: SimulationSettings, tenant: Tenant) -> list[Draft]:
    """Record what administrators do to things that are no agents, and what the platform does by itself."""
    rng = stream(settings.seed, "everyday changes")
    ids = Desk(stream(settings.seed, "everyday changes ids"))
    desk = ChangeDesk(ids)
    platform = {
        name: by_platform(name, ids.guid())
        for name in ("Managed Service Identity", "Microsoft Azure AD Internal - Jit Provisioning")
    }
    identities = [item.managed_identity for item in tenant.blueprints if item.managed_identity] or tenant.ordinary[:1]
    drafts: list[Draft] = []
    start, end = settings.start_ticks, settings.end_ticks
    for moment in bursty(rng, start, end, 8.0, week_shape("office", 1, settings.traits), Bursts(2.0), lambda _: 1.0):
        actor = by_user(rng.choice(tenant.administrators), tenant.office, rng.randrange(4))
        drafts.append(_everyday_change(rng, desk, moment, actor, tenant))
    for moment in bursty(rng, start, end, 3.0, week_shape("flat", 0, settings.traits), Bursts(4.0), lambda _: 1.0):
        if rng.random() < 0.7:
            key = Key(ids.guid(), "AsymmetricX509Cert", "CN=platform")
            actor = platform["Managed Service Identity"]
            drafts.append(desk.rotate_managed_identity(moment, actor, rng.choice(identities), key))
        else:
            actor = platform["Microsoft Azure AD Internal - Jit Provisioning"]
            drafts.append(desk.add_principal(moment, actor, f"First-party service {rng.randrange(100)}"))
    return drafts


def _everyday_change(rng: Random, desk: ChangeDesk, at: int, actor: Actor, tenant: Tenant) -> Draft:
    application, kind = rng.choice(tenant.ordinary), rng.randrange(3)
    if kind == 0:
        return desk.update_application(at, actor, application)
    if kind == 1:
        return desk.add_owner(at, actor, application.object_id, application.name, rng.choice(tenant.users))
    permission = rng.choice(EVERYDAY_PERMISSIONS)
    return desk.grant(at, actor, tenant.everyday[0], permission, application.app_id, application.name)
