"""Law: memory is bounded, whatever is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from detector.decode.decoded import Decoded
from detector.domain.events import Credential, Event, Identity
from detector.engine import (
    accountability,
    casebook,
    changing,
    concurrency,
    departures,
    fanning,
    novelties,
    outages,
    removals,
    routing,
    sequencing,
    spraying,
    working,
)
from detector.engine import engine as engine_module
from detector.engine import state as state_module
from detector.engine.engine import Engine
from detector.engine.settings import EngineSettings
from detector.features import awaited, listing, runs, sprays
from detector.features import outages as outages_feature
from detector.features.apis import ApiSettings
from detector.features.memory import TenantMemory
from tests.laws.manifest import MANIFEST
from tests.laws.streams import Factory, real
from tests.stories import (
    ADMIN,
    BLOCKED,
    EXPIRED,
    HOUR,
    INVALID,
    RELEASE,
    START,
    Tenant,
    guid,
    network,
    person,
    refused_by,
    settings,
    user,
)

CAP = 50
PIECES = 1_200


@pytest.fixture(autouse=True)
def _small_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    small_constants(monkeypatch)


def small_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every cap that is no setting small."""
    monkeypatch.setattr(changing, "_MAX_ACTORS", CAP)
    monkeypatch.setattr(engine_module, "_MAX_COUNTERS", CAP)
    monkeypatch.setattr(novelties, "_MAX_PLACES", CAP)
    monkeypatch.setattr(accountability, "_MAX_PEOPLE", CAP)
    monkeypatch.setattr(removals, "_MAX_WAITING", CAP)
    monkeypatch.setattr(departures, "_MAX_WAITING", CAP)
    monkeypatch.setattr(concurrency, "_MAX_PRESENCES", CAP)
    monkeypatch.setattr(casebook, "_MAX_FIRSTS", CAP)
    monkeypatch.setattr(sequencing, "_MAX_HELD", CAP)
    monkeypatch.setattr(fanning, "_MAX_LEARNED", CAP)
    monkeypatch.setattr(working, "_MAX_PAUSES", CAP)
    monkeypatch.setattr(spraying, "_MAX_SOURCES", CAP)
    monkeypatch.setattr(sprays, "CAPACITY", CAP)
    monkeypatch.setattr(outages, "_MAX_OUTAGES", CAP)
    monkeypatch.setattr(outages_feature, "CAPACITY", CAP)
    monkeypatch.setattr(routing, "_MAX_ROUTES", 4 * CAP)
    monkeypatch.setattr(runs, "CAPACITY", CAP)
    monkeypatch.setattr(awaited, "CAPACITY", CAP)


def small() -> EngineSettings:
    """Settings whose every cap is small."""
    return settings(
        max_identities=CAP,
        max_record_ids=10 * CAP,
        max_parked=CAP,
        max_said=CAP,
        apis=ApiSettings(capacity=16, spread_floor=3),
        declarations=MANIFEST,
    )


@dataclass(frozen=True)
class Flood:
    """Somebody who invents one kind of thing, `every` so many seconds."""

    event: Callable[[Tenant, int, float], Event]
    every: float


def _agents(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent(f"agent-{number}"), at)


def _failing_agents(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent(f"agent-{number}"), at, error=EXPIRED)


def _blueprints(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent("agent"), at, blueprint_id=guid("blueprint", number))


def _object_ids(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent("agent"), at, service_principal_id=guid("object", number))


def _resources(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent("agent"), at, resource=f"resource-{number}")


def _networks(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent("agent"), at, origin=network(number, asn=number))


def _guesses(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent("agent"), at, error=INVALID if number % 2 else number)


def _sources(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent("agent"), at, error=INVALID, origin=network(number))


def _sprays(tenant: Tenant, number: int, at: float) -> Event:
    agent = tenant.agent(f"agent-{number}", role="blueprint")
    return tenant.sign_in(agent, at, error=INVALID, origin=network(number % 3))


def _actors(tenant: Tenant, number: int, at: float) -> Event:
    actor = replace_id(number)
    return tenant.change("credential_added", at, Identity(id=guid("target", number), type="Application"), actor=actor)


def _edits(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.policy_edit(f"policy-{number}", at)


def _blocks(tenant: Tenant, number: int, at: float) -> Event:
    if number % 50 == 0:
        return tenant.policy_edit("policy", at)
    words = {"error": BLOCKED, "policies": refused_by(f"policy-{number}"), "resource": f"resource-{number}"}
    return tenant.sign_in(tenant.agent(f"agent-{number % 300}"), at, **words)


def _risks(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.risk(tenant.agent(f"agent-{number}"), at, state="atRisk" if number % 3 else "dismissed")


def _aliases(tenant: Tenant, number: int, at: float) -> Event:
    named = Identity(id=guid("object", number), type="Application", app_id=guid("app", number))
    return tenant.change("service_principal_updated", at, named)


def _old_times(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent("agent"), at if number % 2 else at - number * HOUR)


def _keys(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent("agent"), at, key=f"key-{number}", credential=f"type-{number}")


def _sharers(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent(f"blueprint-{number}", role="blueprint"), at, key="shared")


def _movers(tenant: Tenant, number: int, at: float) -> Event:
    """Ten agents, each of which is somewhere else every time once it has some experience."""
    place = network(number, asn=number) if number > PIECES // 2 else network(0)
    return tenant.sign_in(tenant.agent(f"mover-{number % 10}"), at, origin=place)


def _runs(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.deployment(at, run=str(number if number % 2 else 1), changes=("owner_added",))


def _handshakes(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.deployment(at, kind="handshake", agents=[tenant.agent(f"agent-{number}")])


def _deeds(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.change("credential_added", at, tenant.agent(f"agent-{number % 9}", role="blueprint"), actor=RELEASE)


def _stages(tenant: Tenant, number: int, at: float) -> Event:
    shown = {"Agents.Stage": ("Test" if number % 2 else "Production",)}
    return tenant.inventory(tenant.agent(f"agent-{number}"), at, attributes=shown)


def _strangers(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent(f"classic-{number}", role="none"), at)


def _objects(tenant: Tenant, number: int, at: float) -> Event:
    agent = tenant.agent(f"agent-{number}")
    return tenant.inventory(agent, at, owners=(person(f"owner-{number}"),), credentials=(_certificate(number, at),))


def _looks(tenant: Tenant, number: int, at: float) -> Event:
    owners = tuple(person(f"owner-{each}") for each in range(number, number + 3))
    return tenant.inventory(tenant.agent("agent"), at, owners=owners, credentials=(_certificate(number, at),))


def _people(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.change("user_disabled", at, user(f"user-{number}"))


def _removals(tenant: Tenant, number: int, at: float) -> Event:
    agent = tenant.agent("agent")
    if number % 2:
        return tenant.inventory(agent, at, sponsors=(person("jane"),))
    return tenant.change("sponsor_removed", at, agent, targets=(user("jane"), agent.target))


def _certificate(number: int, at: float) -> Credential:
    return Credential(guid("key", number), "certificate", end=at + 9 * 24 * HOUR, thumbprint=f"{number:x}")


def replace_id(number: int) -> object:
    """The administrator under another id."""
    return type(ADMIN)(kind="user", id=guid("actor", number))


def _switches(tenant: Tenant, number: int, at: float) -> Event:
    agent = tenant.agent(f"agent-{number // 4}")
    return tenant.sign_in(agent, at) if number % 2 else tenant.change("agent_disabled", at, agent)


def _proofs(tenant: Tenant, number: int, at: float) -> Event:
    """Many tokens of many agents after many switches of one blueprint."""
    if not number % 3:
        return tenant.change("agent_disabled", at - 600, Identity(id=tenant.agent("x").blueprint, type="Application"))
    return tenant.sign_in(tenant.agent(f"agent-{number % 40}"), at)


FLOODS = {
    flood.event.__name__.strip("_") + ("_in_an_hour" if flood.every < 1 else "_over_days"): flood
    for event in (
        _agents,
        _failing_agents,
        _blueprints,
        _object_ids,
        _resources,
        _networks,
        _guesses,
        _sources,
        _sprays,
        _actors,
        _edits,
        _blocks,
        _risks,
        _aliases,
        _old_times,
        _strangers,
        _keys,
        _sharers,
        _movers,
        _runs,
        _handshakes,
        _deeds,
        _stages,
        _objects,
        _looks,
        _people,
        _removals,
        _switches,
        _proofs,
    )
    for flood in (Flood(event, 0.25), Flood(event, 300.0))
}


def inventory_sizes(engine: Engine, tenant: TenantMemory) -> Iterator[tuple[str, int, int]]:
    """`sizes` of what inventories show."""
    most = 2 * engine.settings.max_identities
    yield "objects", len(tenant.objects), most
    yield "ways", len(engine.directory._ways), 8 * most
    for memory in tenant.objects.values():
        for listed in filter(None, (memory.owners, memory.sponsors, memory.keys)):
            yield "looks", len(listed.looks), listing.kept(engine.directory.horizon) + 1
            yield "held", len(listed.values), listing.CAPACITY
            yield "days", len(listed.lacks.days) if listed.lacks is not None else 0, 4
        yield "credentials", len(memory.credentials or {}), listing.CAPACITY


def ledger_sizes(engine: Engine, tenant: TenantMemory) -> Iterator[tuple[str, int, int]]:
    """The same of what is noted."""
    most = engine.settings.max_identities
    yield "held", len(engine.state.held), CAP
    yield "ending", len(engine.casebook._ending), most
    yield "ledgers", len(tenant.ledgers), most
    for ledger in tenant.ledgers.values():
        yield "entries", max(Counter(entry.kind for entry in ledger.entries).values(), default=0), 32
        yield "watches", len(ledger.watches), 8
    yield "firsts", len(tenant.firsts), CAP
    yield "firsts of one", max(map(len, tenant.firsts.values()), default=0), 32


def source_sizes(tenant: TenantMemory) -> Iterator[tuple[str, int, int]]:
    """The same of who tried wrong secrets."""
    yield "sources", len(tenant.sources), CAP
    for source in tenant.sources.values():
        yield "open windows", len(source.open), 3
        yield "closed windows", len(source.closed), 8
        for tries in source.open.values():
            yield "targets", max(len(tries.strangers), len(tries.regulars)), CAP


def sizes(engine: Engine) -> Iterator[tuple[str, int, int]]:
    """(collection, its size, its cap), one tenant having been told of."""
    state, chosen = engine.state, engine.settings
    yield "tenants", len(state.tenants), 1
    yield "said", len(state.said), chosen.max_said
    yield "parked", len(state.parked), chosen.max_parked
    yield "failing", sum(map(len, state.failing.values())), 2 * chosen.max_identities
    yield "record ids", sum(map(len, state.admission.generations.values())), chosen.max_record_ids
    yield "buckets", len(state.admission.buckets), 100
    yield "counters", len(state.counters), 100
    yield "routes", engine.router.made, 4 * CAP
    yield "recents", len(engine.router.recents), 4 * CAP
    yield "unwatched", len(engine.router.unwatched), 4 * CAP
    yield "places", len(engine.novelties.places), CAP
    yield "usual agents", len(engine.counting.fanning._learned), CAP
    yield "removals", len(state.removals), CAP
    yield "departures", len(state.departures), CAP
    for tenant in state.tenants.values():
        yield "people", len(tenant.people), CAP
        yield from inventory_sizes(engine, tenant)
        yield "identities", len(tenant.identities), chosen.max_identities
        yield "fleets", len(tenant.fleets), chosen.max_identities
        yield "aliases", len(tenant.aliases), 2 * chosen.max_identities
        yield "runs", len(tenant.runs), CAP
        yield "words of a run", max((len(run.words) for run in tenant.runs.values()), default=0), 16
        yield "evidence", len(tenant.evidence), 1 + len(chosen.pipelines)
        yield "handshakes", len(tenant.handshakes), chosen.max_identities
        yield "awaited", len(tenant.awaited), CAP
        yield "deeds", sum(map(len, tenant.deeds.values())), 3 * 144
        yield "environments", len(tenant.environments), chosen.max_identities
        yield "actors", len(tenant.actors), CAP
        yield "credentials", len(tenant.credentials), chosen.max_identities
        yield "presences", len(tenant.presences), CAP
        yield from source_sizes(tenant)
        for credential in tenant.credentials.values():
            yield "users of a credential", len(credential.users), 32
        for presence in tenant.presences.values():
            yield "news", len(presence.news), 16
            yield "sights", len(presence.sights), 128
        yield from ledger_sizes(engine, tenant)
        yield "outages", len(tenant.outages), CAP
        yield "agents blocked", max((len(each.agents) for each in tenant.outages.values()), default=0), CAP
        for identity in tenant.identities.values():
            yield "resources", len(identity.apis.values), chosen.apis.capacity
            yield "used", len(identity.apis.used), chosen.apis.capacity
            yield "networks", len(identity.networks), 512
            yield "habits", len(identity.habits or ()), 48
            yield "steps", len(identity.rates.steps), 3 * 40
            if identity.failures is not None:
                yield "failing hours", len(identity.failures.hours), 60
                yield "classes", len(identity.failures.classes), len(set(chosen.failures.classes.values())) + 1
        for fleet in tenant.fleets.values():
            yield "fleet resources", len(fleet.apis), chosen.apis.capacity
            yield "fleet networks", len(fleet.networks), 512
            yield "fleet hours", len(fleet.hours.active), 60


def check(factory: Factory, flood: Flood) -> None:
    """Every collection below its cap after each body of a long flood."""
    engine, tenant = factory(small(), None), Tenant()
    for piece in range(0, PIECES, 200):
        events = [flood.event(tenant, n, START + n * flood.every) for n in range(piece, piece + 200)]
        unknown = Counter({f"agentType:{n}": 1 for n in range(piece, piece + 50)})
        engine.process(Decoded(events, unknown=unknown))
        for name, size, cap in sizes(engine):
            assert size <= cap, name


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_memory_is_bounded(flood: Flood) -> None:
    check(real, flood)


def test_what_had_to_be_forgotten_is_counted() -> None:
    engine, tenant = Engine(small()), Tenant()
    for number in range(CAP + 1):
        engine.process(Decoded([_agents(tenant, number, START)]))
    assert engine.counters["evicted_identities"]


def test_a_flood_of_tenants_is_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that came first keep their memory; sign-ins and changes of the others are accounted for."""
    monkeypatch.setattr(state_module, "_MAX_TENANTS", 5)
    engine = Engine(small())
    tenants = [Tenant(f"tenant-{number}") for number in range(CAP)]
    for tenant in tenants:
        engine.process(Decoded([_agents(tenant, 0, START), _actors(tenant, 0, START)]))
    assert list(engine.state.tenants) == [tenant.id for tenant in tenants[:5]]
    assert engine.accounting.filtered == {"not_an_agent": CAP - 5, "too_many_tenants": CAP - 5}
    assert engine.accounting.applied == 10
    assert engine.accounting.balanced()
    assert engine.counters["refused_tenants"] == 2 * (CAP - 5)
    engine.process(Decoded([_agents(tenants[0], 1, START)]))
    assert engine.accounting.applied == 11
