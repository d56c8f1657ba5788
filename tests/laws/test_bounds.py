"""Law: memory is bounded, whatever is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from detector.decode.decoded import Decoded
from detector.domain.events import Event, Identity
from detector.engine import changing, novelties, routing
from detector.engine import engine as engine_module
from detector.engine import state as state_module
from detector.engine.engine import Engine
from detector.engine.settings import EngineSettings
from detector.features.apis import ApiSettings
from tests.laws.streams import Factory, real
from tests.stories import ADMIN, EXPIRED, HOUR, INVALID, START, Tenant, guid, network, settings

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
    monkeypatch.setattr(routing, "_MAX_ROUTES", 4 * CAP)


def small() -> EngineSettings:
    """Settings whose every cap is small."""
    return settings(
        max_identities=CAP,
        max_record_ids=10 * CAP,
        max_parked=CAP,
        max_said=CAP,
        apis=ApiSettings(capacity=16, spread_floor=3),
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


def _actors(tenant: Tenant, number: int, at: float) -> Event:
    actor = replace_id(number)
    return tenant.change("credential_added", at, Identity(id=guid("target", number), type="Application"), actor=actor)


def _aliases(tenant: Tenant, number: int, at: float) -> Event:
    named = Identity(id=guid("object", number), type="Application", app_id=guid("app", number))
    return tenant.change("service_principal_updated", at, named)


def _old_times(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent("agent"), at if number % 2 else at - number * HOUR)


def _strangers(tenant: Tenant, number: int, at: float) -> Event:
    return tenant.sign_in(tenant.agent(f"classic-{number}", role="none"), at)


def replace_id(number: int) -> object:
    """The administrator under another id."""
    return type(ADMIN)(kind="user", id=guid("actor", number))


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
        _actors,
        _aliases,
        _old_times,
        _strangers,
    )
    for flood in (Flood(event, 0.25), Flood(event, 300.0))
}


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
    yield "places", len(engine.novelties._places), CAP
    for tenant in state.tenants.values():
        yield "identities", len(tenant.identities), chosen.max_identities
        yield "fleets", len(tenant.fleets), chosen.max_identities
        yield "aliases", len(tenant.aliases), 2 * chosen.max_identities
        yield "actors", len(tenant.actors), CAP
        for identity in tenant.identities.values():
            yield "resources", len(identity.apis.values), chosen.apis.capacity
            yield "used", len(identity.apis.used), chosen.apis.capacity
            yield "networks", len(identity.networks.values), 512
            yield "steps", len(identity.rates.steps), 3 * 40
            if identity.failures is not None:
                yield "failing hours", len(identity.failures.hours), 60
                yield "classes", len(identity.failures.classes), len(set(chosen.failures.classes.values())) + 1
        for fleet in tenant.fleets.values():
            yield "fleet resources", len(fleet.apis), chosen.apis.capacity
            yield "fleet networks", len(fleet.networks.values), 512
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
