"""Random but rich streams: a day and more of two tenants, with episodes of every kind strewn over it.

Hypothesis draws a `Plan` (a seed, the episodes, the lateness), which shrinks well; `stream_of` makes the events.
Times are whole seconds, often round, so that buckets are hit on their edges and events share an instant.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

import msgspec
from hypothesis import HealthCheck
from hypothesis import settings as search
from hypothesis import strategies as st

from detector.domain.alerts import Alert
from detector.domain.events import (
    Access,
    Actor,
    Change,
    Credential,
    CredentialKey,
    Event,
    FederatedTrust,
    FieldChange,
    Grant,
    GraphActivity,
    Identity,
    Origin,
    PolicyTerms,
    SignIn,
)
from detector.engine.engine import Engine
from detector.engine.settings import EngineSettings
from detector.engine.state import State
from detector.features.budget import BudgetSettings
from tests.laws.manifest import MANIFEST, PIPELINES
from tests.laws.manifest import deployer as deployer_of
from tests.stories import (
    ADMIN,
    BLOCKED,
    DAY,
    EXPIRED,
    HOME,
    HOUR,
    INVALID,
    MINUTE,
    NOWHERE,
    RELEASE,
    START,
    THROTTLED,
    Agent,
    Tenant,
    guid,
    in_order,
    network,
    person,
    refused_by,
    settings,
    user,
)

Factory = Callable[[EngineSettings, State | None], Engine]
"""How a law gets its engines; a mutant hands over another."""

CALM_HOURS: Final = 13

few = search(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "8")), suppress_health_check=[HealthCheck.too_slow], deadline=None
)
"""How many streams a law is held against: each is a day of two tenants, so few by default."""


def real(chosen: EngineSettings, state: State | None = None) -> Engine:
    """The engine of the product."""
    return Engine(chosen, state)


@dataclass(frozen=True, slots=True)
class Stream:
    """Events in order of event time, and the settings to judge them by."""

    events: tuple[Event, ...]
    settings: EngineSettings
    groups: dict[str, str]
    """Record id to the blueprint (or lone agent) that it is about, with its tenant: `contoso/crew`. `contoso/*`: to all
    of the tenant."""
    seed: int

    def __repr__(self) -> str:
        return f"Stream of {len(self.events)} events, seed {self.seed}"


BUDGET: Final = BudgetSettings(
    rate=60.0,
    weight=0.05,
    shipped={
        "api_novelty": ((0, 90.0), (130, 30.0)),
        "network_novelty": ((0, 70.0), (140, 1.0)),
        "token_spike": ((0, 80.0), (140, 40.0)),
        "failure_burst": ((0, 55.0),),
        "credential_added": ((0, 100.0),),
        "combined": ((0, 50.0), (20, 5.0)),
    },
    learning_days=1,
    always=frozenset({"critical"}),
)
"""So that in small tenants some alerts are within it, some not, and some only together."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What hypothesis draws."""

    seed: int
    episodes: tuple[str, ...]
    lateness: float = 1200.0
    scope: str = "agents"


class Scene:
    """A stream in the making: the cast, the dice, and what was told so far."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.dice = Random(plan.seed)
        self.tenants = [Tenant("contoso"), Tenant("fabrikam")]
        self.cast: list[tuple[Tenant, Agent, str]] = []
        for tenant, names in zip(self.tenants, (("red", "red", "blue"), ("red", "green")), strict=True):
            for number, blueprint in enumerate(names):
                agent = tenant.agent(f"{blueprint}-{number}", blueprint=blueprint)
                self.cast.append((tenant, agent, f"{tenant.name}/{blueprint}"))
        self.events: list[Event] = []
        self.groups: dict[str, str] = {}
        self.fresh = 0
        self.end = 0.0
        """When a long story ends; 0 for a short one."""

    def tell(self, group: str, *events: Event) -> None:
        """Adds events about `group`."""
        self.events.extend(events)
        self.groups.update((event.record_id, group) for event in events)

    def when(self, *, after: int = CALM_HOURS, hours: int = 30) -> float:
        """A moment after the calm, round as often as not."""
        dice = self.dice
        moment = START + dice.randrange(after * 60, (after + hours) * 60) * MINUTE
        return moment - moment % dice.choice((60, 60, 600, 3600, 21600)) + dice.choice((0, 0, 1, 59))

    def near(self, moment: float, spread: float) -> float:
        """A whole second within `spread` seconds of a moment, at times exactly at the edge."""
        dice = self.dice
        return moment + dice.choice((-spread, spread, 0.0, float(dice.randint(int(-spread), int(spread)))))

    def someone(self) -> tuple[Tenant, Agent, str]:
        """One of the cast."""
        return self.dice.choice(self.cast)

    def new(self, word: str) -> str:
        """A name never used before."""
        self.fresh += 1
        return f"{word}-{self.fresh}"


def calm(scene: Scene) -> None:
    """Steady work of everybody, three days with a gap in them."""
    dice = scene.dice
    for tenant, agent, group in scene.cast:
        resources = dice.sample(("graph", "vault", "storage", "sql"), dice.randint(1, 2))
        for hour in (*range(CALM_HOURS), *range(16, 40, 3), 66, 67, 72):
            for _ in range(dice.randint(1, 2)):
                at = START + hour * HOUR + dice.randrange(3600)
                scene.tell(group, tenant.sign_in(agent, at, resource=dice.choice(resources)))


# Episodes


def burst(scene: Scene) -> None:
    """Many requests of one agent, within one bucket or across several."""
    tenant, agent, group = scene.someone()
    start, every = scene.when(), scene.dice.choice((1.0, 20.0, 100.0))
    scene.tell(group, *tenant.sign_ins(agent, start, scene.dice.randint(6, 30), every=every))


def went_on(scene: Scene) -> None:
    """A few requests in every minute of a quarter of an hour but one, in disorder."""
    tenant, agent, group = scene.someone()
    start, dice = scene.when() + scene.dice.randrange(600), scene.dice
    minutes = [start + 60 * minute for minute in range(dice.randint(9, 15))]
    del minutes[dice.randrange(1, len(minutes) - 1)]
    scene.tell(
        group,
        *(tenant.sign_in(agent, at + dice.randrange(60)) for at in minutes for _ in range(dice.choice((2, 2, 3, 5)))),
    )


def fleet_burst(scene: Scene) -> None:
    """A few requests of every agent of a blueprint, newborn ones among them."""
    tenant, agent, group = scene.someone()
    start = scene.when()
    siblings = [other for _, other, its in scene.cast if its == group]
    siblings += [replace(agent, id=guid(name), object_id=guid(name), name=name) for name in map(scene.new, "ab")]
    for other in siblings:
        scene.tell(group, *tenant.sign_ins(other, start, scene.dice.randint(3, 9), every=30.0))


def sweep(scene: Scene) -> None:
    """Several resources within an hour, known and unknown ones in any order."""
    tenant, agent, group = scene.someone()
    start = scene.when()
    names = ["graph", "vault", "storage", *(scene.new("api") for _ in range(scene.dice.randint(1, 5)))]
    scene.dice.shuffle(names)
    for name in names:
        scene.tell(group, tenant.sign_in(agent, scene.near(start, 25 * MINUTE), resource=name))


def new_api(scene: Scene) -> None:
    """One new resource, used by the agent and perhaps by a sibling, again and again over some hours."""
    tenant, agent, group = scene.someone()
    name, start = scene.new("api"), scene.when()
    users = [other for _, other, its in scene.cast if its == group]
    for _ in range(scene.dice.randint(1, 6)):
        user = scene.dice.choice([agent, *users])
        scene.tell(group, tenant.sign_in(user, scene.near(start, 3 * HOUR), resource=name))


def new_network(scene: Scene) -> None:
    """A new prefix, alone or with a new autonomous system or country, or no address at all."""
    tenant, agent, group = scene.someone()
    start, number = scene.when(), scene.dice.randint(1, 40)
    origin = scene.dice.choice(
        (network(number), network(number, asn=HOME.asn), network(number, asn=HOME.asn, country=HOME.country), NOWHERE)
    )
    for _ in range(scene.dice.randint(1, 5)):
        scene.tell(group, tenant.sign_in(agent, scene.near(start, 3 * HOUR), origin=origin))


def guessing(scene: Scene) -> None:
    """Runs of guesses in neighbouring hours, and successes before, among and after them."""
    tenant, agent, group = scene.someone()
    start = scene.when()
    for _ in range(scene.dice.randint(3, 12)):
        scene.tell(group, tenant.sign_in(agent, scene.near(start, 70 * MINUTE), error=INVALID, key=f"{group}-2"))
    for _ in range(scene.dice.randint(0, 4)):
        scene.tell(group, tenant.sign_in(agent, scene.near(start + HOUR, 120 * MINUTE), key=f"{group}-2"))


def refused(scene: Scene) -> None:
    """Failures of one or several classes over some hours."""
    tenant, agent, group = scene.someone()
    start = scene.when()
    codes = scene.dice.sample((EXPIRED, BLOCKED, THROTTLED, INVALID, 424242), scene.dice.randint(1, 3))
    for _ in range(scene.dice.randint(2, 12)):
        at = scene.near(start, scene.dice.choice((10 * MINUTE, 2 * HOUR)))
        scene.tell(group, tenant.sign_in(agent, at, error=scene.dice.choice(codes)))


def changed(scene: Scene) -> None:
    """Changes of an agent or its blueprint, by hand or by the pipeline, or that nobody reads."""
    tenant, agent, group = scene.someone()
    kinds = ("credential_added", "app_role_granted", "directory_role_assigned", "service_principal_updated", "unread")
    actors = ({}, {"actor": RELEASE}, {"actor": replace_ip(RELEASE, "198.51.100.99")})
    target = scene.dice.choice((agent, Identity(id=agent.blueprint, type="Application")))
    for _ in range(scene.dice.randint(1, 3)):
        words = scene.dice.choice(actors)
        scene.tell(group, tenant.change(scene.dice.choice(kinds), scene.when(), target, **words))


def configured(scene: Scene) -> None:
    """Changes of every family of one agent, by people, by its siblings and by the pipeline, some logged twice."""
    tenant, agent, group = scene.someone()
    sibling = scene.dice.choice([other for _, other, its in scene.cast if its == group])
    eve = Identity(id=guid("user", "eve"), type="User", name="eve@example.com")
    by_sibling = Actor(kind="app", id=sibling.object_id, name=sibling.name, ip="192.0.2.9")
    trusts = (FederatedTrust("n", f"https://{scene.new('issuer')}", "s", guid(scene.new("federated"))),)
    told: dict[str, dict[str, object]] = {
        "agent_enabled": {},
        "agent_disabled": {},
        "application_updated": {"fields": (FieldChange("redirect_uris", (scene.new("host"),)),)},
        "app_role_granted": {},
        "consent_granted": {"scopes": ("Mail.Read",), "for_everybody": scene.dice.random() < 0.5},
        "credential_added": {},
        "federated_credential_changed": {"federated_added": trusts},
        "inheritable_permissions_changed": {},
        "owner_added": {"targets": (eve, agent.target), "grantee_object_id": agent.object_id},
    }
    start = scene.when(hours=20)
    for kind in scene.dice.choices(tuple(told), k=scene.dice.randint(2, 6)):
        actor = scene.dice.choice((ADMIN, RELEASE, by_sibling))
        at, deed = start + scene.dice.randrange(8 * 3600), scene.dice.choice((None, scene.new("deed")))
        for _ in range(scene.dice.choice((1, 1, 2))):
            words = told[kind] | {"actor": actor, "correlation_id": deed}
            scene.tell(group, tenant.change(kind, scene.near(at, 60), agent, **words))


def administered(scene: Scene) -> None:
    """Somebody gets and loses a role over agents, and becomes owner of agents and of what is none."""
    tenant, agent, group = scene.someone()
    name = scene.new("holder")
    holder = Identity(id=guid("user", name), type="User", name=name)
    role = Identity(id=guid("role"), type="Role", name="Agent ID Administrator")
    lone = f"{tenant.name}/{name}"
    start = scene.when()
    for _ in range(scene.dice.randint(1, 4)):
        kind = scene.dice.choice(("directory_role_assigned", "directory_role_assigned", "directory_role_removed"))
        words = {"targets": (role, holder), "directory_role": role.name, "directory_role_template_id": None}
        scene.tell(lone, tenant.change(kind, scene.near(start, 2 * HOUR), **words))
    actor = Actor(kind="user", id=holder.id, name=name)
    for _ in range(scene.dice.randint(1, 3)):
        thing = Identity(id=guid(scene.new("thing")), type="ServicePrincipal", name="thing")
        at = scene.near(start + HOUR, 2 * HOUR)
        scene.tell(lone, tenant.change("owner_added", at, targets=(holder, thing), actor=actor))
    words = {"targets": (holder, agent.target), "grantee_object_id": agent.object_id, "actor": actor}
    scene.tell(group, tenant.change("owner_added", scene.near(start + HOUR, HOUR), **words))


def replace_ip(actor: msgspec.Struct, ip: str) -> msgspec.Struct:
    """The same actor from elsewhere."""
    return msgspec.structs.replace(actor, ip=ip)


def newborn(scene: Scene) -> None:
    """An agent is changed about when it first signs in: a little before, after, or too early to be recognised."""
    tenant, _, group = scene.someone()
    name = scene.new("newborn")
    agent = tenant.agent(name, blueprint=group.partition("/")[2])
    birth, lateness = scene.when(), int(scene.plan.lateness)
    for _ in range(scene.dice.randint(1, 3)):
        scene.tell(group, tenant.sign_in(agent, birth + scene.dice.randrange(900)))
    for _ in range(scene.dice.randint(1, 2)):
        at = scene.near(birth - scene.dice.choice((0, lateness // 2, lateness, lateness + 700)), 300)
        scene.tell(group, tenant.change("credential_added", at, agent))


def stranger(scene: Scene) -> None:
    """A change names an object id that another record, near in time, says belongs to an agent."""
    tenant, agent, group = scene.someone()
    lateness, moment, alias = int(scene.plan.lateness), scene.when(), guid(scene.new("object"))
    scene.tell(group, tenant.change("owner_added", moment, Identity(id=alias, type="ServicePrincipal")))
    for _ in range(scene.dice.randint(1, 2)):
        at = scene.near(moment + scene.dice.choice((0, lateness)), 400)
        if scene.dice.random() < 0.5:
            scene.tell(group, tenant.sign_in(agent, at, service_principal_id=alias))
        else:
            named = Identity(id=alias, type="ServicePrincipal", app_id=agent.id)
            scene.tell(group, tenant.change("service_principal_updated", at, named))


def classic(scene: Scene) -> None:
    """Records that do not say that they are an agent's: of a stranger, and of an id known from other records."""
    tenant, _, group = scene.someone()
    name = scene.new("classic")
    agent = tenant.agent(name, blueprint=None)
    plain = replace(agent, role="none")
    lone = f"{tenant.name}/{name}"
    start = scene.when()
    for _ in range(scene.dice.randint(1, 3)):
        scene.tell(lone, tenant.sign_in(agent, scene.near(start, HOUR)))
    for _ in range(scene.dice.randint(4, 12)):
        scene.tell(lone, tenant.sign_in(plain, scene.near(start + 2 * HOUR, 3 * HOUR)))
    del group


def own_principal(scene: Scene) -> None:
    """Sign-ins of a blueprint itself, some refused."""
    tenant, _, group = scene.someone()
    blueprint = tenant.agent(group.partition("/")[2], role="blueprint")
    start = scene.when(after=0)
    for _ in range(scene.dice.randint(3, 12)):
        error = scene.dice.choice((0, 0, INVALID))
        scene.tell(group, tenant.sign_in(blueprint, scene.near(start, 5 * HOUR), resource="exchange", error=error))


def shared_id(scene: Scene) -> None:
    """One application at work in both tenants under the same ids."""
    first, second = scene.tenants
    agent = first.agent("everywhere", blueprint=None)
    for tenant in (first, second):
        own = replace(agent, tenant=tenant.id)
        scene.tell(f"{tenant.name}/everywhere", *tenant.calm(own, hours=14, per_hour=1))
    start, origin = scene.when(), network(scene.dice.randint(41, 60))
    for tenant in (first, second):
        own = replace(agent, tenant=tenant.id)
        scene.tell(f"{tenant.name}/everywhere", tenant.sign_in(own, scene.near(start, 300), origin=origin))


def renamed(scene: Scene) -> None:
    """An agent whose records carry an old and a new name for a while, and something to say about it."""
    tenant, agent, group = scene.someone()
    start = scene.when()
    for _ in range(scene.dice.randint(2, 5)):
        named = replace(agent, name=scene.dice.choice(("old name", "new name")))
        error = scene.dice.choice((0, 0, EXPIRED))
        scene.tell(group, tenant.sign_in(named, scene.near(start, 2 * HOUR), error=error))
    scene.tell(group, tenant.sign_in(agent, scene.near(start, 2 * HOUR), resource=scene.new("api")))
    scene.tell(group, *tenant.sign_ins(agent, scene.near(start, 2 * HOUR), 4, error=EXPIRED, every=1.0))


def unstated(scene: Scene) -> None:
    """An agent some of whose records do not name its blueprint, in hours of their own."""
    tenant, _, group = scene.someone()
    agent = tenant.agent(scene.new("sometimes"), blueprint=group.partition("/")[2])
    silent = replace(agent, blueprint=None)
    start = scene.when(after=0)
    start -= start % HOUR
    for hour in range(0, 3 * scene.dice.randint(1, 8), 3):
        who = scene.dice.choice((agent, silent))
        scene.tell(group, *tenant.sign_ins(who, start + hour * HOUR, scene.dice.randint(1, 8), every=100.0))


def rekeyed(scene: Scene) -> None:
    """New keys and types of credential, of agents and their blueprint, over some hours."""
    tenant, agent, group = scene.someone()
    blueprint = tenant.agent(group.partition("/")[2], role="blueprint")
    start, keys = scene.when(), [f"{group}-{scene.new('key')}" for _ in range(2)]
    for _ in range(scene.dice.randint(2, 9)):
        words = {
            "key": scene.dice.choice((None, "", *keys)),
            "credential": scene.dice.choice((None, "clientSecret", "certificate", "managedIdentity", "newType")),
        }
        who = scene.dice.choice((agent, agent, blueprint))
        scene.tell(group, tenant.sign_in(who, scene.near(start, scene.dice.choice((30 * MINUTE, 4 * HOUR))), **words))


def shared_key(scene: Scene) -> None:
    """Blueprints (in one group, for they meet) and a classic principal that use the same keys."""
    tenant, _, _ = scene.someone()
    name = scene.new("sharing")
    group, start = f"{tenant.name}/{name}", scene.when()
    users = [tenant.agent(f"{name}-{letter}", role="blueprint") for letter in "abc"]
    users += [tenant.agent(f"{name}-child", blueprint=f"{name}-d"), tenant.agent(f"{name}-lone", blueprint=None)]
    for _ in range(scene.dice.randint(2, 8)):
        at, key = scene.near(start, 3 * HOUR), f"{name}-{scene.dice.choice('xxy')}"
        scene.tell(group, tenant.sign_in(scene.dice.choice(users), at, key=key))


def for_people(scene: Scene) -> None:
    """An agent that acts for people, and for its user account, in hours of their own or not."""
    tenant, agent, group = scene.someone()
    start = scene.when()
    for _ in range(scene.dice.randint(1, 6)):
        subject = scene.dice.choice(("none", "none", "agent_user"))
        words = {"kind": "non_interactive_user", "user": f"{group}-{subject}", "subject_role": subject}
        scene.tell(group, tenant.sign_in(agent, scene.near(start, 3 * HOUR), **words))


def like_a_person(scene: Scene) -> None:
    """The user account of an agent is used like a person's, or is about to."""
    tenant, agent, group = scene.someone()
    start = scene.when()
    for _ in range(scene.dice.randint(1, 6)):
        words = {
            "kind": scene.dice.choice(("interactive_user", "non_interactive_user")),
            "subject_role": "agent_user",
            "parent_id": scene.dice.choice((agent.id, None)),
            "protocol": scene.dice.choice((None, "ropc")),
            "error": scene.dice.choice((0, 0, 50126, 50076)),
            "user": f"{group}-bot",
        }
        scene.tell(group, tenant.sign_in(agent, scene.near(start, 13 * HOUR), **words))


def two_places(scene: Scene) -> None:
    """An agent at work from its usual place and from new ones, in turns or one after the other."""
    tenant, agent, group = scene.someone()
    start, number = scene.when(), scene.dice.randint(61, 90)
    places = [HOME, network(number), scene.dice.choice((network(number + 1), network(number, asn=HOME.asn), NOWHERE))]
    for _ in range(scene.dice.randint(3, 24)):
        at = start + scene.dice.randrange(0, 4 * 3600, scene.dice.choice((1, 60, 600)))
        scene.tell(group, tenant.sign_in(agent, at, origin=scene.dice.choice(places)))


def crowd(scene: Scene) -> None:
    """Many agents of a blueprint within some hours, most of them newborn."""
    tenant, agent, group = scene.someone()
    start = scene.when()
    for name in (scene.new("crowd") for _ in range(scene.dice.randint(3, 9))):
        other = replace(agent, id=guid(name), object_id=guid(name), name=name)
        for _ in range(scene.dice.randint(1, 2)):
            scene.tell(group, tenant.sign_in(other, scene.near(start, scene.dice.choice((20 * MINUTE, 2 * HOUR)))))


def deployed(scene: Scene) -> None:
    """Runs of a blueprint's pipeline, changes in them, beside them and by hand, handshakes, promises kept or not."""
    tenant, agent, group = scene.someone()
    deployer = Actor(kind="app", id=deployer_of(group), name="deployer", ip="203.0.113.9")
    siblings = [other for _, other, its in scene.cast if its == group]
    blueprint = tenant.agent(group.partition("/")[2], role="blueprint")
    start, dice = scene.when(), scene.dice
    for _ in range(dice.randint(1, 3)):
        words = {
            "run": scene.new("run"),
            "pipeline": f"deploy-{group}",
            "agents": dice.choice((siblings, [blueprint], [agent])),
            "changes": dice.choice((None, ("owner_added",), ("credential_added",), ("deployed",))),
        }
        begun, lasts = scene.near(start, 90 * MINUTE), dice.choice((60.0, 600.0, 4000.0))
        told = dice.choice(("begun", "over", "both", "both"))
        if told != "over":
            scene.tell(group, tenant.deployment(begun, **words, status="in_progress", started=begun))
        if told != "begun":
            words |= {"status": dice.choice(("succeeded", "failed")), "started": begun, "finished": begun + lasts}
            scene.tell(group, tenant.deployment(begun + lasts, **words))
    for _ in range(dice.randint(1, 4)):
        kind, actor = dice.choice(("owner_added", "credential_added")), dice.choice((deployer, deployer, ADMIN))
        target = dice.choice((agent, Identity(id=blueprint.id, type="Application")))
        scene.tell(group, tenant.change(kind, scene.near(start, 2 * HOUR), target, actor=actor))
    fresh, at = tenant.agent(scene.new("fresh"), blueprint=blueprint.name), scene.when()
    scene.tell(group, *(tenant.sign_in(fresh, scene.near(at, HOUR)) for _ in range(dice.randint(0, 4))))
    named = dice.choice((siblings, [blueprint], [fresh], [fresh]))
    words = {"run": scene.new("handshake"), "kind": "handshake", "passed": dice.random() < 0.8}
    scene.tell(group, tenant.deployment(at, agents=named, **words))


def drifted(scene: Scene) -> None:
    """What inventories show of an agent or its blueprint over some hours, and work of the agent around it."""
    tenant, agent, group = scene.someone()
    blueprint = tenant.agent(group.partition("/")[2], role="blueprint")
    start, dice = scene.when(), scene.dice
    for _ in range(dice.randint(1, 5)):
        shown = {
            "attributes": dice.choice((None, {}, {"Agents.Stage": ("Production",)}, {"Agents.Stage": ("Test",)})),
            "grants": dice.choice((None, (), (Grant("app_role", "r", "Mail.Read"), Grant("app_role", "r", "Files")))),
            "owners": dice.choice((None, (), (person("olga"),))),
            "enabled": dice.choice((None, True, True, False)),
        }
        target = dice.choice((agent, blueprint))
        scene.tell(group, tenant.inventory(target, scene.near(start, dice.choice((10 * MINUTE, 5 * HOUR))), **shown))
    for _ in range(dice.randint(1, 6)):
        resource = dice.choice(("graph", "vault", "sql"))
        scene.tell(group, tenant.sign_in(agent, scene.near(start + HOUR, 3 * HOUR), resource=resource))


def blocked(scene: Scene) -> None:
    """Refusals by policies that are named or not, edits of them and of attributes, and tokens by this way and that."""
    tenant, agent, group = scene.someone()
    siblings = [other for _, other, its in scene.cast if its == group]
    start, dice, name = scene.when(), scene.dice, scene.new("policy")
    reach = dice.choice((300.0, 20 * MINUTE, 2 * HOUR))
    resources = ("graph", scene.new("api"))
    for _ in range(dice.randint(1, 8)):
        policies = dice.choice(((), refused_by(name), refused_by(name, "Other"), refused_by("Other")))
        words = {"error": BLOCKED, "policies": policies, "resource": dice.choice(resources)}
        where = dice.choice((HOME, network(dice.randint(1, 3))))
        who = dice.choice((agent, *siblings))
        scene.tell(group, tenant.sign_in(who, scene.near(start, reach), origin=where, **words))
    for _ in range(dice.randint(0, 2)):
        at, location = scene.near(start, reach), dice.random() < 0.2
        sides = [PolicyTerms(state=dice.choice(("enabled", "disabled")), workloads=True) for _ in range(2)]
        succeeded = dice.random() < 0.9
        edit = tenant.policy_edit(dice.choice((name, "Other")), at, *sides, location=location, succeeded=succeeded)
        scene.tell(f"{tenant.name}/*", edit)
    if dice.random() < 0.3:
        activity = "update attribute values assigned to a serviceprincipal"
        scene.tell(group, tenant.change(activity, scene.near(start, reach), dice.choice((agent, *siblings))))
    for _ in range(dice.randint(1, 6)):
        where = dice.choice((HOME, network(dice.randint(1, 40))))
        who, resource = dice.choice((agent, *siblings)), dice.choice(resources)
        scene.tell(group, tenant.sign_in(who, scene.near(start, reach), origin=where, resource=resource))


def locked_out(scene: Scene) -> None:
    """An edit, and refusals of agents from before it, from about the same time, and from after it."""
    tenant, _, _ = scene.someone()
    start, dice = scene.when(), scene.dice
    scene.tell(f"{tenant.name}/*", tenant.policy_edit("Other", start))
    for _, agent, group in [each for each in scene.cast if each[0] is tenant]:
        for _ in range(dice.randint(0, 3)):
            at = scene.near(start + dice.choice((-HOUR, 0, 600, 2 * HOUR)), 20 * MINUTE)
            scene.tell(group, tenant.sign_in(agent, at, error=BLOCKED, policies=dice.choice(((), refused_by("Other")))))


def at_risk(scene: Scene) -> None:
    """Detections and states of risk, tokens around them, and perhaps the end of the matter some hours later."""
    tenant, agent, group = scene.someone()
    start, dice = scene.when(), scene.dice
    for _ in range(dice.randint(1, 3)):
        words = {
            "category": dice.choice(("RiskyAgents", "AgentRiskEvents", "ServicePrincipalRiskEvents")),
            "level": dice.choice(("low", "medium", "high")),
            "state": dice.choice(("atRisk", "atRisk", "confirmedCompromised", "none")),
        }
        scene.tell(group, tenant.risk(agent, scene.near(start, 20 * MINUTE), **words))
    for _ in range(dice.randint(0, 5)):
        at = scene.near(start, dice.choice((15 * MINUTE, 3 * HOUR)))
        scene.tell(group, tenant.sign_in(agent, at, error=dice.choice((0, 0, BLOCKED))))
    if dice.random() < 0.5:
        at = start + 20 * MINUTE + dice.choice((1.5, 2.0)) * max(scene.plan.lateness, 600.0)
        scene.tell(group, tenant.risk(agent, at, level="none", state="dismissed", category="RiskyAgents"))


def other_categories(scene: Scene) -> None:
    """Records of categories that the engine does not read yet."""
    tenant, agent, group = scene.someone()
    request = GraphActivity(
        record_id=tenant.record_id(),
        time=scene.when(),
        received=None,
        tenant_id=tenant.id,
        app_id=agent.id,
        service_principal_id=agent.object_id,
        user_id=None,
        method="GET",
        path="/users",
        status=200,
        origin=HOME,
    )
    scene.tell(group, request)


def answerable(scene: Scene) -> None:
    """Looks at who answers for an agent and its blueprint, people who go and come back, and hand-overs."""
    tenant, agent, group = scene.someone()
    blueprint = tenant.agent(group.partition("/")[2], role="blueprint")
    start, dice = scene.when(), scene.dice
    reach = dice.choice((5 * MINUTE, 20 * MINUTE, 5 * HOUR))
    names = [scene.new("person") for _ in range(2)]
    for _ in range(dice.randint(1, 6)):
        shown = {
            role: dice.choice(
                (None, (), *(tuple(person(each, enabled=known) for each in some) for some in (names, names[:1])))
            )
            for role in ("owners", "sponsors")
            for known in (dice.choice((None, None, True, False)),)
        }
        about = dice.choice((agent, agent, blueprint))
        gone = dice.random() < 0.1
        at = scene.near(start, reach) + dice.choice((0, 0, 48 * HOUR))
        scene.tell(group, tenant.inventory(about, at, **shown, deleted=gone))
    for name in names:
        if dice.random() < 0.7:
            at = scene.near(start, reach)
            kind = dice.choice(("user_disabled", "user_deleted"))
            scene.tell(group, tenant.change(kind, at, user(name)))
            if dice.random() < 0.5:
                back = at + dice.choice((1.5, 3.0)) * max(scene.plan.lateness, 600.0)
                shown_back = tenant.inventory(user(name), back, enabled=True)
                scene.tell(group, dice.choice((shown_back, tenant.change("user_enabled", back, user(name)))))
    for _ in range(dice.randint(0, 4)):
        kind = dice.choice(("sponsor_added", "sponsor_removed", "sponsor_removed", "owner_added", "owner_removed"))
        targets = (user(dice.choice(names)), agent.target)
        scene.tell(group, tenant.change(kind, scene.near(start, reach), agent, targets=targets))


def keyed(scene: Scene) -> None:
    """Looks at the credentials of blueprints that come, go, end, and are shared between two of one group."""
    tenant, _, _ = scene.someone()
    name = scene.new("keyed")
    group, start, dice = f"{tenant.name}/{name}", scene.when(), scene.dice
    holders = [tenant.agent(f"{name}-{letter}", role="blueprint") for letter in "ab"]
    held = [
        Credential(
            guid(name, "secret"), "secret", "ci", start=start, end=start + dice.choice((0.4, 1.2, 8, 300)) * 24 * HOUR
        ),
        Credential(guid(name, "certificate"), "certificate", end=start + 9 * 24 * HOUR, thumbprint=name),
        Credential(guid(name, "trust"), "federated", issuer="https://example.com", subject=name),
    ]
    for _ in range(dice.randint(1, 7)):
        at = scene.near(start, dice.choice((20 * MINUTE, 14 * HOUR)))
        some = tuple(each for each in held if dice.random() < 0.6)
        scene.tell(group, tenant.inventory(dice.choice(holders), at, credentials=dice.choice((some, some, None))))
    scene.tell(group, tenant.sign_in(holders[0], START + 73 * HOUR))  # so that its days pass, even when it is alone


def outside(scene: Scene) -> None:
    """Applications that look like agents, new agents that lack something, and changes of what only inventories know."""
    tenant, _, group = scene.someone()
    name = scene.new("bot")
    classic = tenant.agent(name, role="none")
    lone, start, dice = f"{tenant.name}/{name}", scene.when(), scene.dice
    for _ in range(dice.randint(1, 3)):
        grants = dice.choice((None, (), (Grant("app_role", "r", "use", guid("resource", "models")),)))
        shown = {"tags": dice.choice((None, (), ("AgenticApp",))), "grants": grants}
        scene.tell(lone, tenant.inventory(classic, scene.near(start, HOUR), **shown))
        scene.tell(lone, tenant.sign_in(classic, scene.near(start, HOUR), resource="models"))
    fresh = tenant.agent(scene.new("fresh"), blueprint=group.partition("/")[2])
    for _ in range(dice.randint(1, 3)):
        at = scene.near(start, dice.choice((10 * MINUTE, 2 * HOUR)))
        shown = {
            "created": start - dice.choice((0, 5, 9)) * 24 * HOUR,
            "sponsors": dice.choice((None, (), (person(name),))),
        }
        scene.tell(group, tenant.inventory(fresh, at, **shown))
        scene.tell(group, tenant.change("credential_added", scene.near(at, 25 * MINUTE), fresh))


def switched_off(scene: Scene) -> None:
    """An agent or its blueprint is switched off, and perhaps on again; some still get tokens, some keep asking."""
    tenant, agent, group = scene.someone()
    siblings = [other for _, other, its in scene.cast if its == group]
    siblings.append(tenant.agent(scene.new("newborn"), blueprint=group.partition("/")[2]))
    target = scene.dice.choice((agent, Identity(id=agent.blueprint, type="Application")))
    start, deed = scene.when(), scene.dice.choice((None, scene.new("deed")))
    for _ in range(scene.dice.choice((1, 1, 2))):
        scene.tell(group, tenant.change("agent_disabled", start, target, correlation_id=deed))
    if scene.dice.random() < 0.4:
        later = start + scene.plan.lateness + scene.dice.choice((1, 600, 3600))
        scene.tell(group, tenant.change("agent_enabled", later, target))
    for _ in range(scene.dice.randint(1, 9)):
        at = start + scene.dice.choice((0.0, 299.0, 300.0, 301.0, 3600.0, scene.dice.uniform(0.0, 4000.0)))
        error = scene.dice.choice((0, 0, 7000112))
        scene.tell(group, tenant.sign_in(scene.dice.choice(siblings), at, error=error))
    for _ in range(scene.dice.choice((0, 2, 3, 4))):
        scene.tell(group, tenant.sign_in(agent, scene.near(start + HOUR, HOUR), error=7000112))


def taken_over(scene: Scene) -> None:
    """A new owner, a new key of the blueprint, its first use, a new network: some of it, within hours or days."""
    tenant, _, group = scene.someone()
    blueprint, name = tenant.agent(group.partition("/")[2], role="blueprint"), scene.new("taker")
    start, key = scene.when(hours=20), f"{group}-{name}"
    target = Identity(id=blueprint.id, type="Application")
    taker = Actor(kind="user", id=guid("user", name), name=name, ip="192.0.2.9")
    for hour in range(10):
        scene.tell(group, tenant.sign_in(blueprint, START + hour * HOUR + scene.dice.randrange(3600)))
    owner = (Identity(id=taker.id, type="User", name=name), target)
    if scene.dice.random() < 0.7:
        scene.tell(group, tenant.change("owner_added", scene.near(start, HOUR), target, targets=owner))
    keys = (CredentialKey(guid("key", key), "Password"),)
    added = {"actor": scene.dice.choice((taker, ADMIN, RELEASE)), "keys_added": keys}
    scene.tell(group, tenant.change("credential_added", scene.near(start + HOUR, HOUR), target, **added))
    for _ in range(scene.dice.randint(1, 5)):
        origin = scene.dice.choice((HOME, network(scene.dice.randint(91, 99))))
        at = scene.near(start + scene.dice.choice((1, 1, 2, 8)) * HOUR, HOUR)
        scene.tell(group, tenant.sign_in(blueprint, at, key=key, origin=origin))


def entitled(scene: Scene) -> None:
    """An agent or its blueprint is granted a permission, by a record that names the resource in one of its ways."""
    tenant, agent, group = scene.someone()
    name, start = scene.new("granted"), scene.when()
    users = [other for _, other, its in scene.cast if its == group]
    resource = scene.dice.choice(
        (
            Identity(id=guid("object", name), type="ServicePrincipal", name=name),
            Identity(id=guid("object", name), type="ServicePrincipal", app_id=guid("resource", name)),
        )
    )
    to = scene.dice.choice((agent.id, agent.blueprint))
    words = {"targets": (resource,), "grantee_object_id": to, "grantee_app_id": to, "permission": "Files.Read"}
    kind = scene.dice.choice(("app_role_granted", "delegated_permission_granted"))
    for _ in range(scene.dice.choice((1, 1, 2))):
        scene.tell(group, tenant.change(kind, scene.near(start, HOUR), agent, **words))
    for _ in range(scene.dice.randint(1, 4)):
        at = scene.near(start + HOUR, 90 * MINUTE)
        scene.tell(group, tenant.sign_in(scene.dice.choice(users), at, resource=name))


def asleep(scene: Scene) -> None:
    """An agent or a blueprint rests for about a month, gets a key perhaps, and wakes perhaps; others just rest."""
    tenant, agent, group = scene.someone()
    name, dice = scene.new("sleeper"), scene.dice
    role, lone = dice.choice(("agent", "blueprint")), f"{tenant.name}/{name}"
    sleeper = tenant.agent(name, blueprint=name, role=role)
    hours = dice.randint(3, 12)
    for hour in range(hours):
        scene.tell(lone, tenant.sign_in(sleeper, START + hour * HOUR + dice.randrange(3600)))
    due, judged = START + hours * HOUR + 30 * DAY, START + 31 * DAY
    wakes = dice.choice((due - HOUR, due - 1, due, due + 1, due + HOUR, due + 9 * DAY, judged - 300, judged - 300))
    if dice.random() < 0.5:
        target, actor = Identity(id=sleeper.id, type="Application"), Actor(kind="user", id=guid(name), name=name)
        for at in (START + HOUR, scene.near(wakes - HOUR, 2 * HOUR)):  # the first makes a habit of it
            scene.tell(lone, tenant.change("credential_added", at, target, actor=actor))
    if dice.random() < 0.3:
        scene.tell(lone, tenant.change("agent_disabled", wakes - 2 * DAY, sleeper))
    for _ in range(dice.randint(0, 4)):
        scene.tell(lone, tenant.sign_in(sleeper, scene.near(wakes, dice.choice((10 * MINUTE, HOUR)))))
    for at in (due + dice.choice((-DAY, 0, 5 * MINUTE)), judged + dice.choice((0, 60, DAY))):
        scene.tell(group, tenant.sign_in(agent, at))
    scene.end = max(scene.end, START + 50 * DAY)


def kept_hours(scene: Scene) -> None:
    """Three agents keep office hours for nine days; then one works at night, and another not at all.

    Now and then two of them work in the night after.
    """
    tenant, (name, dice) = scene.dice.choice(scene.tenants), (scene.new("desk"), scene.dice)
    group, agents = f"{tenant.name}/{name}", [tenant.agent(f"{name}-{number}", blueprint=name) for number in range(3)]
    for number, agent in enumerate(agents):
        for day in range(9 if number == 1 else 11):
            for hour in range(8, 18):
                scene.tell(group, tenant.sign_in(agent, START + day * DAY + hour * HOUR + dice.randrange(3600)))
    night = START + 9 * DAY + dice.randrange(6) * HOUR
    for part in range(dice.randint(8, 24)):
        scene.tell(group, tenant.sign_in(agents[0], night + part * 10 * MINUTE))
    for agent in agents[::2] if dice.random() < 0.7 else ():
        for part in range(dice.randint(4, 12)):
            scene.tell(group, tenant.sign_in(agent, night + DAY + part * 10 * MINUTE))
    scene.end = max(scene.end, START + 12 * DAY)


def by_the_clock(scene: Scene) -> None:
    """Two agents run every hour for four days; then one of them, or both, work between their runs."""
    tenant, name = scene.tenants[-1], scene.new("clock")
    group, agents = f"{tenant.name}/{name}", [tenant.agent(f"{name}-{number}", blueprint=name) for number in range(2)]
    dice = Random(repr(scene.dice.getstate()[1][:8]))  # its own, so that other episodes stay as they are
    for agent in agents:
        for hour in range(4 * 24):
            scene.tell(group, tenant.sign_in(agent, START + hour * HOUR + 5 * MINUTE + dice.randrange(120)))
    start = START + 4 * DAY + dice.randrange(6) * HOUR
    for agent in agents if dice.random() < 0.3 else agents[:1]:
        for part in range(dice.randint(3, 12)):
            scene.tell(group, tenant.sign_in(agent, start + (15 + 10 * part) * MINUTE))
    scene.end = max(scene.end, START + 5 * DAY)


def sprayed(scene: Scene) -> None:
    """One network is refused for wrong secrets of everybody in a tenant, and of newborn ones, within some hours."""
    dice = Random(repr(scene.dice.getstate()[1][:8]))  # its own, so that other episodes stay as they are
    tenant = dice.choice(scene.tenants)
    known = [(agent, group) for its, agent, group in scene.cast if its is tenant]
    targets = known + [
        (tenant.agent(f"sprayed-{dice.randrange(10**9)}", blueprint=name, role=role), f"{tenant.name}/{name}")
        for name, role in [(f"sprayed-{dice.randrange(10**9)}", dice.choice(("agent", "blueprint"))) for _ in range(4)]
    ]
    start = START + dice.randrange(CALM_HOURS * 6, 43 * 6) * 10 * MINUTE
    origin = dice.choice((HOME, network(dice.randint(100, 120))))
    for agent, group in targets:
        begun = START + dice.randrange(4) * HOUR
        if (agent, group) not in known and dice.random() < 0.7:
            for hour in range(4):
                elsewhere = network(dice.randint(121, 130))
                scene.tell(group, tenant.sign_in(agent, begun + hour * HOUR + dice.randrange(3600), origin=elsewhere))
        for _ in range(dice.randint(0, 3)):
            at = start + dice.randrange(0, 7 * 3600, dice.choice((1, 60, 600)))
            scene.tell(group, tenant.sign_in(agent, at, error=INVALID, origin=origin))


EPISODES: Final[dict[str, Callable[[Scene], None]]] = {
    episode.__name__: episode
    for episode in (
        burst,
        fleet_burst,
        sweep,
        new_api,
        new_network,
        guessing,
        refused,
        changed,
        configured,
        administered,
        newborn,
        stranger,
        classic,
        own_principal,
        shared_id,
        renamed,
        unstated,
        rekeyed,
        shared_key,
        for_people,
        like_a_person,
        two_places,
        crowd,
        deployed,
        drifted,
        blocked,
        locked_out,
        at_risk,
        other_categories,
        answerable,
        keyed,
        outside,
        switched_off,
        taken_over,
        entitled,
        asleep,
        kept_hours,
        sprayed,
        went_on,
        by_the_clock,
    )
}

ONCE: Final = ("shared_id",)
"""Episodes whose second telling would be no other story."""

LONG: Final = ("by_the_clock",)
"""Episodes of hundreds of records, which fixed streams alone tell: drawn ones would have fewer of the others."""
DRAWN: Final = tuple(name for name in EPISODES if name not in LONG)


def the_end(scene: Scene) -> None:
    """In a long story time passes for everybody: whoever is asked apart from the others is asked at the same hour."""
    if scene.end:
        for group in sorted({group for group in scene.groups.values() if not group.endswith("/*")}):
            tenant = next(each for each in scene.tenants if group.startswith(each.name))
            witness = tenant.agent(f"witness of {group}", blueprint=group.partition("/")[2])
            scene.tell(group, tenant.sign_in(witness, scene.end))


def stream_of(plan: Plan) -> Stream:
    """The events of a plan."""
    scene = Scene(plan)
    calm(scene)
    for name in plan.episodes:
        EPISODES[name](scene)
    the_end(scene)
    return Stream(
        tuple(in_order(scene.events)),
        settings(
            budget=BUDGET,
            retells=True,
            lateness=plan.lateness,
            scope=plan.scope,
            declarations=MANIFEST,
            pipelines=PIPELINES,
            thresholds={"secret_in_production": {"unknown_environment": True}},
        ),
        scene.groups,
        plan.seed,
    )


def plans(*, episodes: Sequence[str] = DRAWN) -> st.SearchStrategy[Plan]:
    """Plans of up to a dozen episodes."""
    return st.builds(
        Plan,
        seed=st.integers(0, 2**32 - 1),
        episodes=st.lists(st.sampled_from(episodes), max_size=12).map(tuple),
        lateness=st.sampled_from((1200.0, 1200.0, 0.0, 900.0, 3600.0)),
        scope=st.sampled_from(("agents", "agents", "workloads")),
    )


def streams(*, episodes: Sequence[str] = DRAWN) -> st.SearchStrategy[Stream]:
    """Streams of such plans."""
    return plans(episodes=episodes).map(stream_of)


def fixed(seed: int = 7, *, lateness: float = 1200.0, times: int = 2) -> Stream:
    """One stream in which everything happens, for tests that need no luck."""
    return stream_of(Plan(seed, DRAWN * times + LONG, lateness))


# What laws compare


def delayed(stream: Stream, dice: Random) -> list[Event]:
    """The events in another order of arrival: each up to the lateness behind its time, many of them by all of it."""
    lateness = stream.settings.lateness

    def arrival(event: Event) -> tuple[float, float]:
        return event.time + dice.choice((0.0, lateness, dice.uniform(0.0, lateness))), dice.random()

    return sorted(stream.events, key=arrival)


def reborn(events: Sequence[Event]) -> list[Event]:
    """The same events as a decoder with empty tables makes them: equal values, other objects."""
    accesses: dict[Access, Access] = {}
    origins: dict[Origin, Origin] = {}
    return [
        msgspec.structs.replace(
            event, access=_copy(event.access, accesses, Access), origin=_copy(event.origin, origins, Origin)
        )
        if isinstance(event, SignIn)
        else event
        for event in events
    ]


def strangers(events: Sequence[Event]) -> list[Event]:
    """The same events, each with objects of its own, as if the decoder remembered nothing."""
    return [copy for event in events for copy in reborn([event])]


def _copy(value: object, made: dict[object, object], kind: type) -> object:
    if value not in made:
        made[value] = kind(**{name: getattr(value, name) for name in kind.__slots__})
    return made[value]


def encoded(alerts: Sequence[Alert]) -> list[bytes]:
    """Alerts as they are written."""
    return [msgspec.json.encode(alert) for alert in alerts]


def remembered(engine: Engine, *, without: Sequence[str] = ()) -> dict[str, object]:
    """All memory by name, to be compared at once: it goes on living."""
    return {name: getattr(engine.state, name) for name in State.__struct_fields__ if name not in without}


def about(stream: Stream, part: str) -> list[Event]:
    """The events of one group, or (`contoso/`) of one tenant."""
    return [event for event in stream.events if stream.groups[event.record_id].startswith(part)]


def is_change(event: Event) -> bool:
    """Whether it is an audit record."""
    return isinstance(event, Change)
