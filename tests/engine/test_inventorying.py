"""What inventories teach the engine: who somebody is, and which credentials are shared; bounded whatever is sent."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from detector.decode.decoded import Decoded
from detector.domain.alerts import Alert
from detector.domain.events import Credential, Event, Grant, Identity, InventoryObject
from detector.engine import accountability, directory, removals, state
from detector.engine.engine import Engine
from tests.stories import (
    DAY,
    HOUR,
    MINUTE,
    START,
    Tenant,
    alerts_of,
    engine_of,
    guid,
    ids,
    person,
    settings,
    tell,
    user,
)

TENANT = Tenant()
AGENT = TENANT.agent("invoices")
CREW = TENANT.agent("crew", role="blueprint")
SOLO = TENANT.agent("solo", role="blueprint")
APPLICATION = guid(TENANT.name, "application", "crew")
PRINCIPAL = Identity(id=CREW.object_id, type="ServicePrincipal", name="crew")


def shown(about: Any = AGENT, at: float = START, **fields: Any) -> InventoryObject:
    return TENANT.inventory(about, at, **fields)


def added(about: Any, at: float) -> Event:
    return TENANT.change("credential_added", at, about)


def said(detector: str, *story: Event, **overrides: Any) -> list[Alert]:
    chosen = settings(**overrides)
    return [alert for alert in alerts_of(list(story), chosen) if alert.detector == detector]


# ----------------------------------------------------------------------------------------------- recognition


def test_a_change_of_an_agent_that_never_signed_in_is_recognised() -> None:
    story = [shown(CREW), added(Identity(id=APPLICATION, type="Application"), START + HOUR)]
    (alert,) = said("credential_added", *story)
    assert (alert.subject.kind, alert.subject.id, alert.subject.name) == ("blueprint", CREW.id, "crew")
    assert said("credential_added", story[1]) == []


def test_a_blueprint_is_recognised_by_each_of_its_ids() -> None:
    principal = shown(Identity(id=PRINCIPAL.id, type=""), type="blueprint_principal", app_id=CREW.id)
    for name in (APPLICATION, PRINCIPAL.id, CREW.id):
        story = [shown(CREW), principal, added(Identity(id=name, type="ServicePrincipal"), START + HOUR)]
        assert {alert.subject.id for alert in said("credential_added", *story)} == {CREW.id}


def test_a_change_waits_for_the_inventory_and_order_does_not_matter() -> None:
    change, seen = added(AGENT, START), shown(at=START + 15 * MINUTE)
    alerts = [said("credential_added", *order) for order in permutations((change, seen))]
    assert len(alerts[0]) == 1
    assert ids(alerts[0]) == ids(alerts[1])
    assert said("credential_added", change, shown(at=START + HOUR)) == []


def test_an_earlier_observation_that_comes_later_is_news() -> None:
    """The first look that is told of comes too late to recognise the agent of the change by; the other does not."""
    change, early, late = added(AGENT, START), shown(at=START + 10 * MINUTE), shown(at=START + 31 * MINUTE)
    assert len(said("credential_added", change, late, early)) == 1
    assert said("credential_added", change, late) == []


def test_an_account_of_an_agent_is_the_agent() -> None:
    account = Identity(id=guid("account"), type="User", name="invoices account")
    seen = shown(account, type="agent_user", parent_id=AGENT.id)
    (alert,) = said("credential_added", seen, added(account, START + HOUR))
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)


@pytest.mark.parametrize(
    ("scope", "identities", "alerts"),
    [("agents", (), 1), ("workloads", (), 1), ("chosen", (), 0), ("chosen", (AGENT.id,), 1)],
)
def test_scope_says_who_is_watched(scope: str, identities: tuple[str, ...], alerts: int) -> None:
    story = [shown(sponsors=()), added(AGENT, START + HOUR)]
    chosen: Any = {"scope": scope, "identities": frozenset(identities)}
    assert len(said("credential_added", *story, **chosen)) == alerts
    assert len(said("unaccountable_agent", *story, **chosen)) == alerts


def test_a_classic_principal_is_no_agent_unless_it_is_chosen() -> None:
    payroll = TENANT.agent("payroll", role="none")
    story = [shown(payroll), added(payroll, START + HOUR)]
    assert said("credential_added", *story) == []
    assert len(said("credential_added", *story, identities=frozenset({payroll.object_id}))) == 1


def test_resources_are_known_by_both_ids() -> None:
    grants = (
        Grant("app_role", guid("graph object"), "User.Read.All", guid("graph")),
        Grant("delegated", guid("vault object"), "read"),
        Grant("inheritable", guid("sql"), "*", guid("sql")),
    )
    engine = engine_of()
    tell(engine, [shown(grants=grants)])
    aliases = engine.state.tenants[TENANT.id].aliases
    assert {object_id: alias.owner for object_id, alias in aliases.items()} == {guid("graph object"): guid("graph")}


# ----------------------------------------------------------------------------------------------------- sharing


def certificate(name: str, thumbprint: str = "ab12") -> Credential:
    return Credential(guid("key", name), "certificate", name, end=START + 300 * DAY, thumbprint=thumbprint)


def trust(name: str) -> Credential:
    return Credential(guid("key", name), "federated", name, issuer="https://example.com", subject="repo:main")


@pytest.mark.parametrize(
    ("held", "mark", "words"),
    [
        (certificate, "ab12", "hold one and the same certificate, ab12."),
        (trust, "https://example.com repo:main", "hold one and the same federated subject, repo:main."),
    ],
)
def test_a_credential_on_several_blueprints_is_one_alert(held: Any, mark: str, words: str) -> None:
    story = [shown(about, START + number, credentials=(held(about.name),)) for number, about in enumerate((CREW, SOLO))]
    alerts = [said("credential_shared", *order) for order in permutations(story)]
    assert ids(alerts[0]) == ids(alerts[1])
    (alert,) = alerts[0]
    assert (alert.subject.kind, alert.subject.id) == ("credential", mark)
    assert {entity.id for entity in alert.entities} >= {CREW.id, SOLO.id}
    assert words in alert.explanation
    assert "crew" in alert.explanation
    assert "solo" in alert.explanation


def test_application_and_principal_of_one_blueprint_are_one_holder() -> None:
    principal = Identity(id=PRINCIPAL.id, type="")
    story = [
        shown(CREW, credentials=(certificate("a"),)),
        shown(principal, type="blueprint_principal", app_id=CREW.id, credentials=(certificate("b"),)),
    ]
    assert said("credential_shared", *story) == []


def test_what_is_not_the_same_or_not_held_any_more_is_not_shared() -> None:
    one = shown(CREW, credentials=(certificate("a"),))
    assert said("credential_shared", one, shown(SOLO, credentials=(certificate("b", "cd34"),))) == []
    assert said("credential_shared", one, shown(SOLO, credentials=(Credential("k", "secret"),))) == []
    gone = shown(CREW, START + HOUR, credentials=())
    assert said("credential_shared", one, gone, shown(SOLO, START + DAY, credentials=(certificate("b"),))) == []
    deleted = shown(CREW, START + HOUR, deleted=True)
    assert said("credential_shared", one, deleted, shown(SOLO, START + DAY, credentials=(certificate("b"),))) == []
    payroll = TENANT.agent("payroll", role="none")
    classic = shown(payroll, START + HOUR, credentials=(certificate("b"),))
    assert said("credential_shared", one, classic) == []
    assert said("credential_shared", classic, shown(CREW, START + DAY, credentials=(certificate("a"),))) == []


# ------------------------------------------------------------------------------------------------------ bounds


def crowded(monkeypatch: pytest.MonkeyPatch, events: list[Event]) -> Engine:
    monkeypatch.setattr(accountability, "_MAX_PEOPLE", 20)
    monkeypatch.setattr(removals, "_MAX_WAITING", 20)
    engine = engine_of(settings(max_identities=20))
    tell(engine, events, size=10)
    return engine


def test_a_flood_of_objects_pushes_out_the_deleted_and_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = shown(CREW, START + HOUR, owners=(person("jane"),), credentials=(certificate("a"),))
    gone = shown(SOLO, START + 2 * HOUR, deleted=True)
    crowd = [shown(TENANT.agent(f"agent-{number}"), START + number) for number in range(50)]
    engine = crowded(monkeypatch, [kept, gone, *crowd])
    objects = engine.state.tenants[TENANT.id].objects
    assert len(objects) <= 40
    assert kept.id in objects
    assert gone.id not in objects
    assert engine.counters["evicted_objects"] == 52 - len(objects)
    again = engine_of(engine.settings, engine.state)
    assert again.directory._ways == engine.directory._ways


def test_what_is_shared_between_objects_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "_MAX_SHARED", 30)
    engine = engine_of()
    for number in range(50):
        grants = tuple(Grant("app_role", guid("resource", number, each), "read") for each in range(5))
        tell(engine, [shown(at=START + number, grants=grants, owners=(person(f"p{number}"),))])
        assert len(engine.directory._values) <= 40
    (memory,) = engine.state.tenants[TENANT.id].objects.values()
    assert memory.grants == grants


def test_a_flood_of_people_pushes_out_those_heard_of_least_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = [TENANT.change("user_disabled", START + number, user(f"user-{number}")) for number in range(50)]
    engine = crowded(monkeypatch, [*crowd])
    people = engine.state.tenants[TENANT.id].people
    assert len(people) <= 20
    assert user("user-49").id in people
    assert user("user-0").id not in people
    assert engine.counters["evicted_people"] == 50 - len(people)


def test_a_flood_of_removals_is_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = (user("jane"), AGENT.target)
    crowd = [TENANT.change("sponsor_removed", START + 1 + number, AGENT, targets=targets) for number in range(50)]
    engine = crowded(monkeypatch, [shown(), *crowd])
    assert len(engine.state.removals) == 20
    assert engine.counters["removals_dropped"] == 30


def test_a_removal_whose_ledger_had_to_go_is_nothing() -> None:
    engine = engine_of()
    gone = TENANT.change("sponsor_removed", START + 1, AGENT, targets=(user("jane"), AGENT.target))
    tell(engine, [shown(sponsors=(person("jane"),)), gone])
    engine.state.tenants[TENANT.id].ledgers.clear()
    assert engine.finish() == []
    assert engine.state.removals == set()


def test_objects_of_a_tenant_too_many_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_MAX_TENANTS", 1)
    engine = engine_of()
    tell(engine, [shown(), Tenant("fabrikam").inventory(AGENT, START)])
    assert engine.accounting.filtered == {"too_many_tenants": 1}
    assert engine.accounting.applied == 1


def test_every_observation_is_accounted_for() -> None:
    engine = engine_of()
    engine.process(Decoded([shown(), shown(), shown(user("jane"), enabled=True)]))
    assert engine.accounting.balanced()
    assert engine.accounting.applied == 3


# --------------------------------------------------------------------------------------------------- deletions


def test_a_deletion_near_in_time_is_no_matter_of_arrival() -> None:
    """Until it is final that the agent is gone, whoever goes leaves it behind."""
    there, gone = shown(sponsors=(person("jane"),)), shown(at=START + 300, deleted=True)
    disabled = TENANT.change("user_disabled", START + 500, user("jane"))
    alerts = [said("accountability_lost", *order) for order in permutations((there, gone, disabled))]
    assert len(alerts[0]) == 1
    assert all(ids(each) == ids(alerts[0]) for each in alerts)


def test_agents_that_are_deleted_are_not_counted() -> None:
    agents = [TENANT.agent(f"agent-{number}") for number in range(5)]
    there = [shown(agent) for agent in agents]
    gone = [shown(agent, START + 60, deleted=True) for agent in agents[:2]]
    (alert,) = said("unaccountable_agent", *there, *gone, shown(CREW, START + 120, sponsors=()))
    assert alert.explanation.endswith("It is the blueprint of 3 agents.")
