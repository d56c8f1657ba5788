"""What an archive of the weeks before shows: projects that have fallen asleep, and permissions that nobody used yet.

A pause of a month does not fit into a simulation of some days. So the logs begin earlier, with the last days of work of
a few small projects, each a blueprint with one agent, and are empty of everything else until the simulation starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal

from detector.runtime.simulation.catalogue import Permission
from detector.runtime.simulation.chance import guid, stream
from detector.runtime.simulation.clock import DAY, HOUR, MINUTE, SECOND
from detector.runtime.simulation.deployments import Evidence, ids_of, run_records
from detector.runtime.simulation.edits import EditDesk, by_pipeline
from detector.runtime.simulation.labels import Label, Level
from detector.runtime.simulation.networks import CLOUD_ASN, HOME_PLACES, Origin, Registry
from detector.runtime.simulation.plan import Plan, benign_label
from detector.runtime.simulation.records import Desk, Draft, agent_caller, blueprint_caller, credential_of
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.tenant import Agent, Blueprint, Key, Resource, Tenant, build_agent

Purpose = Literal["wakes", "rearmed", "abandoned", "disabled", "reenabled"]
PURPOSES: Final[tuple[Purpose, ...]] = ("wakes", "rearmed", "abandoned", "disabled", "reenabled")
"""What becomes of the projects in attacks. Without attacks they all sleep on."""

_ROOM: Final = 251
_NUMBERS_FROM: Final = 5_000_000
_BEGUN: Final = 33 * DAY
"""How long before the simulation the archive begins."""
_WORKED: Final = 30
"""Hours of work that the archive shows of a project."""
_PAUSE: Final = 30 * DAY
_STAGED: Final = 16 * DAY


@dataclass(frozen=True, slots=True)
class Sleeper:
    """A project that has fallen asleep."""

    purpose: Purpose
    level: Level
    blueprint: Blueprint
    agent: Agent
    begun: int
    """The first hour of work that the archive shows (ticks)."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A permission that a pipeline granted weeks ago, and that was not used since."""

    level: Level
    agent: Agent
    resource: Resource
    permission: Permission
    at: int


@dataclass(frozen=True, slots=True)
class Past:
    """The weeks before the simulation."""

    begins: int
    sleepers: tuple[Sleeper, ...]
    staged: tuple[Staged, ...]

    def sleeper(self, purpose: Purpose, level: Level) -> Sleeper:
        """Give the project for a purpose."""
        return next(each for each in self.sleepers if (each.purpose, each.level) == (purpose, level))

    def grant(self, level: Level) -> Staged:
        """Give the permission that was put by."""
        return next(each for each in self.staged if each.level == level)


def build_past(settings: SimulationSettings, tenant: Tenant, plan: Plan) -> Past:
    """Invent the weeks before."""
    registry = Registry(_ROOM)
    sleepers = [
        _sleeper(settings, tenant, registry, purpose, level) for level in settings.attack_levels for purpose in PURPOSES
    ]
    staged = [_staged(settings, tenant, plan, level) for level in settings.attack_levels]
    return Past(settings.start_ticks - _BEGUN, tuple(sleepers), tuple(staged))


def asleep_labels(settings: SimulationSettings, past: Past) -> list[Label]:
    """Describe the projects that have fallen asleep; what says so is right, whenever it says so."""
    return [
        benign_label(
            "asleep",
            [sleeper.agent.id, sleeper.blueprint.app_id, sleeper.blueprint.service_principal_id],
            sleeper.begun,
            settings.end_ticks,
        )
        for sleeper in past.sleepers
    ]


def past_drafts(settings: SimulationSettings, tenant: Tenant, past: Past) -> list[Draft]:
    """Draft the records of the weeks before."""
    drafts: list[Draft] = []
    for sleeper in past.sleepers:
        drafts += _work(settings, tenant, sleeper)
        if sleeper.purpose in {"disabled", "reenabled"}:
            drafts += _switched_off(settings, tenant, sleeper)
    for staged in past.staged:
        drafts += _granted(settings, tenant, staged)
    return drafts


def switched_off_at(sleeper: Sleeper) -> int:
    """Say when a project of that kind was switched off: some hours after its last work."""
    return sleeper.begun + (_WORKED + 3) * HOUR


def _sleeper(
    settings: SimulationSettings, tenant: Tenant, registry: Registry, purpose: Purpose, level: Level
) -> Sleeper:
    rng = stream(settings.seed, "past", purpose, level)
    blueprint = project(rng, tenant, registry)
    number = _NUMBERS_FROM + int(stream(settings.seed, "past number", purpose, level).random() * 1_000_000) * 30
    # An abandoned project is asleep for a month soon after the attack-free time, the others have been by its start.
    last = min(settings.attack_ticks + 2 * HOUR, settings.start_ticks + 29 * DAY) if purpose == "abandoned" else 0
    ended = last - _PAUSE if last else settings.start_ticks - _PAUSE - 6 * HOUR
    begun = (ended - _WORKED * HOUR) // HOUR * HOUR
    agent = build_agent(settings, tenant, blueprint, number=number, weight=1.0, active_from=begun)
    name = f"agent-{blueprint.name.removesuffix(' blueprint').lower().replace(' ', '-')}"
    return Sleeper(purpose, level, blueprint, replace(agent, name=name, active_until=ended), begun)


def project(rng: Random, tenant: Tenant, registry: Registry) -> Blueprint:
    """Invent a small project's blueprint."""
    theme = f"Pilot {rng.choice(('forms', 'surveys', 'minutes', 'glossary', 'quotes'))} {rng.randrange(100, 1000)}"
    network = registry.network(rng, asn=CLOUD_ASN, place=rng.choice(HOME_PLACES), hosts=3)
    return Blueprint(
        name=f"{theme} blueprint",
        app_id=guid(rng),
        object_id=guid(rng),
        service_principal_id=guid(rng),
        rhythm="flat",
        timezone=0,
        networks=(network,),
        resources=tuple(tenant.everyday[:2]),
        credential="certificate",
        key=Key(guid(rng), "AsymmetricX509Cert", f"{theme} 2026"),
        managed_identity=None,
        failure_rate=0.0,
        failure_codes=(),
        policies=(),
    )


def _staged(settings: SimulationSettings, tenant: Tenant, plan: Plan, level: Level) -> Staged:
    rng = stream(settings.seed, "past", "staged", level)
    lasting = [agent for agent in tenant.agents if plan.end_of(agent) >= settings.end_ticks] or tenant.agents
    name = rng.choice(("Ledger", "Vault", "Survey", "Minutes", "Sensors"))
    resource = Resource(f"Contoso {name} Archive {rng.randrange(100, 1_000)} API", guid(rng), guid(rng))
    permission = Permission(guid(rng), f"{name}.Read.All", f"Read all {name.lower()}")
    return Staged(level, rng.choice(lasting), resource, permission, settings.start_ticks - _STAGED)


def _work(settings: SimulationSettings, tenant: Tenant, sleeper: Sleeper) -> list[Draft]:
    rng = stream(settings.seed, "past work", sleeper.purpose, sleeper.level)
    desk, blueprint = Desk(rng), sleeper.blueprint
    network, drafts = blueprint.networks[0], list[Draft]()
    for hour in range(_WORKED):
        moment = sleeper.begun + hour * HOUR + rng.randrange(50 * MINUTE)
        origin = Origin(network.addresses[hour % len(network.addresses)], network)
        credential = credential_of(blueprint, blueprint.key)
        drafts += [
            desk.sign_in(moment, blueprint_caller(blueprint), tenant.exchange, origin, credential=credential),
            desk.sign_in(moment + SECOND, agent_caller(sleeper.agent), blueprint.resources[0], origin),
        ]
    return drafts


def _switched_off(settings: SimulationSettings, tenant: Tenant, sleeper: Sleeper) -> list[Draft]:
    """The pipeline disables the agent of a project that is over."""
    pipeline, at = tenant.pipelines[0], switched_off_at(sleeper)
    desk = EditDesk(Desk(stream(settings.seed, "past switch", sleeper.purpose, sleeper.level)))
    change = desk.switch(at, by_pipeline(pipeline), sleeper.agent.id, sleeper.agent.name, on=False)
    ids = (sleeper.agent.id, *ids_of(sleeper.blueprint))
    return [change, *_run(settings, tenant, f"off-{sleeper.agent.id[:8]}", at, ids, "agent_disabled")]


def _granted(settings: SimulationSettings, tenant: Tenant, staged: Staged) -> list[Draft]:
    desk = EditDesk(Desk(stream(settings.seed, "past grant", staged.level)))
    actor, agent = by_pipeline(tenant.pipelines[0]), staged.agent
    change = desk.grant(staged.at, actor, staged.resource, staged.permission, agent.id, agent.name)
    return [change, *_run(settings, tenant, f"grant-{agent.id[:8]}", staged.at, (agent.id,), "app_role_granted")]


def _run(
    settings: SimulationSettings, tenant: Tenant, name: str, at: int, ids: tuple[str, ...], change: str
) -> list[Evidence]:
    if not settings.deployments:
        return []
    return run_records(tenant.pipelines[0], name, at, at, ids, (change,))
