"""What an attack story is staged with: a victim, a moment, a strength, and the means to leave records behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, Literal

from detector.runtime.simulation.audits import Actor, Audit
from detector.runtime.simulation.chance import stream
from detector.runtime.simulation.changes import ChangeDesk, by_user
from detector.runtime.simulation.clock import HOUR, MINUTE, SECOND, rfc3339
from detector.runtime.simulation.labels import LEVELS, Label, Level, Story
from detector.runtime.simulation.networks import CLOUD_ASN, FOREIGN_PLACES, Network, Origin, Registry
from detector.runtime.simulation.plan import Plan
from detector.runtime.simulation.records import (
    Desk,
    Draft,
    agent_caller,
    blueprint_caller,
    credential_of,
)
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.tenant import Agent, Blueprint, Key, Policy, Resource, Rhythm, Tenant

_GOLDEN: Final = 0.618033988749895
"""Multiples of it, modulo 1, spread starts evenly however many there are."""
_LONGEST: Final = 7 * HOUR
_FOREIGN_ASN: Final = 64501
_ROOMS: Final = 250

Busy = Literal["busy", "ordinary", "quiet", "dormant"]


class Stage:
    """One staging of a story. Its draws depend on the seed, the story and the level, not on the other stories."""

    def __init__(
        self, settings: SimulationSettings, tenant: Tenant, plan: Plan, story: Story, number: int, level: Level
    ) -> None:
        """Set the scene for the story that is `number` in the catalogue of stories."""
        self.settings, self.tenant, self.plan = settings, tenant, plan
        self.story, self.level = story, level
        place = number * len(LEVELS) + LEVELS.index(level)
        self.rng = stream(settings.seed, "attack", story.name, level)
        self.desk = Desk(stream(settings.seed, "attack ids", story.name, level))
        self.change = ChangeDesk(self.desk)
        self.blueprint: Blueprint = tenant.blueprints[(number + LEVELS.index(level)) % len(tenant.blueprints)]
        self.start = self._start(place)
        self.drafts: list[Draft] = []
        self.subjects: list[str] = []
        self._networks = Registry(1 + place % _ROOMS)

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
        story = self.story
        return Label(
            story=story.name,
            family=story.family,
            level=self.level,
            subject_ids=tuple(dict.fromkeys(self.subjects)),
            start=rfc3339(min(moments)),
            end=rfc3339(max(moments)),
            record_ids=tuple(draft.id for draft in self.drafts),
            expected=story.expected,
            description=story.description,
        )

    # Victims

    def blueprint_with_secret(self) -> Blueprint:
        """Turn to a blueprint that proves itself with a secret, where there is one."""
        blueprints = self.tenant.blueprints
        first = blueprints.index(self.blueprint)
        turned = blueprints[first:] + blueprints[:first]
        self.blueprint = next((item for item in turned if item.credential == "secret"), self.blueprint)
        return self.victim_blueprint()

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
        """Choose an agent of the blueprint and make it the subject."""
        if kind == "dormant":
            asleep = [agent for agent in self.tenant.agents if agent.active_until < self.settings.attack_ticks]
            chosen = self.rng.choice(asleep or self.family())
            self.blueprint = chosen.blueprint
        else:
            ranked = sorted(self.family(), key=lambda agent: (-agent.weight, agent.id))
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

    # Places

    def home(self, agent: Agent) -> Origin:
        """Give an address that the agent uses every day."""
        network = self.plan.network_of(agent, self.start)
        return Origin(network.address(agent.number * 31 % len(network.addresses)), network)

    def foreign(self, hosts: int = 2) -> Network:
        """Give a network of another operator in another country."""
        return self._networks.network(
            self.rng,
            asn=_FOREIGN_ASN + self.rng.randrange(9),
            place=self.rng.choice(FOREIGN_PLACES),
            hosts=hosts,
        )

    def same_cloud(self) -> Network:
        """Give another prefix of the same operator in the same country."""
        place = self.blueprint.networks[0].place
        return self._networks.network(self.rng, asn=CLOUD_ASN, place=place, hosts=2)

    def other_operator(self) -> Network:
        """Give a prefix of another operator in the same country."""
        place = self.blueprint.networks[0].place
        return self._networks.network(self.rng, asn=_FOREIGN_ASN + self.rng.randrange(9), place=place, hosts=2)

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
        """Leave a sign-in of an agent."""
        caller = agent_caller(agent)
        if policies:
            caller = replace(caller, policies=policies)
        self.drafts.append(self.desk.sign_in(at, caller, resource, origin, error=error))

    def exchange(self, at: int, origin: Origin, *, error: int = 0, key: Key | None = None) -> None:
        """Leave the first step of the chain: the blueprint asks for an exchange token, by default with its own key."""
        blueprint = self.blueprint
        self.subjects += [blueprint.app_id, blueprint.service_principal_id]
        credential = credential_of(blueprint, key or self.plan.key_of(blueprint, at))
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
