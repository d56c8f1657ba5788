"""Alerts become incidents: by key and day, whatever order they come in."""

from __future__ import annotations

import random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from detector.domain.alerts import Alert, Attack, Entity, Subject, alert_id
from detector.domain.events import Grant, Person
from detector.domain.findings import SEVERITIES
from detector.domain.incidents import incident_id, incident_of
from detector.engine import incidents
from detector.engine.incidents import incidents_of
from detector.features.memory import TenantMemory
from tests.sinks.alerts import alert
from tests.stories import (
    DAY,
    EXPIRED,
    HOUR,
    START,
    Tenant,
    alerts_of,
    engine_of,
    in_order,
    settings,
    tell,
)

CREW = Subject("blueprint", "b-1", "Crew", tenant="t-1")


def child(name: str, blueprint: str | None = "b-1") -> Subject:
    return Subject("agent", f"a-{name}", name, blueprint, None if blueprint is None else "Crew", "t-1")


def made(subject: Subject, day: int = 5, hour: int = 7, **changes: Any) -> Alert:
    time = f"2026-10-{day:02}T{hour:02}:00:00.000Z"
    identifier = alert_id("t-1", "token_spike", subject.kind, subject.id, f"{time}{sorted(changes.items())}")
    return alert(**{"id": identifier, "subject": subject, "time": time, **changes})


# --------------------------------------------------------------------------------------------------- the law

ALERTS = st.lists(
    st.builds(
        made,
        st.sampled_from(
            [child("one"), child("two"), CREW, child("loner", None), Subject("tenant", "t-1", tenant="t-1")]
        ),
        day=st.integers(4, 6),
        hour=st.integers(0, 23),
        severity=st.sampled_from(SEVERITIES),
        detector=st.sampled_from(["token_spike", "api_spread"]),
    ),
    max_size=30,
)


@pytest.mark.untraced
@given(alerts=ALERTS, seed=st.integers(0, 99))
def test_the_order_of_alerts_and_their_copies_do_not_matter(alerts: list[Alert], seed: int) -> None:
    shuffled = [*alerts, *alerts[:3]]
    random.Random(seed).shuffle(shuffled)
    assert incidents_of(shuffled, {}) == incidents_of(alerts, {})


@pytest.mark.untraced
@given(alerts=ALERTS)
def test_every_alert_is_in_exactly_one_incident_the_one_that_it_names(alerts: list[Alert]) -> None:
    told = {each.id: incident_of(each.subject, each.time) for each in alerts}
    found = {moment.alert_id: incident.id for incident in incidents_of(alerts, {}) for moment in incident.timeline}
    assert found == told
    assert sum(incident.alerts for incident in incidents_of(alerts, {})) == len(told)


@pytest.mark.untraced
@given(alerts=ALERTS)
def test_an_incident_of_some_of_the_alerts_has_the_name_that_it_has_with_all(alerts: list[Alert]) -> None:
    whole = {incident.id for incident in incidents_of(alerts, {})}
    assert {incident.id for incident in incidents_of(alerts[::2], {})} <= whole


def test_the_name_of_an_incident_never_changes() -> None:
    assert incident_id("t-1", "blueprint", "b-1", "2026-10-05") == "729b36eaebdb380bbd64b996ac072af9"
    assert incident_id(None, "agent", "a", "2026-10-05") != incident_id("a", "agent", "", "2026-10-05")


# --------------------------------------------------------------------------------------------------- examples


def test_agents_of_a_blueprint_and_the_blueprint_itself_are_one_incident() -> None:
    (incident,) = incidents_of([made(child("one")), made(child("two"), hour=9), made(CREW, hour=3)], {})
    assert (incident.kind, incident.key, incident.name, incident.tenant) == ("blueprint", "b-1", "Crew", "t-1")
    assert (incident.alerts, incident.day) == (3, "2026-10-05")
    assert (incident.first[11:13], incident.last[11:13]) == ("03", "09")
    assert [moment.subject.name for moment in incident.timeline] == ["Crew", "one", "two"]


def test_an_agent_without_a_blueprint_has_an_incident_of_its_own() -> None:
    found = incidents_of([made(child("one")), made(child("loner", None))], {})
    assert {(each.kind, each.key, each.name) for each in found} == {
        ("blueprint", "b-1", "Crew"),
        ("agent", "a-loner", "loner"),
    }


def test_each_day_is_an_incident_that_names_the_one_before() -> None:
    first, second, later = incidents_of([made(CREW), made(CREW, day=6), made(CREW, day=8)], {})
    assert (first.continues, second.continues, later.continues) == (None, first.id, None)


def test_tenants_never_share_an_incident() -> None:
    other = Subject("blueprint", "b-1", "Crew", tenant="t-2")
    assert len(incidents_of([made(CREW), made(other)], {})) == 2


def test_what_is_no_finding_makes_no_incident() -> None:
    assert incidents_of([made(CREW, catalogue_ids=(), detector="canary")], {}) == []


def test_it_tells_the_gravest_severity_the_counts_the_detectors_and_the_techniques() -> None:
    attack = Attack(v18_1=("T1110",))
    (incident,) = incidents_of(
        [
            made(CREW, severity="low"),
            made(CREW, severity="critical", detector="api_spread", hour=8, attack=attack),
            made(CREW, severity="low", hour=9),
        ],
        {},
    )
    assert incident.severity == "critical"
    assert list(incident.severities.items()) == [("critical", 1), ("low", 2)]
    assert incident.detectors == ("api_spread", "token_spike")
    assert incident.techniques == ("T1110", "T1562.008")


def test_a_long_timeline_leaves_out_the_least_severe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "MOST_MOMENTS", 2)
    (incident,) = incidents_of(
        [
            made(CREW, hour=1, severity="low"),
            made(CREW, hour=2, severity="high"),
            made(CREW, hour=3, severity="medium"),
        ],
        {},
    )
    assert [moment.severity for moment in incident.timeline] == ["high", "medium"]
    assert incident.alerts == 3


# ----------------------------------------------------------------------------------------------- blast radius


def test_without_memory_the_radius_is_what_the_alerts_name() -> None:
    told = made(
        child("one"),
        entities=(
            Entity("resource", "r-2", None),
            Entity("resource", "r-2", "Graph"),
            Entity("credential", "k-1", "clientSecret"),
            Entity("agent", "a-one", "one"),
        ),
    )
    (incident,) = incidents_of([told], {"t-1": TenantMemory()})
    radius = incident.radius
    assert radius.agents == (Entity("agent", "a-one", "one"),)
    assert radius.agents_known == 1
    assert radius.resources == (Entity("resource", "r-2", "Graph"),)
    assert radius.credentials == (Entity("credential", "k-1", "clientSecret"),)
    assert radius.addresses == ("203.0.113.7",)
    assert (radius.permissions, radius.owners, radius.sponsors) == (None, None, None)


def test_memory_adds_the_siblings_and_the_resources_that_agents_use() -> None:
    tenant = Tenant()
    one, two = (tenant.agent(name, blueprint="crew") for name in ("one", "two"))
    other = tenant.agent("other", blueprint="elsewhere")
    engine = engine_of()
    story = in_order(
        *(tenant.calm(agent, hours=4) for agent in (one, two, other)),
        tenant.sign_ins(one, START + 5 * HOUR, 4, error=EXPIRED),
    )
    (told,) = [each for each in tell(engine, story) if each.detector == "credential_retry"]
    assert told.incident == incident_of(told.subject, told.time)
    (incident,) = incidents_of([told], engine.state.tenants)
    assert incident.kind == "blueprint"
    assert [entity.name for entity in incident.radius.agents] == ["one", "two"]
    assert incident.radius.agents_known == 2
    assert incident.radius.resources


def test_an_inventory_adds_permissions_owners_sponsors_and_agents_that_never_signed_in() -> None:
    tenant = Tenant()
    one, quiet = (tenant.agent(name, blueprint="crew") for name in ("one", "quiet"))
    engine = engine_of()
    grant = Grant(kind="app_role", resource_id="r-object", permission="Mail.Send", resource_app_id="r-app")
    bare = Grant(kind="delegated", resource_id="s-object", permission="User.Read")
    owner, gone = Person("p-owner"), Person("p-gone")
    story = in_order(
        tenant.calm(one, hours=4),
        tenant.inventory(one, START + HOUR, owners=(gone,), sponsors=(), grants=(grant,)),
        tenant.inventory(one, START + DAY, owners=(owner,), sponsors=(), grants=(grant, bare)),
        tenant.inventory(quiet, START + DAY, deleted=False),
        tenant.inventory(tenant.agent("crew", role="blueprint"), START + DAY),
        tenant.sign_ins(one, START + 2 * DAY, 4, error=EXPIRED),
    )
    told = [each for each in tell(engine, story) if each.detector == "credential_retry"]
    (incident,) = incidents_of(told, engine.state.tenants)
    radius = incident.radius
    assert {entity.name for entity in radius.agents} == {"one", "quiet"}
    assert radius.permissions == ("Mail.Send (app_role on r-app)", "User.Read (delegated on s-object)")
    assert {"r-app", "s-object"} <= {entity.id for entity in radius.resources}
    assert (radius.owners, radius.sponsors) == (("p-owner",), ())


def test_lists_of_a_radius_are_bounded_and_say_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "MOST_LISTED", 2)
    told = [made(child(f"{number}"), entities=(Entity("resource", f"r-{number}"),)) for number in range(5)]
    (incident,) = incidents_of(told, {})
    assert len(incident.radius.agents) == len(incident.radius.resources) == 2
    assert incident.radius.agents_known == 5


def test_every_finding_of_an_engine_names_its_incident() -> None:
    tenant = Tenant()
    agent = tenant.agent("invoices", blueprint="finance")
    story = in_order(tenant.calm(agent, hours=96), tenant.sign_ins(agent, START + 96 * HOUR, 120, every=0.5))
    told = alerts_of(story, settings())
    assert told
    for each in told:
        assert each.incident == incident_of(each.subject, each.time)
