"""How a finding is said: once, under a name of its own."""

from __future__ import annotations

import msgspec
import pytest

from detector.domain.alerts import Entity, alert_id
from detector.domain.events import Actor, Identity
from detector.domain.keys import Key
from detector.engine.naming import rfc3339
from detector.engine.state import State
from detector.errors import SnapshotError
from tests.stories import EXPIRED, HOUR, NOWHERE, START, Tenant, alerts_of, engine_of, guid, in_order, settings, tell


def test_the_same_occasion_is_said_once() -> None:
    tenant = Tenant()
    story = tenant.sign_ins(tenant.agent("a"), START, 5, error=EXPIRED)
    assert len([alert for alert in alerts_of(story) if alert.detector == "credential_retry"]) == 1


def test_what_was_said_is_remembered_up_to_the_bound() -> None:
    tenant, engine = Tenant(), engine_of(settings(max_said=10))
    for number in range(40):
        tell(engine, tenant.sign_ins(tenant.agent(str(number)), START + number, 3, error=EXPIRED, every=1.0))
        assert len(engine.state.said) <= 10


def test_times_are_written_in_utc_to_the_millisecond() -> None:
    assert rfc3339(START + 0.25) == "2026-03-02T00:00:00.250Z"


def test_no_choice_of_names_makes_two_identities_read_the_same() -> None:
    assert alert_id("t", "d", "agent", "a", "b") != alert_id("t", "d", "agent", "ab", "")


def test_a_key_is_written_as_kind_and_id() -> None:
    assert str(Key("agent", "a")) == "agent:a"


def test_shared_parts_of_a_sign_in_show_what_they_are() -> None:
    tenant = Tenant()
    access = tenant.access(tenant.agent("a"))
    assert repr(access).startswith("Access(service_principal ")
    assert repr(NOWHERE) == "Origin(None, ASNone, None)"


def test_an_alert_on_a_sign_in_names_everything_concerned_once() -> None:
    tenant = Tenant()
    agent = tenant.agent("a", blueprint="crew")
    story = tenant.sign_ins(agent, START, 3, error=EXPIRED, user="maria")
    (alert,) = [each for each in alerts_of(story) if each.detector == "credential_retry"]
    kinds = [entity.kind for entity in alert.entities]
    assert kinds == ["agent", "blueprint", "service_principal", "resource", "credential", "user", "network"]
    assert alert.evidence.addresses == ("192.0.2.7",)
    assert alert.entities[-1] == Entity("network", "192.0.2.0/24", "AS64496")


def test_an_alert_on_a_bare_sign_in_names_little() -> None:
    tenant = Tenant()
    agent = tenant.agent("a", blueprint=None)
    story = tenant.sign_ins(
        agent, START, 3, error=EXPIRED, resource=None, key=None, origin=NOWHERE, service_principal_id=None
    )
    (alert,) = [each for each in alerts_of(story) if each.detector == "credential_retry"]
    assert [entity.kind for entity in alert.entities] == ["agent"]
    assert alert.evidence.addresses == ()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("credential_added", {"agent", "user", "service_principal", "credential"}),
        ("app_role_granted", {"agent", "user", "service_principal"}),
        ("directory_role_assigned", {"agent", "user", "service_principal", "role"}),
    ],
)
def test_an_alert_on_a_change_names_actor_target_and_what_was_given(kind: str, expected: set[str]) -> None:
    tenant = Tenant()
    agent = tenant.agent("a", blueprint=None)
    change = tenant.change(kind, START, agent)
    if kind == "app_role_granted":
        change = msgspec.structs.replace(change, grantee_app_id=agent.id)
    alerts = alerts_of(in_order(tenant.sign_in(agent, START), change))
    assert {entity.kind for alert in alerts for entity in alert.entities} == expected


def test_an_actor_without_id_or_address_is_no_entity() -> None:
    tenant = Tenant()
    agent = tenant.agent("a", blueprint=None)
    targets = (Identity(id=None, type="App"), Identity(id=guid("x"), type=""), agent.target)
    change = tenant.change(
        "credential_added", START, agent, actor=Actor(kind="unknown", id=None), targets=targets, keys_added=()
    )
    alerts = alerts_of(in_order(tenant.sign_in(agent, START), change))
    assert {entity.kind for alert in alerts for entity in alert.entities} == {"agent", "service_principal", "object"}
    assert alerts[0].evidence.addresses == ()


@pytest.mark.parametrize("data", [b"", b"\x00", b"{}", b"\x80"])
def test_bytes_that_are_no_snapshot_are_refused(data: bytes) -> None:
    with pytest.raises(SnapshotError, match="cannot be read"):
        State.load(data)


def test_a_snapshot_of_another_version_is_refused() -> None:
    engine = engine_of()
    engine.state.version = 99
    with pytest.raises(SnapshotError, match="99"):
        State.load(engine.snapshot())


def test_finishing_judges_what_is_open_once() -> None:
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a")
    tell(engine, in_order(tenant.calm(agent, hours=20), tenant.sign_ins(agent, START + 20 * HOUR, 4, error=424242)))
    assert [alert.detector for alert in engine.finish()] == ["failure_ratio"]
    assert engine.finish() == []
