"""The invented tenant: who exists in it, where they sign in from, and what they have business with."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

from detector.runtime.simulation import catalogue
from detector.runtime.simulation.chance import guid, stream, zipf_weights
from detector.runtime.simulation.clock import DAY
from detector.runtime.simulation.networks import CLOUD_ASN, HOME_PLACES, Network, Registry
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.traits import Traits

Environment = Literal["production", "non_production"]
Rhythm = Literal["office", "service", "cron", "night", "flat"]
CredentialKind = Literal["managed_identity", "certificate", "secret"]

_THEMES: Final = (
    "HR onboarding", "Invoice triage", "IT helpdesk", "Sales research", "Contract review", "Supply planning",
    "Travel desk", "Log summary", "Ticket routing", "Marketing copy", "Spend audit", "Data quality",
)  # fmt: skip
_RHYTHMS: Final[tuple[Rhythm, ...]] = ("office", "service", "cron", "night", "office", "flat")
_CREDENTIALS: Final[tuple[CredentialKind, ...]] = ("secret", "managed_identity", "certificate")
_PEOPLE: Final = ("Adele", "Bianca", "Cyrus", "Dagny", "Emeka", "Farah", "Goran", "Hanako", "Isko", "Jorunn")
_ORDINARY: Final = (
    "Payroll sync",
    "Backup runner",
    "Badge printer",
    "Intranet search",
    "Meeting room panel",
    "Terraform state",
)
_POLICY_NAMES: Final = (
    "Block high-risk agents",
    "Block legacy authentication",
    "Require compliant device for administrators",
    "Agents: allow from corporate egress only",
    "Require multifactor authentication for guests",
    "Block unknown platforms",
    "Report only: terms of use",
)
_OFFICE_ASN: Final = 64500
_ASLEEP: Final = 17
"""Which agents of a round fall asleep."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something a token can be asked for."""

    name: str
    app_id: str
    service_principal_id: str
    """Object id of its service principal in this tenant."""


@dataclass(frozen=True, slots=True)
class User:
    """A person, or an agent's user account."""

    id: str
    name: str
    principal_name: str


@dataclass(frozen=True, slots=True)
class Key:
    """A credential of an application, never its secret."""

    id: str
    type: Literal["Password", "AsymmetricX509Cert"]
    name: str


@dataclass(frozen=True, slots=True)
class Application:
    """An ordinary (not agentic) application, managed identity or first-party service."""

    name: str
    app_id: str
    object_id: str
    service_principal_id: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A deployment identity: changes it makes are the normal way of change."""

    name: str
    application: Application
    network: Network


@dataclass(frozen=True, slots=True)
class Policy:
    """A Conditional Access policy."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The template of a family of agents; the credentials live on it."""

    name: str
    app_id: str
    object_id: str
    """Of the application: what credential changes name."""
    service_principal_id: str
    rhythm: Rhythm
    timezone: int
    """Hours ahead of UTC of the people it works for."""
    networks: tuple[Network, ...]
    resources: tuple[Resource, ...]
    """What its agents use, the main one first; the last one is used rarely."""
    credential: CredentialKind
    key: Key
    managed_identity: Application | None
    failure_rate: float
    """Share of requests that fail on an ordinary day."""
    failure_codes: tuple[int, ...]
    policies: tuple[Policy, ...]
    """Conditional Access policies evaluated for its agents; they decide the size of its records."""


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent identity. Its application id is its object id, too."""

    id: str
    name: str
    number: int
    """Unique; names its random stream."""
    ordinal: int
    """Position among the agents of its blueprint; decides which of several networks it lives in."""
    blueprint: Blueprint
    weight: float
    """Activity relative to the average agent."""
    burst: float
    """Shape of the gamma factor of its rate: the smaller, the burstier."""
    mode: Literal["app_only", "on_behalf_of", "agent_user"]
    users: tuple[User, ...]
    account: User | None
    """Its own user account, where it has one."""
    resources: tuple[Resource, ...]
    resource_weights: tuple[float, ...]
    active_from: int
    active_until: int


@dataclass(slots=True)
class Tenant:
    """Everything that exists at the start."""

    id: str
    networks: Registry
    """Where further prefixes come from."""
    office: Network
    """Where people sit."""
    exchange: Resource
    """What the first step of a token chain asks for."""
    everyday: list[Resource]
    sensitive: list[Resource]
    internal: list[Resource]
    """The tenant's own APIs; blueprints use the first eight, roll-outs bring the next four, nobody uses the rest."""
    users: list[User]
    administrators: list[User]
    pipelines: list[Pipeline]
    ordinary: list[Application]
    scanner: Application
    first_party: list[Application]
    policies: list[Policy]
    blueprints: list[Blueprint] = field(default_factory=list)
    agents: list[Agent] = field(default_factory=list)

    def agents_of(self, blueprint: Blueprint) -> list[Agent]:
        """List the agents that a blueprint has at the start, which are dealt out to the blueprints in turn."""
        first = next((number for number, item in enumerate(self.blueprints) if item is blueprint), len(self.agents))
        return self.agents[first :: len(self.blueprints) or 1]


def build_tenant(settings: SimulationSettings) -> Tenant:
    """Invent a tenant."""
    rng = stream(settings.seed, "tenant")
    networks = Registry(0, ipv4=True)
    tenant = Tenant(
        id=guid(rng),
        networks=networks,
        office=networks.network(rng, asn=_OFFICE_ASN, place=HOME_PLACES[0], hosts=4),
        exchange=_resource(rng, catalogue.TOKEN_EXCHANGE),
        everyday=[_resource(rng, pair) for pair in catalogue.EVERYDAY_RESOURCES],
        sensitive=[_resource(rng, pair) for pair in catalogue.SENSITIVE_RESOURCES],
        internal=[_resource(rng, (f"Contoso {name} API", guid(rng))) for name in catalogue.INTERNAL_API_NAMES],
        users=[_user(rng, name) for name in _PEOPLE],
        administrators=[_user(rng, f"{name} (admin)", prefix="admin-") for name in _PEOPLE[:3]],
        pipelines=[_pipeline(rng, networks, name) for name in ("agent-platform-deployer", "identity-rotation-job")],
        ordinary=[_application(rng, name) for name in _ORDINARY],
        scanner=_application(rng, catalogue.OUTSIDER_FIRST_PARTY[0]),
        first_party=[_application(rng, name) for name in catalogue.OUTSIDER_FIRST_PARTY[1:]],
        policies=[Policy(guid(rng), name) for name in _POLICY_NAMES],
    )
    for index in range(settings.blueprints):
        tenant.blueprints.append(_blueprint(stream(settings.seed, "blueprint", index), tenant, index, settings.traits))
    weights = zipf_weights(settings.agents, settings.traits.zipf)
    rng.shuffle(weights)
    for index, weight in enumerate(weights):
        blueprint = tenant.blueprints[index % settings.blueprints]
        tenant.agents.append(build_agent(settings, tenant, blueprint, number=index, weight=weight))
    return tenant


def build_agent(
    settings: SimulationSettings,
    tenant: Tenant,
    blueprint: Blueprint,
    *,
    number: int,
    weight: float,
    active_from: int | None = None,
) -> Agent:
    """Invent an agent of a blueprint; `number` names its random stream."""
    rng = stream(settings.seed, "agent", number)
    own_id = guid(rng)
    theme = blueprint.name.removesuffix(" blueprint").lower().replace(" ", "-")
    name = f"agent-{theme}-{number:03d}"
    mode: Literal["app_only", "on_behalf_of", "agent_user"] = "app_only"
    if blueprint.rhythm == "office":
        mode = ("on_behalf_of", "agent_user", "app_only", "app_only")[number // settings.blueprints % 4]
    account = User(guid(rng), f"{name} (agent user)", f"{name}@contoso.example") if mode == "agent_user" else None
    resources = [blueprint.resources[0]]
    resources += [item for item in blueprint.resources[1:-1] if rng.random() < 0.75]
    weights = [1.0] + [rng.uniform(0.15, 0.6) for _ in resources[1:]]
    if len(blueprint.resources) > 1:
        resources.append(blueprint.resources[-1])
        weights.append(settings.traits.seldom)
    # Some agents fall asleep on the second day: nothing is wrong with that until they wake.
    asleep = number % max(1, round(1 / max(settings.traits.asleep, 1e-9))) == _ASLEEP
    return Agent(
        id=own_id,
        name=name,
        number=number,
        ordinal=number // settings.blueprints,
        blueprint=blueprint,
        weight=weight,
        burst=rng.uniform(settings.traits.burst_low, settings.traits.burst_high),
        mode=mode,
        users=tuple(rng.sample(tenant.users, 3)),
        account=account,
        resources=tuple(resources),
        resource_weights=tuple(weights),
        active_from=settings.start_ticks if active_from is None else active_from,
        active_until=settings.start_ticks + (3 * DAY) // 2 if asleep else settings.end_ticks,
    )


def _blueprint(rng: Random, tenant: Tenant, index: int, traits: Traits) -> Blueprint:
    theme = _THEMES[index % len(_THEMES)]
    if index >= len(_THEMES):
        theme = f"{theme} {index // len(_THEMES) + 1}"
    place = HOME_PLACES[index % len(HOME_PLACES)]
    networks = tuple(
        tenant.networks.network(rng, asn=CLOUD_ASN, place=place, hosts=rng.randint(traits.hosts_low, traits.hosts_high))
        for _ in range(1 + index % 2)
    )
    credential = _CREDENTIALS[index % len(_CREDENTIALS)]
    resources = rng.sample(tenant.everyday, 2) if index % 3 else [tenant.everyday[0], rng.choice(tenant.everyday[1:])]
    resources += rng.sample(tenant.internal[:8], 1 + index % 2)
    office = _RHYTHMS[index % len(_RHYTHMS)] == "office"
    return Blueprint(
        name=f"{theme} blueprint",
        app_id=guid(rng),
        object_id=guid(rng),
        service_principal_id=guid(rng),
        rhythm=_RHYTHMS[index % len(_RHYTHMS)],
        timezone=rng.choice((0, 1, 2)),
        networks=networks,
        resources=tuple(resources),
        credential=credential,
        key=Key(guid(rng), "Password" if credential == "secret" else "AsymmetricX509Cert", f"{theme} 2026"),
        managed_identity=_application(rng, f"uami-{theme.lower().replace(' ', '-')}")
        if credential == "managed_identity"
        else None,
        failure_rate=rng.uniform(traits.failures_low, traits.failures_high),
        failure_codes=(90033, 90024, 65001, 50173) if office else (90033, 90024, 501051),
        policies=tuple(tenant.policies[: (0, 2, 6, 3, 4, 1)[index % 6]]),
    )


def environment_of(blueprint: Blueprint) -> Environment:
    """Say where a blueprint belongs: what proves itself with a secret is not in production."""
    return "non_production" if blueprint.credential == "secret" else "production"


def interactive(agent: Agent) -> bool:
    """Say whether an agent works for people and never by itself."""
    return agent.mode == "on_behalf_of" and agent.ordinal % 8 == 0


def _pipeline(rng: Random, networks: Registry, name: str) -> Pipeline:
    return Pipeline(name, _application(rng, name), networks.network(rng, asn=CLOUD_ASN, place=HOME_PLACES[1], hosts=2))


def _resource(rng: Random, pair: tuple[str, str]) -> Resource:
    name, app_id = pair
    return Resource(name, app_id, guid(rng))


def _user(rng: Random, name: str, prefix: str = "") -> User:
    return User(guid(rng), name, f"{prefix}{name.split(maxsplit=1)[0].lower()}@contoso.example")


def _application(rng: Random, name: str) -> Application:
    return Application(name, guid(rng), guid(rng), guid(rng))
