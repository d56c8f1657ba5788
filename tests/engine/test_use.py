"""Credentials in use, flows and places: what the engine keeps of them, and its bounds."""

from __future__ import annotations

from typing import Any

import pytest

from detector.engine import concurrency, fanning, novelties
from detector.features.apis import ApiSettings
from detector.features.networks import places
from tests.stories import DAY, HOME, HOUR, MINUTE, START, Tenant, engine_of, network, settings, tell

TENANT = Tenant()


def test_credentials_are_remembered_with_their_users_and_the_day_of_their_last_use() -> None:
    agent, lone = TENANT.agent("a"), TENANT.agent("b", blueprint="other")
    engine = engine_of()
    tell(engine, [*TENANT.calm(agent, hours=60, key="one"), TENANT.sign_in(lone, START + 61 * HOUR, key="two")])
    kept = engine.state.tenants[TENANT.id].credentials
    assert len(kept) == 2
    one, two = kept.values()
    assert (list(one.users), one.kind) == ([agent.blueprint], "clientSecret")
    assert 0 <= (START + 59 * HOUR) // HOUR - one.last < 24
    assert two.last == (START + 61 * HOUR) // HOUR


def test_a_flood_of_keys_is_bounded_and_the_longest_silent_go_first() -> None:
    engine, agent = engine_of(settings(max_identities=40)), TENANT.agent("a")
    tell(engine, [TENANT.sign_in(agent, START + n * HOUR, key=f"key-{n}") for n in range(100)])
    tenant = engine.state.tenants[TENANT.id]
    assert len(tenant.credentials) <= 40
    assert min(memory.last for memory in tenant.credentials.values()) > (START + 50 * HOUR) // HOUR
    assert engine.counters["evicted_credentials"]
    assert len(tenant.identities[agent.id].habits or {}) <= 48


def test_a_flood_of_places_is_watched_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "_MAX_PRESENCES", 2)
    agents = [TENANT.agent(f"moving-{n}") for n in range(5)]
    engine = engine_of()
    for agent in agents:
        tell(engine, TENANT.calm(agent, hours=13, at=START)[-1:])
    story: list[Any] = [each for agent in agents for each in TENANT.calm(agent, hours=40)]
    story.sort(key=lambda event: event.time)
    tell(engine, story)
    tell(engine, [TENANT.sign_in(agent, START + 40 * HOUR, origin=network(5)) for agent in agents])
    assert len(engine.state.tenants[TENANT.id].presences) == 2
    assert engine.counters["presences_dropped"] == 3


def test_where_origins_lie_is_worked_out_anew_when_too_many_were_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelties, "_MAX_PLACES", 3)
    looked_up = engine_of().novelties
    origins = [network(number) for number in range(7)]
    assert [looked_up.place(origin) for origin in origins] == [places(origin) for origin in origins]
    assert list(looked_up.places) == origins[6:]


def test_an_identity_that_was_forgotten_is_no_longer_watched() -> None:
    engine, agent = engine_of(settings(max_identities=5)), TENANT.agent("gone")
    tell(engine, [*TENANT.calm(agent, hours=40), TENANT.sign_in(agent, START + 40 * HOUR, origin=network(5))])
    tenant = engine.state.tenants[TENANT.id]
    assert agent.id in tenant.presences
    assert tenant.identities[agent.id].watched < float("inf")
    del tenant.identities[agent.id]
    tell(engine, [TENANT.sign_in(TENANT.agent("other"), START + 60 * HOUR)])
    assert tenant.presences == {}


def test_others_who_are_watched_are_not_taken_for_those_who_moved() -> None:
    """An agent may be watched for another cause, and from outside its hour."""
    agent = TENANT.agent("steady")
    engine = engine_of()
    tell(engine, TENANT.calm(agent, hours=40))
    from detector.domain.keys import Key

    engine.casebook.watch(TENANT.id, Key("agent", agent.id), "test", START + 40 * HOUR)
    tell(engine, TENANT.sign_ins(agent, START + 40 * HOUR + MINUTE, 3))
    assert engine.state.tenants[TENANT.id].presences == {}


def test_the_usual_number_of_agents_is_asked_for_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanning, "_MAX_LEARNED", 1)
    engine = engine_of()
    fleets = [[TENANT.agent(f"{name}-{n}", blueprint=name) for n in range(6)] for name in ("red", "blue")]
    for hour in range(6):
        tell(
            engine,
            [TENANT.sign_in(agent, START + hour * HOUR + n) for fleet in fleets for n, agent in enumerate(fleet)],
        )
    assert len(engine.counting.fanning._learned) == 1


def test_nobody_who_listens_means_no_look() -> None:
    silent = settings(detectors=(), apis=ApiSettings())
    engine, agent = engine_of(silent), TENANT.agent("unheard")
    story = [*TENANT.calm(agent, hours=40), TENANT.sign_in(agent, START + 40 * HOUR, origin=network(5), key="new")]
    assert tell(engine, story) == []
    assert engine.state.tenants[TENANT.id].presences == {}
    assert engine.counting.fanning.floor > 10**9


def test_habits_that_nothing_is_stated_of_stay_empty() -> None:
    engine, agent = engine_of(), TENANT.agent("mute")
    words: dict[str, Any] = {"key": None, "credential": None, "resource_name": "AAD Token Exchange Endpoint"}
    tell(engine, [TENANT.sign_in(agent, START + day * DAY, origin=HOME, **words) for day in range(3)])
    assert engine.state.tenants[TENANT.id].identities[agent.id].habits == {}
