"""The benign stories: what happens in the life of a tenant that looks like trouble and is none.

Each story is staged in the attack-free time and after it, where there is room, so that baselines meet it and quality
is measured under it; once, or more often in a tenant of many blueprints where the traits say so. A plan only says what
will be; `benign` turns it into records.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

from detector.runtime.simulation.catalogue import Permission
from detector.runtime.simulation.chance import guid, stream
from detector.runtime.simulation.clock import DAY, HOUR, MINUTE, hour_of_week, rfc3339
from detector.runtime.simulation.labels import Label, Story
from detector.runtime.simulation.networks import CLOUD_ASN, Network
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.tenant import Agent, Blueprint, Key, Resource, Tenant, User, build_agent

BENIGN_STORIES: Final = (
    Story("egress_change", "benign", "A deployment moves all agents of a blueprint to another egress prefix."),
    Story("autoscaling", "benign", "A blueprint's agents do several times the usual work for an hour or two."),
    Story("api_roll_out", "benign", "A pipeline grants all agents of a blueprint a new API, which they begin to use."),
    Story("credential_rotation", "benign", "A pipeline adds a new key to a blueprint and later removes the old one."),
    Story("outage", "benign", "Transient errors and throttling make several blueprints fail and retry at once."),
    Story("onboarding", "benign", "A pipeline creates several agents, which then start to work."),
    Story("decommissioning", "benign", "A pipeline removes an agent, which falls silent."),
    Story("public_holiday", "benign", "The office blueprints hardly work for a day."),
    Story("customer_growth", "benign", "A blueprint's work grows steadily by half over the whole time."),
    Story("late_delivery", "benign", "One hour of records of a category is delivered hours later."),
    Story("failover", "benign", "A blueprint's agents go by way of a network kept in reserve for an hour or so."),
    Story("lost_delivery", "benign", "Some minutes of records never arrive."),
    Story("duplicates", "benign", "Records arrive again, minutes later, under a fresh envelope time."),
    Story("emergency_stop", "benign", "A pipeline switches an agent off, which is refused from then on."),
    Story("asleep", "benign", "A project is over, and its agent is not removed."),
    Story("sponsor_change", "benign", "A pipeline enters the successor of an agent's sponsor."),
    Story("blocked_test", "benign", "A policy is tried out on an agent of a test environment and blocks it."),
    Story("policy_tightened", "benign", "An administrator makes a Conditional Access policy stricter."),
    Story("attribute_labelled", "benign", "An administrator changes the cost centre of an agent."),
)

_WORKDAY: Final = range(8, 17)
_PER_ONBOARDING: Final = 4
_NEWCOMERS_FROM: Final = 1_000_000
_PER_ROUND: Final = 1_000
"""Numbers of agents that a round of onboardings may use."""


@dataclass(frozen=True, slots=True)
class EgressMove:
    """From when on a blueprint's agents sign in from another network; each follows within 20 minutes."""

    blueprint: Blueprint
    at: int
    network: Network


@dataclass(frozen=True, slots=True)
class Failover:
    """A time in which a blueprint's agents sign in from the network that it keeps in reserve."""

    blueprint: Blueprint
    start: int
    end: int
    network: Network


@dataclass(frozen=True, slots=True)
class Surge:
    """A time in which a rate is multiplied, for one blueprint or for all of a rhythm."""

    blueprint: Blueprint | None
    start: int
    end: int
    factor: float
    ramp: bool = False
    """Whether the factor is reached only at the end."""
    more_hosts: int = 0


@dataclass(frozen=True, slots=True)
class RollOut:
    """A new API for all agents of a blueprint."""

    blueprint: Blueprint
    at: int
    resource: Resource
    permission: Permission


@dataclass(frozen=True, slots=True)
class Rotation:
    """A new key for a blueprint; the old one goes a day later."""

    blueprint: Blueprint
    at: int
    key: Key


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which requests of some blueprints fail with transient errors."""

    blueprints: tuple[Blueprint, ...]
    start: int
    end: int
    share: float


@dataclass(frozen=True, slots=True)
class Onboarding:
    """New agents of a blueprint."""

    blueprint: Blueprint
    at: int
    agents: tuple[Agent, ...]


@dataclass(frozen=True, slots=True)
class Decommissioning:
    """The end of an agent."""

    agent: Agent
    at: int


@dataclass(frozen=True, slots=True)
class Stop:
    """An agent is switched off."""

    agent: Agent
    at: int


@dataclass(frozen=True, slots=True)
class SponsorChange:
    """A new sponsor of an agent in place of the old one."""

    agent: Agent
    at: int
    successor: User


@dataclass(frozen=True, slots=True)
class BlockedTest:
    """A policy blocks an agent, as it was meant to."""

    agent: Agent
    at: int


@dataclass(frozen=True, slots=True)
class Routine:
    """A policy is made stricter, and an hour later an agent gets another cost centre."""

    agent: Agent
    at: int


@dataclass(frozen=True, slots=True)
class LateDelivery:
    """Records of a category with event times in [start, end) are delivered `delay` later."""

    category: str
    start: int
    end: int
    delay: int


@dataclass(frozen=True, slots=True)
class LostDelivery:
    """Records with event times in [start, end) never arrive."""

    start: int
    end: int


@dataclass(slots=True)
class Plan:
    """All benign stories of a simulation."""

    moves: list[EgressMove] = field(default_factory=list)
    failovers: list[Failover] = field(default_factory=list)
    surges: list[Surge] = field(default_factory=list)
    roll_outs: list[RollOut] = field(default_factory=list)
    rotations: list[Rotation] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    onboardings: list[Onboarding] = field(default_factory=list)
    decommissionings: list[Decommissioning] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    sponsor_changes: list[SponsorChange] = field(default_factory=list)
    blocked_tests: list[BlockedTest] = field(default_factory=list)
    routines: list[Routine] = field(default_factory=list)
    late: list[LateDelivery] = field(default_factory=list)
    lost: list[LostDelivery] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    def agents(self, tenant: Tenant) -> list[Agent]:
        """List all agents that ever exist."""
        return tenant.agents + [agent for onboarding in self.onboardings for agent in onboarding.agents]

    def end_of(self, agent: Agent) -> int:
        """Say until when an agent works."""
        gone = [item.at for item in self.decommissionings if item.agent is agent]
        stopped = [item.at for item in self.stops if item.agent is agent]
        return min([agent.active_until, *gone, *stopped])

    def networks_of(self, blueprint: Blueprint, ticks: int) -> tuple[Network, ...]:
        """Say where a blueprint's agents sign in from."""
        moved = [move for move in self.moves if move.blueprint is blueprint and move.at <= ticks]
        return (moved[-1].network,) if moved else blueprint.networks

    def network_of(self, agent: Agent, ticks: int) -> Network:
        """Say where one agent signs in from; it follows a move of its blueprint within 20 minutes."""
        for failover in self.failovers:
            if failover.blueprint is agent.blueprint and failover.start <= ticks < failover.end:
                return failover.network
        networks = self.networks_of(agent.blueprint, ticks - agent.number * 104_729 % 20 * MINUTE)
        return networks[agent.ordinal % len(networks)]

    def key_of(self, blueprint: Blueprint, ticks: int) -> Key:
        """Say which key a blueprint uses; a new one is taken up 20 minutes after it was added."""
        rotated = [item for item in self.rotations if item.blueprint is blueprint and item.at + 20 * MINUTE <= ticks]
        return rotated[-1].key if rotated else blueprint.key

    def of(self, blueprint: Blueprint) -> Plan:
        """Give the part that the sign-ins of a blueprint's agents depend on, which is quicker to ask."""
        return Plan(
            moves=[item for item in self.moves if item.blueprint is blueprint],
            failovers=[item for item in self.failovers if item.blueprint is blueprint],
            surges=[item for item in self.surges if item.blueprint is blueprint],
            roll_outs=[item for item in self.roll_outs if item.blueprint is blueprint],
            rotations=[item for item in self.rotations if item.blueprint is blueprint],
            outages=[item for item in self.outages if blueprint in item.blueprints],
        )

    def retired_keys(self) -> list[tuple[int, Blueprint, Key]]:
        """List when rotations take which key away from a blueprint: each a day after its successor came."""
        current: dict[str, Key] = {}
        retired: list[tuple[int, Blueprint, Key]] = []
        for rotation in self.rotations:
            blueprint = rotation.blueprint
            retired.append((rotation.at + DAY, blueprint, current.get(blueprint.app_id, blueprint.key)))
            current[blueprint.app_id] = rotation.key
        return retired

    def resources_of(self, agent: Agent, ticks: int) -> tuple[list[Resource], list[float]]:
        """Say what an agent asks for, and how often; each takes a roll-out up within three hours."""
        resources, weights = list(agent.resources), list(agent.resource_weights)
        for roll_out in self.roll_outs:
            delay = 10 * MINUTE + agent.number * 7_919 % 170 * MINUTE
            if roll_out.blueprint is agent.blueprint and roll_out.at + delay <= ticks:
                resources.append(roll_out.resource)
                weights.append(0.35)
        return resources, weights


def build_plan(settings: SimulationSettings, tenant: Tenant) -> Plan:
    """Decide what will happen."""
    plan = Plan()
    for number, span in enumerate(spans_of(settings)):
        _Stager(settings, tenant, plan, number, span).stage()
    _grow(settings, tenant, plan)
    _fail_over(settings, tenant, plan)
    plan.moves.sort(key=lambda item: item.at)
    plan.roll_outs.sort(key=lambda item: item.at)
    plan.rotations.sort(key=lambda item: item.at)
    return plan


def rounds_of(settings: SimulationSettings) -> int:
    """Say how often a benign story is staged in each span: more often in a larger tenant."""
    return max(1, round(settings.traits.stories * settings.blueprints))


def spans_of(settings: SimulationSettings) -> list[tuple[int, int]]:
    """Give the spans of time in each of which every story is staged: before the attacks and among them."""
    spans = [(settings.start_ticks, settings.attack_ticks), (settings.attack_ticks, settings.end_ticks)]
    roomy = [span for span in spans if span[1] - span[0] >= DAY // 2]
    return roomy or [(settings.start_ticks, settings.end_ticks)]


def _grow(settings: SimulationSettings, tenant: Tenant, plan: Plan) -> None:
    blueprint = stream(settings.seed, "plan", "growth").choice(tenant.blueprints)
    start, end = settings.start_ticks, settings.end_ticks
    plan.surges.append(Surge(blueprint, start, end, settings.traits.growth, ramp=True))
    plan.labels.append(benign_label("customer_growth", [blueprint.app_id], start, end))
    plan.labels.append(benign_label("duplicates", [], start, end))


def _fail_over(settings: SimulationSettings, tenant: Tenant, plan: Plan) -> None:
    """Plan failovers: any number a blueprint, always to the same network."""
    if not settings.traits.failovers:
        return
    for blueprint in tenant.blueprints:
        rng = stream(settings.seed, "plan", "failover", blueprint.app_id)
        moment, reserve = settings.start_ticks, None
        while (moment := moment + int(rng.expovariate(settings.traits.failovers) * DAY)) < settings.end_ticks:
            hosts, place = len(blueprint.networks[0].addresses), blueprint.networks[0].place
            reserve = reserve or tenant.networks.network(rng, asn=CLOUD_ASN, place=place, hosts=hosts)
            end = moment + rng.randint(20, 150) * MINUTE
            plan.failovers.append(Failover(blueprint, moment, end, reserve))
            plan.labels.append(benign_label("failover", [blueprint.app_id], moment, end))


class _Stager:
    """Stages every benign story in a span of time: once, or once for so many blueprints."""

    def __init__(
        self, settings: SimulationSettings, tenant: Tenant, plan: Plan, number: int, span: tuple[int, int]
    ) -> None:
        self._settings, self._tenant, self._plan = settings, tenant, plan
        self._number = number
        self._span = span
        self._round = 0

    def stage(self) -> None:
        for story in (
            self._egress_change, self._autoscaling, self._api_roll_out, self._credential_rotation, self._outage,
            self._onboarding, self._decommissioning,
        ):  # fmt: skip
            for number in range(rounds_of(self._settings)):
                self._round, again = number, ((number,) if number else ())
                story(stream(self._settings.seed, "plan", story.__name__, self._number, *again))
        for story in (self._public_holiday, self._deliveries):
            story(stream(self._settings.seed, "plan", story.__name__, self._number))

    def _moment(self, rng: Random, *, room: int, workday: bool = True) -> int:
        """Choose a start that leaves `room` ticks, on a working day's hours where one can be found."""
        start, end = self._span
        last = max(start + 1, end - room)
        moment = rng.randrange(start, last)
        for _ in range(40):
            weekday, hour = divmod(hour_of_week(moment), 24)
            if not workday or (weekday < 5 and hour in _WORKDAY):
                break
            moment = rng.randrange(start, last)
        return moment

    def _note(self, story: str, subjects: list[str], start: int, end: int) -> None:
        self._plan.labels.append(benign_label(story, subjects, start, end))

    def _egress_change(self, rng: Random) -> None:
        blueprint, at = rng.choice(self._tenant.blueprints), self._moment(rng, room=3 * HOUR)
        place, traits = blueprint.networks[0].place, self._settings.traits
        network = self._tenant.networks.network(
            rng,
            asn=CLOUD_ASN,
            place=place,
            hosts=rng.randint(traits.hosts_low, max(traits.hosts_low, traits.hosts_high - 1)),
        )
        self._plan.moves.append(EgressMove(blueprint, at, network))
        self._note("egress_change", [blueprint.app_id], at, at + 20 * MINUTE)

    def _autoscaling(self, rng: Random) -> None:
        blueprint, at = rng.choice(self._tenant.blueprints), self._moment(rng, room=3 * HOUR)
        end, traits = at + rng.randint(50, 120) * MINUTE, self._settings.traits
        self._plan.surges.append(
            Surge(blueprint, at, end, rng.uniform(traits.surge_low, traits.surge_high), more_hosts=8)
        )
        self._note("autoscaling", [blueprint.app_id], at, end)

    def _api_roll_out(self, rng: Random) -> None:
        blueprint, at = rng.choice(self._tenant.blueprints), self._moment(rng, room=5 * HOUR)
        resource = rng.choice(self._tenant.internal[8:12])
        if any(item.blueprint is blueprint and item.resource is resource for item in self._plan.roll_outs):
            return
        name = resource.name.split()[1]
        permission = Permission(guid(rng), f"{name}.Read.All", f"Read all {name.lower()}")
        self._plan.roll_outs.append(RollOut(blueprint, at, resource, permission))
        self._note("api_roll_out", [blueprint.app_id], at, at + 3 * HOUR)

    def _credential_rotation(self, rng: Random) -> None:
        keyed = [item for item in self._tenant.blueprints if item.credential != "managed_identity"]
        if not keyed:
            return
        blueprint, at = rng.choice(keyed), self._moment(rng, room=2 * HOUR)
        key = Key(guid(rng), blueprint.key.type, f"rotation {self._number + 1}")
        self._plan.rotations.append(Rotation(blueprint, at, key))
        self._note("credential_rotation", [blueprint.app_id, blueprint.object_id], at, at + DAY)

    def _outage(self, rng: Random) -> None:
        count = min(len(self._tenant.blueprints), 3)
        blueprints, at = rng.sample(self._tenant.blueprints, count), self._moment(rng, room=2 * HOUR)
        end, traits = at + rng.randint(20, 45) * MINUTE, self._settings.traits
        self._plan.outages.append(
            Outage(tuple(blueprints), at, end, rng.uniform(traits.outage_low, traits.outage_high))
        )
        self._note("outage", [item.app_id for item in blueprints], at, end)

    def _onboarding(self, rng: Random) -> None:
        blueprint, at = rng.choice(self._tenant.blueprints), self._moment(rng, room=6 * HOUR)
        first = _NEWCOMERS_FROM + self._number * 100 + self._round * _PER_ROUND
        agents = [
            build_agent(
                self._settings,
                self._tenant,
                blueprint,
                number=first + index,
                weight=rng.uniform(0.3, 1.5),
                active_from=at + (5 + 6 * index) * MINUTE,
            )
            for index in range(_PER_ONBOARDING)
        ]
        self._plan.onboardings.append(Onboarding(blueprint, at, tuple(agents)))
        self._note("onboarding", [agent.id for agent in agents], at, at + 30 * MINUTE)

    def _decommissioning(self, rng: Random) -> None:
        gone = {item.agent.id for item in self._plan.decommissionings}
        agents = [agent for agent in self._tenant.agents if agent.id not in gone]
        agent, at = rng.choice(agents), self._moment(rng, room=HOUR)
        self._plan.decommissionings.append(Decommissioning(agent, at))
        self._note("decommissioning", [agent.id], at, at)

    def _public_holiday(self, rng: Random) -> None:
        if self._span[1] - self._span[0] < 5 * DAY:
            return
        at = self._moment(rng, room=2 * DAY)
        at -= at % DAY
        office = [blueprint for blueprint in self._tenant.blueprints if blueprint.rhythm == "office"]
        for blueprint in office:
            self._plan.surges.append(Surge(blueprint, at, at + DAY, self._settings.traits.holiday))
        self._note("public_holiday", [blueprint.app_id for blueprint in office], at, at + DAY)

    def _deliveries(self, rng: Random) -> None:
        at = self._moment(rng, room=2 * HOUR, workday=False)
        category = rng.choice(("ServicePrincipalSignInLogs", "NonInteractiveUserSignInLogs"))
        self._plan.late.append(LateDelivery(category, at, at + HOUR, rng.randint(120, 240) * MINUTE))
        self._note("late_delivery", [], at, at + HOUR)
        at = self._moment(rng, room=2 * HOUR, workday=False)
        self._plan.lost.append(LostDelivery(at, at + 4 * MINUTE))
        self._note("lost_delivery", [], at, at + 4 * MINUTE)


def benign_label(story: str, subjects: list[str], start: int, end: int) -> Label:
    """Describe a benign story."""
    description = next(item.description for item in BENIGN_STORIES if item.name == story)
    return Label(
        story,
        "benign",
        "benign",
        tuple(subjects),
        rfc3339(start),
        rfc3339(end),
        (),
        expected=(),
        description=description,
    )
