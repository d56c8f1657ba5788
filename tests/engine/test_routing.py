"""To whose memory a sign-in belongs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.domain.events import SignIn
from detector.domain.keys import Key
from detector.engine import routing
from detector.engine.admission import Admission
from detector.engine.journal import Journal
from detector.engine.routing import Router, subject_of
from detector.engine.state import State
from tests.stories import (
    ADMIN,
    HOUR,
    MINUTE,
    START,
    THROTTLED,
    Agent,
    Tenant,
    defaults,
    detectors,
    engine_of,
    settings,
    tell,
)


def watched(agent: Agent, scope: str, *, identities: frozenset[str] = frozenset()) -> bool:
    tenant, engine = Tenant(), engine_of(settings(scope=scope, identities=identities))
    tell(engine, [tenant.sign_in(agent, START)])
    return engine.accounting.applied == 1


AGENT = Tenant().agent("agent")
BLUEPRINT = Tenant().agent("blueprint", role="blueprint")
CLASSIC = Tenant().agent("classic", role="none")
USER = Tenant().agent("person", role="none", kind="interactive_user")


@pytest.mark.parametrize(
    ("agent", "scopes"),
    [
        (AGENT, {"agents", "workloads"}),
        (BLUEPRINT, {"agents", "workloads"}),
        (CLASSIC, {"workloads"}),
        (USER, set()),
    ],
)
@pytest.mark.parametrize("scope", ["agents", "chosen", "workloads"])
def test_the_scope_says_who_is_watched(agent: Agent, scope: str, scopes: set[str]) -> None:
    assert watched(agent, scope) == (scope in scopes)


@pytest.mark.parametrize("scope", ["agents", "chosen", "workloads"])
def test_a_chosen_identity_is_watched_in_every_scope_under_either_id(scope: str) -> None:
    assert watched(CLASSIC, scope, identities=frozenset({CLASSIC.id}))
    assert watched(CLASSIC, scope, identities=frozenset({CLASSIC.object_id}))


@pytest.mark.parametrize(("hours", "applied"), [(1.5, 1), (2.0, 2), (9.0, 2)])
def test_an_id_known_as_an_agents_is_watched_once_the_hour_that_taught_it_is_final(hours: float, applied: int) -> None:
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a", blueprint=None)
    plain = replace(agent, role="none")
    tell(engine, [tenant.sign_in(agent, START), tenant.sign_in(plain, START + hours * HOUR)])
    assert engine.accounting.applied == applied
    assert engine.accounting.filtered["not_an_agent"] == 2 - applied


def test_routes_and_unwatched_accesses_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "_MAX_ROUTES", 3)
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a")
    tell(engine, [tenant.sign_in(agent, START + n, resource=str(n)) for n in range(7)])
    tell(engine, [tenant.sign_in(tenant.agent(str(n), role="none"), START + n) for n in range(7)])
    assert engine.router.made == len(engine.router.unwatched) == 1


def test_the_least_experienced_and_longest_silent_make_room() -> None:
    tenant, engine = Tenant(), engine_of(settings(max_identities=3))
    old = tenant.agent("old", blueprint="one")
    tell(engine, tenant.calm(old, hours=48))
    for number in range(4):
        name = f"new-{number}"
        tell(engine, [tenant.sign_in(tenant.agent(name, blueprint=name), START + (49 + number) * HOUR)])
    (memory,) = engine.state.tenants.values()
    assert [identity.name for identity in memory.identities.values()] == ["old", "new-2", "new-3"]
    assert len(memory.fleets) == 3
    assert engine.counters["evicted_identities"] == engine.counters["evicted_blueprints"] == 2


def test_an_agent_whose_blueprint_was_not_named_is_a_child_of_it_once_it_is() -> None:
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a", blueprint="crew")
    tell(engine, [tenant.sign_in(replace(agent, blueprint=None), START), tenant.sign_in(agent, START + HOUR)])
    assert agent.blueprint is not None
    assert [each.id for each in engine.router.children.family(tenant.id, agent.blueprint)] == [agent.id]


def test_who_makes_room_fails_no_more_and_is_nobodys_child_while_siblings_are() -> None:
    tenant, engine = Tenant(), engine_of(settings(max_identities=2))
    first, *others = (tenant.agent(name, blueprint="crew") for name in "abc")
    tell(engine, [tenant.sign_in(first, START, error=THROTTLED), tenant.sign_in(others[0], START + HOUR)])
    assert (tenant.id, first.id) in {key for failing in engine.state.failing.values() for key in failing}
    tell(engine, tenant.sign_ins(others[1], START + 2 * HOUR, 2))
    assert (tenant.id, first.id) not in {key for failing in engine.state.failing.values() for key in failing}
    family = engine.router.children.family(tenant.id, str(first.blueprint))
    assert {each.id for each in family} == {each.id for each in others}


def test_aliases_go_with_their_owners() -> None:
    tenant, engine = Tenant(), engine_of(settings(max_identities=2))
    for number in range(4):
        tell(engine, [tenant.sign_in(tenant.agent(f"b{number}", role="blueprint"), START + number * HOUR)])
    (memory,) = engine.state.tenants.values()
    assert {alias.owner for alias in memory.aliases.values()} <= set(memory.identities)


def test_the_name_of_the_latest_hour_counts_whatever_arrives_last() -> None:
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("new", role="blueprint")
    tell(engine, [tenant.sign_in(agent, START + HOUR), tenant.sign_in(replace(agent, name="old"), START + HOUR - 60.0)])
    (memory,) = engine.state.tenants.values()
    assert memory.identities[agent.id].name == memory.fleets[agent.id].name == "new"


def test_a_router_alone_tells_nobody_what_it_learned() -> None:
    tenant, chosen = Tenant(), settings()
    state = State(admission=Admission(chosen.lateness))
    router = Router(chosen, state, Journal(state))
    access = tenant.access(tenant.agent("a"))
    assert router.route(access, START, int(START // HOUR)) is access.route


def test_a_subject_carries_what_names_are_known() -> None:
    subject = subject_of(Key("agent", "a"), "t", None, None)
    assert (subject.name, subject.blueprint, subject.tenant) == (None, None, "t")


def test_an_id_at_work_in_two_tenants_is_two_identities() -> None:
    first, second, engine = Tenant("contoso"), Tenant("fabrikam"), engine_of()
    agent = first.agent("a", blueprint=None)
    told = tell(engine, first.calm(agent, hours=20)) + tell(engine, second.calm(agent, hours=1, at=START + 20 * HOUR))
    assert detectors(told) == []
    assert len(engine.state.tenants) == 2


TENANT = Tenant()
CLIENT = TENANT.agent("portal", blueprint=None, role="none")
"""An ordinary application."""


def through_portal(at: float) -> SignIn:
    """An agent's user signs in through it."""
    return TENANT.sign_in(CLIENT, at, user="bot", kind="non_interactive_user", subject_role="agent_user")


@pytest.mark.parametrize("first", [True, False])
def test_a_client_that_an_agents_user_signs_in_through_is_no_agent_for_that(first: bool) -> None:
    own = [TENANT.sign_in(CLIENT, START + 8 * HOUR + number) for number in range(3)]
    granted = TENANT.change("app_role_granted", START + 9 * HOUR, CLIENT, actor=ADMIN)
    engine = engine_of(defaults())
    events = [through_portal(START), *own, granted]
    alerts = tell(engine, events if first else [*own, granted, through_portal(START)]) + engine.finish()
    assert [each for each in alerts if each.subject.id == CLIENT.id] == []
    assert engine.accounting.filtered["not_an_agent"] == 3


def test_a_client_that_was_chosen_is_watched_for_its_own_sake() -> None:
    engine = engine_of(settings(identities=frozenset({CLIENT.id})))
    tell(engine, [through_portal(START)])
    (tenant,) = engine.state.tenants.values()
    assert not tenant.identities[CLIENT.id].lent


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_a_client_that_turns_out_to_be_an_agent_is_one_from_then_on(order: tuple[int, ...]) -> None:
    agent = replace(CLIENT, role="agent")
    events = [through_portal(START), TENANT.sign_in(agent, START + 20 * MINUTE), through_portal(START + 10 * MINUTE)]
    engine = engine_of(defaults())
    tell(engine, [events[place] for place in order])
    memory = engine.state.tenants[events[0].access.tenant_id].identities[agent.id]
    assert not memory.lent
    assert memory.first_seen == START + 20 * MINUTE
