"""Audit changes: whom they are about, and how long they wait to be recognised."""

from __future__ import annotations

import pytest

from detector.domain.alerts import Alert
from detector.domain.events import Change, Identity
from detector.engine import changing, state
from detector.engine.state import State
from tests.stories import HOUR, MINUTE, START, Tenant, detectors, engine_of, guid, settings, tell


def changes_said(alerts: list[Alert]) -> list[Alert]:
    """The alerts that a change tipped."""
    return [alert for alert in alerts if "correlation_id" in alert.evidence.details or "kind" in alert.evidence.details]


@pytest.mark.parametrize(("minutes", "recognised"), [(0, True), (20, True), (29, True), (31, False), (50, False)])
def test_a_change_waits_the_lateness_for_its_target_to_sign_in(minutes: int, recognised: bool) -> None:
    """In whole buckets: a sign-in counts from the start of its ten minutes."""
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a")
    assert tell(engine, [tenant.change("credential_added", START, agent)]) == []
    told = tell(engine, [tenant.sign_in(agent, START + minutes * MINUTE)])
    assert ("credential_added" in detectors(told)) == recognised


def test_a_parked_change_is_forgotten_when_no_record_can_recognise_it_in_time() -> None:
    tenant, engine = Tenant(), engine_of()
    tell(engine, [tenant.change("credential_added", START, tenant.agent("a"))])
    tell(engine, [tenant.sign_in(tenant.agent("b"), START + 49 * MINUTE)])
    assert len(engine.state.parked) == 1
    tell(engine, [tenant.sign_in(tenant.agent("b"), START + 60 * MINUTE)])
    assert engine.state.parked == []


def test_what_an_agent_of_another_time_teaches_recognises_nothing() -> None:
    """The stranger signs in too late; a disordered record of somebody else must not bring the change back."""
    tenant, engine = Tenant(), engine_of()
    late, other = tenant.agent("late"), tenant.agent("other")
    story = [
        tenant.change("credential_added", START, late),
        tenant.sign_in(late, START + 31 * MINUTE),
        tenant.sign_in(other, START + 15 * MINUTE),
    ]
    assert changes_said(tell(engine, story)) == []


def test_a_full_park_drops_the_oldest_and_counts_it() -> None:
    tenant, engine = Tenant(), engine_of(settings(max_parked=1))
    first, second = tenant.agent("a"), tenant.agent("b")
    tell(engine, [tenant.change("credential_added", START, each) for each in (first, second)])
    assert engine.counters["parked_changes_dropped"] == 1
    assert changes_said(tell(engine, [tenant.sign_in(first, START)])) == []
    assert "credential_added" in detectors(tell(engine, [tenant.sign_in(second, START)]))


def test_an_object_id_that_an_audit_record_explains_is_an_alias() -> None:
    tenant, engine = Tenant(), engine_of()
    agent, alias = tenant.agent("a"), guid("alias")
    stranger = Identity(id=alias, type="Application")
    explained = Identity(id=alias, type="Application", app_id=agent.id)
    tell(engine, [tenant.sign_in(agent, START), tenant.change("credential_added", START, stranger)])
    told = tell(engine, [tenant.change("application_updated", START, explained)])
    assert {alert.subject.id for alert in told} == {agent.id}
    assert "credential_added" in detectors(told)


def test_of_two_owners_the_first_taught_keeps_an_alias_in_any_order() -> None:
    tenant = Tenant()
    alias = guid("alias")
    named = [Identity(id=alias, type="Application", app_id=guid(name)) for name in ("one", "two")]
    changes = [tenant.change("application_updated", START + n * 700.0, who) for n, who in enumerate(named)]
    for order in (changes, changes[::-1]):
        engine = engine_of()
        tell(engine, order)
        (memory,) = engine.state.tenants.values()
        assert memory.aliases[alias].owner == guid("one")


def test_a_change_of_a_blueprint_is_about_the_blueprint_that_its_agents_name() -> None:
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a", blueprint="crew")
    blueprint = Identity(id=agent.blueprint, type="Application", name="Crew")
    told = tell(engine, [tenant.sign_in(agent, START), tenant.change("credential_added", START, blueprint)])
    assert {(alert.subject.kind, alert.subject.id) for alert in changes_said(told)} == {("blueprint", agent.blueprint)}


def test_a_change_of_a_blueprint_that_signed_in_itself_carries_its_name() -> None:
    tenant, engine = Tenant(), engine_of()
    blueprint = tenant.agent("crew", role="blueprint")
    told = tell(engine, [tenant.sign_in(blueprint, START), tenant.change("credential_added", START, blueprint)])
    assert {(alert.subject.kind, alert.subject.name) for alert in told} == {("blueprint", "crew")}


@pytest.mark.parametrize(
    ("scope", "role", "kind"),
    [
        ("agents", "agent", "agent"),
        ("agents", "blueprint", "blueprint"),
        ("workloads", "none", "agent"),
        ("chosen", "agent", None),
        ("agents", "none", None),
    ],
)
def test_scope_and_record_may_say_at_once_that_a_target_counts(scope: str, role: str, kind: str | None) -> None:
    tenant, engine = Tenant(), engine_of(settings(scope=scope))
    target = Identity(id=guid("target"), type="ServicePrincipal", role=role)  # type: ignore[arg-type]
    told = tell(engine, [tenant.change("credential_added", START, target)])
    assert {alert.subject.kind for alert in told} == ({kind} if kind else set())


def test_a_target_without_any_id_is_nobody() -> None:
    tenant, engine = Tenant(), engine_of()
    nobody = Identity(id=None, type="ServicePrincipal", role="agent")
    assert tell(engine, [tenant.change("credential_added", START, nobody)]) == []


def test_a_chosen_id_counts_without_a_sign_in() -> None:
    tenant, target = Tenant(), Identity(id=guid("target"), type="ServicePrincipal")
    engine = engine_of(settings(scope="chosen", identities=frozenset({guid("target")})))
    assert "credential_added" in detectors(tell(engine, [tenant.change("credential_added", START, target)]))


def test_an_activity_that_nobody_reads_is_filtered() -> None:
    tenant, engine = Tenant(), engine_of()
    assert tell(engine, [tenant.change("reset password", START, tenant.agent("a"))]) == []
    assert engine.accounting.filtered["activity_not_read"] == 1


def test_the_oldest_actors_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "_MAX_ACTORS", 2)
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a")
    anonymous = changing.Change.__struct_fields__ and type(tenant.change("owner_added", START).actor)
    actors = [anonymous(kind="user", id=each) for each in ("one", "two", "three", None)]
    tell(engine, [tenant.change("owner_added", START + n, agent, actor=actor) for n, actor in enumerate(actors)])
    (memory,) = engine.state.tenants.values()
    assert list(memory.actors) == ["two", "three"]
    assert engine.counters["evicted_actors"] == 1


def test_a_parked_change_of_another_tenant_stays_parked() -> None:
    first, second, engine = Tenant("contoso"), Tenant("fabrikam"), engine_of()
    tell(engine, [first.change("credential_added", START, first.agent("a"))])
    tell(engine, [second.sign_in(second.agent("b"), START + HOUR / 4)])
    assert len(engine.state.parked) == 1


# --------------------------------------------------------------------------------------- what nobody recognises


@pytest.mark.parametrize(("minutes", "told"), [(50, 0), (51, 1)])
def test_a_change_of_nobodys_agent_is_told_once_it_is_sure(minutes: int, told: int) -> None:
    tenant, engine = Tenant(), engine_of()
    heard: list[tuple[str, Change]] = []
    engine.changing.on_unrecognised.append(lambda kind, change: heard.append((kind, change)))
    change = tenant.change("owner_added", START, Identity(id=guid("payroll"), type="ServicePrincipal"))
    tell(engine, [change, tenant.sign_in(tenant.agent("a"), START + minutes * MINUTE)])
    assert heard == [("owner_added", change)] * told


def test_the_end_of_an_archive_is_sure() -> None:
    tenant, engine = Tenant(), engine_of()
    heard: list[str] = []
    engine.changing.on_unrecognised.append(lambda kind, _change: heard.append(kind))
    tell(engine, [tenant.change("owner_added", START, Identity(id=guid("payroll"), type="ServicePrincipal"))])
    engine.finish()
    assert heard == ["owner_added"]
    assert engine.state.parked == []


def test_a_parked_change_whose_activity_is_read_no_more_is_forgotten_in_silence() -> None:
    """The operator took the activity away and restarted."""
    tenant, first = Tenant(), engine_of()
    agent = tenant.agent("a")
    tell(first, [tenant.change("owner_added", START, agent)])
    engine = engine_of(settings(activities={}), State.load(first.snapshot()))
    heard: list[str] = []
    engine.changing.on_unrecognised.append(lambda kind, _change: heard.append(kind))
    assert changes_said(tell(engine, [tenant.sign_in(agent, START + MINUTE)])) == []
    tell(engine, [tenant.sign_in(agent, START + HOUR)])
    assert (heard, engine.state.parked) == ([], [])


def test_how_long_changes_have_been_read_follows_from_the_earliest() -> None:
    tenant = Tenant()
    agent = tenant.agent("a")
    changes = [tenant.change("owner_added", START + at, agent) for at in (300.0, 0.0, 900.0)]
    for order in (changes, changes[::-1]):
        engine = engine_of()
        tell(engine, order)
        assert engine.state.audited == {tenant.id: START}


def test_a_tenant_too_many_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_MAX_TENANTS", 1)
    engine, tenants = engine_of(), (Tenant("contoso"), Tenant("fabrikam"))
    tell(engine, [tenant.change("owner_added", START, tenant.agent("a")) for tenant in tenants])
    assert engine.accounting.filtered["too_many_tenants"] == 1
    assert list(engine.state.audited) == [tenants[0].id]
