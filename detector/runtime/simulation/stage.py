"""What an attack story is staged with: a victim, a moment, a strength, and the means to leave records behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from detector.runtime.simulation.audits import Actor, Audit
from detector.runtime.simulation.catalogue import NEEDS, Input
from detector.runtime.simulation.chance import stream
from detector.runtime.simulation.changes import by_user
from detector.runtime.simulation.clock import HOUR, MINUTE, SECOND, rfc3339
from detector.runtime.simulation.deployments import run_records
from detector.runtime.simulation.directory import Directory, Edit, Entry
from detector.runtime.simulation.edits import EditDesk
from detector.runtime.simulation.inventory import Observation, poll_after
from detector.runtime.simulation.labels import LEVELS, Label, Level, Story
from detector.runtime.simulation.networks import CLOUD_ASN, FOREIGN_PLACES, Network, Origin, Registry
from detector.runtime.simulation.past import Past, Purpose, Sleeper
from detector.runtime.simulation.plan import Plan
from detector.runtime.simulation.records import (
    Credential,
    Desk,
    Draft,
    SignIn,
    agent_caller,
    blueprint_caller,
    credential_of,
)
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.tenant import (
    Agent,
    Blueprint,
    Key,
    Policy,
    Resource,
    Rhythm,
    Tenant,
    build_agent,
    interactive,
)

_GOLDEN: Final = 0.618033988749895
"""Multiples of it, modulo 1, spread starts evenly however many there are."""
_LONGEST: Final = 7 * HOUR
_FOREIGN_ASN: Final = 64501
_ROOMS: Final = 250

Busy = Literal["busy", "ordinary", "quiet"]


@dataclass(frozen=True, slots=True)
class Gap:
    """Records with event times in [start, end) do not come, because somebody saw to that."""

    category: str
    """Of the export that stands still; empty where an agent is stopped."""
    start: int
    end: int
    agent_id: str = ""
    """The agent that is stopped: its sign-ins do not happen."""


class Gaps:
    """All gaps of a simulation, quickly asked."""

    def __init__(self, gaps: Iterable[Gap]) -> None:
        """Hold gaps."""
        self._exports: list[Gap] = []
        self._stopped: dict[str, list[Gap]] = {}
        for gap in gaps:
            (self._stopped.setdefault(gap.agent_id, []) if gap.agent_id else self._exports).append(gap)

    def hide(self, draft: Draft) -> bool:
        """Say whether a record of benign life does not come."""
        if type(draft) is SignIn and draft.caller.service_principal_id in self._stopped:
            stopped = self._stopped[draft.caller.service_principal_id]
            if any(gap.start <= draft.ticks < gap.end for gap in stopped):
                return True
        return self.swallow(draft)

    def swallow(self, draft: Draft) -> bool:
        """Say whether a record is lost on its way, whoever left it."""
        return any(draft.category == gap.category and gap.start <= draft.ticks < gap.end for gap in self._exports)


@dataclass(frozen=True, slots=True)
class World:
    """What attacks find in place."""

    settings: SimulationSettings
    tenant: Tenant
    plan: Plan
    past: Past
    directory: Directory


class Stage:
    """One staging of a story. Its draws depend on the seed, the story and the level, not on the other stories.

    One story needs to know of the others: who falls silent must have been left alone by all of them.
    """

    def __init__(
        self, world: World, story: Story, number: int, level: Level, taken: frozenset[str] = frozenset()
    ) -> None:
        """Set the scene for the story that is `number` in the catalogue; agents that are `taken` have another story."""
        settings, tenant = world.settings, world.tenant
        self.world = world
        self.settings, self.tenant, self.plan = settings, tenant, world.plan
        self.story, self.level = story, level
        place = number * len(LEVELS) + LEVELS.index(level)
        self.rng = stream(settings.seed, "attack", story.name, level)
        self.desk = Desk(stream(settings.seed, "attack ids", story.name, level))
        self.change = EditDesk(self.desk)
        self.blueprint: Blueprint = tenant.blueprints[(number + LEVELS.index(level)) % len(tenant.blueprints)]
        self.start = self._start(place)
        self.drafts: list[Draft] = []
        self.gaps: list[Gap] = []
        self.subjects: list[str] = []
        self.networks = Registry(1 + place % _ROOMS, half=place // _ROOMS)
        self.place = place
        self._taken = taken

    def _start(self, place: int) -> int:
        span = self.settings.end_ticks - self.settings.attack_ticks
        room = min(_LONGEST, span // 2)
        share = (self.settings.seed * 0.37 + (place + 1) * _GOLDEN) % 1.0
        return self.settings.attack_ticks + min(10 * MINUTE, span // 10) + int((span * 0.9 - room) * share)

    def by_level(self, obvious: float, moderate: float, stealthy: float) -> float:
        """Give the figure that belongs to the level."""
        return {"obvious": obvious, "moderate": moderate, "stealthy": stealthy}[self.level]

    def label(self) -> Label:
        """Describe what was staged."""
        moments = [draft.ticks for draft in self.drafts]
        moments += [moment for gap in self.gaps for moment in (gap.start, gap.end)]
        story, given = self.story, {name for name in get_args(Input) if getattr(self.settings, name)}
        return Label(
            story=story.name,
            family=story.family,
            level=self.level,
            subject_ids=tuple(dict.fromkeys(self.subjects)),
            start=rfc3339(min(moments)),
            end=rfc3339(max(moments)),
            record_ids=tuple(draft.id for draft in self.drafts),
            expected=tuple(row for row in story.expected if NEEDS.get(row) is None or NEEDS[row] in given),
            description=story.description,
        )

    # Victims

    def blueprint_with_secret(self) -> Blueprint:
        """Turn to a blueprint that proves itself with a secret, where there is one."""
        return self.turn(lambda item: item.credential == "secret")

    def turn(self, fits: Callable[[Blueprint], bool]) -> Blueprint:
        """Turn to the next blueprint that fits, where there is one, and make it the subject."""
        blueprints = self.tenant.blueprints
        first = blueprints.index(self.blueprint)
        turned = blueprints[first:] + blueprints[:first]
        self.blueprint = next((item for item in turned if fits(item)), self.blueprint)
        return self.victim_blueprint()

    def turn_to(self, sleeper: Sleeper) -> Agent:
        """Turn to a project that has fallen asleep, and make it the subject."""
        self.blueprint = sleeper.blueprint
        self.subjects.append(sleeper.agent.id)
        self.victim_blueprint()
        return sleeper.agent

    def sleeper(self, purpose: Purpose) -> Sleeper:
        """Give the project that is there for a purpose."""
        return self.world.past.sleeper(purpose, self.level)

    def blueprint_of_rhythm(self, rhythm: Rhythm) -> None:
        """Turn to a blueprint of a rhythm, where there is one."""
        fitting = [item for item in self.tenant.blueprints if item.rhythm == rhythm]
        self.blueprint = self.rng.choice(fitting or self.tenant.blueprints)

    def victim_blueprint(self) -> Blueprint:
        """Make the blueprint the subject."""
        blueprint = self.blueprint
        self.subjects += [blueprint.app_id, blueprint.object_id, blueprint.service_principal_id]
        return blueprint

    def family(self) -> list[Agent]:
        """List the agents of the blueprint that are at work throughout the attack."""
        working = [agent for agent in self.tenant.agents_of(self.blueprint) if self._works(agent)]
        return working or self.tenant.agents_of(self.blueprint)

    def agent(self, kind: Busy = "ordinary") -> Agent:
        """Choose an agent of the blueprint, one that is not taken where there is one, and make it the subject."""
        free = [agent for agent in self.family() if agent.id not in self._taken]
        ranked = sorted(free or self.family(), key=lambda agent: (-agent.weight, agent.id))
        third = max(1, len(ranked) // 3)
        slices = {"busy": ranked[:third], "ordinary": ranked[third:-third] or ranked, "quiet": ranked[-third:]}
        chosen = self.rng.choice(slices[kind])
        self.subjects.append(chosen.id)
        return chosen

    def _works(self, agent: Agent) -> bool:
        return self.plan.end_of(agent) >= self.settings.end_ticks

    def hourly(self, agent: Agent) -> float:
        """Give an agent's mean number of requests an hour."""
        return self.settings.mean_requests_per_agent_day * agent.weight / 24

    def newcomer(self, block: int, *, index: int = 0) -> Agent:
        """Invent one more agent of the blueprint, and make it the subject.

        Args:
            block: Where the story's numbers of agents begin.
            index: Which of them, below 500.
        """
        number = block + self.place * 500 + index
        agent = build_agent(
            self.settings, self.tenant, self.blueprint, number=number, weight=1.0, active_from=self.start
        )
        self.subjects.append(agent.id)
        return agent

    def policy(self, name: str) -> Policy:
        """Invent a Conditional Access policy that is this story's own."""
        return Policy(self.desk.guid(), name)

    # Places

    def home(self, agent: Agent) -> Origin:
        """Give an address that the agent uses every day."""
        network = self.plan.network_of(agent, self.start)
        return Origin(network.address(agent.number * 31 % len(network.addresses)), network)

    def foreign(self, hosts: int = 2, *, unlike: Network | None = None) -> Network:
        """Give a network of another operator in another country; neither is that of `unlike`."""
        asn = _FOREIGN_ASN + self.rng.randrange(9)
        place = self.rng.choice([place for place in FOREIGN_PLACES if unlike is None or place is not unlike.place])
        if unlike is not None and asn == unlike.asn:
            asn = _FOREIGN_ASN + 9
        return self.networks.network(self.rng, asn=asn, place=place, hosts=hosts)

    def same_cloud(self) -> Network:
        """Give another prefix of the same operator in the same country."""
        place = self.blueprint.networks[0].place
        return self.networks.network(self.rng, asn=CLOUD_ASN, place=place, hosts=2)

    def other_operator(self) -> Network:
        """Give a prefix of another operator in the same country."""
        place = self.blueprint.networks[0].place
        return self.networks.network(self.rng, asn=_FOREIGN_ASN + self.rng.randrange(9), place=place, hosts=2)

    def office_admin(self) -> Actor:
        """Act as an administrator at the usual desk, by hand."""
        admin = self.rng.choice(self.tenant.administrators)
        return replace(by_user(admin, self.tenant.office, self.rng.randrange(4)), user_agent="python-requests/2.32")

    # Records

    def sign_in(
        self,
        at: int,
        agent: Agent,
        resource: Resource,
        origin: Origin,
        *,
        error: int = 0,
        policies: tuple[Policy, ...] = (),
    ) -> None:
        """Leave a sign-in of an agent: for itself, or for its first user where it never works by itself."""
        user = agent.users[0] if interactive(agent) else None
        caller = agent_caller(agent, subject="user" if user else "self", policies=policies or None)
        self.drafts.append(self.desk.sign_in(at, caller, resource, origin, error=error, user=user))

    def exchange(
        self,
        at: int,
        origin: Origin,
        *,
        error: int = 0,
        key: Key | None = None,
        credential: Credential | None = None,
    ) -> None:
        """Leave the first step of the chain: the blueprint asks for an exchange token, by default with its own key."""
        blueprint = self.blueprint
        self.subjects += [blueprint.app_id, blueprint.service_principal_id]
        credential = credential or credential_of(blueprint, key or self.plan.key_of(blueprint, at))
        if key is not None and key.type == "Password":
            credential = replace(credential, type="clientSecret", key_id=key.id, federated_id="")
        if error:
            credential = replace(credential, key_id="", thumbprint="")
        draft = self.desk.sign_in(
            at, blueprint_caller(blueprint), self.tenant.exchange, origin, error=error, credential=credential
        )
        self.drafts.append(draft)

    def steal(self, moments: Iterable[int], agent: Agent, network: Network, *, key: Key | None = None) -> None:
        """Use the blueprint's credential from elsewhere: an exchange token, then agent tokens."""
        for index, moment in enumerate(moments):
            origin = Origin(network.address(index % len(network.addresses)), network)
            if index % 10 == 0:
                self.exchange(moment - SECOND, origin, key=key)
            self.sign_in(moment, agent, agent.resources[0], origin)

    def record(self, *changes: Audit) -> None:
        """Leave changes."""
        self.drafts += changes

    def edit(self, at: int, object_id: str, edit: Edit, *, seen: bool = True) -> None:
        """Change the directory; where the poller notices (`seen`), it reads the object again within minutes."""
        self.world.directory.edit(at, object_id, edit)
        if seen:
            self.observe(at, object_id)

    def add(self, *entries: Entry, seen: bool = True) -> None:
        """Add objects to the directory, which the poller reads within minutes."""
        for entry in entries:
            self.world.directory.add(entry)
            if seen:
                self.observe(max(entry.since, self.start), entry.id)

    def observe(self, at: int, object_id: str) -> None:
        """Leave what the poller's next round after a moment says of an object."""
        if self.settings.inventory:
            directory = self.world.directory
            self.drafts.append(Observation(poll_after(at), self.desk.guid(), object_id, directory))

    def ran(self, at: int, ids: Sequence[str], kind: str) -> None:
        """Leave the run of the first pipeline that makes a change."""
        if self.settings.deployments:
            name = f"job-{self.desk.guid()[:8]}"
            self.drafts += run_records(self.tenant.pipelines[0], name, at, at, ids, (kind,))

    def rogue_key(self) -> Key:
        """Invent a secret that nobody ordered."""
        return Key(self.desk.guid(), "Password", self.rng.choice(("prod-hotfix", "temp", "migration", "test")))

    def in_use(self, blueprint: Blueprint) -> list[Key]:
        """Give the keys a blueprint has."""
        return [self.plan.key_of(blueprint, self.start)]

    def failures(self, moments: Iterable[int], origin: Origin, error: int) -> None:
        """Leave refused exchanges."""
        for moment in moments:
            self.exchange(moment, origin, error=error)


Play = tuple[Story, Callable[[Stage], None]]
"""A story and how it is acted."""
