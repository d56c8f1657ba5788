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
from detector.domain.events import Access, Change, Event, Identity, Origin, Risk, SignIn
from detector.engine.engine import Engine
from detector.engine.settings import EngineSettings
from detector.engine.state import State
from tests.stories import (
    BLOCKED,
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
    settings,
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
    """Record id to the blueprint (or lone agent) that it is about, with its tenant: `contoso/crew`."""
    seed: int


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
        scene.tell(group, tenant.sign_in(agent, scene.near(start, 70 * MINUTE), error=INVALID, key="key-2"))
    for _ in range(scene.dice.randint(0, 4)):
        scene.tell(group, tenant.sign_in(agent, scene.near(start + HOUR, 120 * MINUTE), key="key-2"))


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


def other_categories(scene: Scene) -> None:
    """Records of categories that the engine does not read yet."""
    tenant, agent, group = scene.someone()
    risk = Risk(
        record_id=tenant.record_id(),
        time=scene.when(),
        received=None,
        tenant_id=tenant.id,
        category="ServicePrincipalRiskEvents",
        identity=agent.target,
        level="high",
        state="atRisk",
        detail=None,
        event_type=None,
    )
    scene.tell(group, risk)


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
        newborn,
        stranger,
        classic,
        own_principal,
        shared_id,
        renamed,
        unstated,
        other_categories,
    )
}

ONCE: Final = ("shared_id",)
"""Episodes whose second telling would be no other story."""


def stream_of(plan: Plan) -> Stream:
    """The events of a plan."""
    scene = Scene(plan)
    calm(scene)
    for name in plan.episodes:
        EPISODES[name](scene)
    return Stream(
        tuple(in_order(scene.events)),
        settings(lateness=plan.lateness, scope=plan.scope),
        scene.groups,
        plan.seed,
    )


def plans(*, episodes: Sequence[str] = tuple(EPISODES)) -> st.SearchStrategy[Plan]:
    """Plans of up to a dozen episodes."""
    return st.builds(
        Plan,
        seed=st.integers(0, 2**32 - 1),
        episodes=st.lists(st.sampled_from(episodes), max_size=12).map(tuple),
        lateness=st.sampled_from((1200.0, 1200.0, 0.0, 900.0, 3600.0)),
        scope=st.sampled_from(("agents", "agents", "workloads")),
    )


def streams(*, episodes: Sequence[str] = tuple(EPISODES)) -> st.SearchStrategy[Stream]:
    """Streams of such plans."""
    return plans(episodes=episodes).map(stream_of)


def fixed(seed: int = 7, *, lateness: float = 1200.0, times: int = 2) -> Stream:
    """One stream in which everything happens, for tests that need no luck."""
    return stream_of(Plan(seed, tuple(EPISODES) * times, lateness))


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
