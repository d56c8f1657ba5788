"""D72, D73: a credential is about to expire; worse when no other one is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.credential_expiry import CredentialExpiry
from detector.domain.events import Credential, Event, InventoryObject
from tests.detectors.stage import BLUEPRINT, CREW, NOW, TENANT, engine, said, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, defaults, guid, in_order, tell

NAME = "credential_expiry"
KEY, NEXT = guid("key", "ci"), guid("key", "next")


def secret(days: float, **fields: Any) -> Credential:
    return Credential(**({"key_id": KEY, "kind": "secret", "name": "ci", "end": NOW + days * DAY} | fields))


def certificate(days: float) -> Credential:
    return secret(days, key_id=NEXT, kind="certificate", name=None)


TRUST = Credential(guid("key", "trust"), "federated", issuer="https://example.com")


def shown(*held: Credential, at: float = NOW, about: Any = BLUEPRINT, **fields: Any) -> InventoryObject:
    return TENANT.inventory(about, at, credentials=held, **fields)


def calm(hours: int, at: float = NOW) -> list[Event]:
    """Records that let time pass."""
    return TENANT.calm(CREW[1], hours=hours, at=at, per_hour=1)


def test_the_only_credential_is_an_outage_that_can_be_foreseen() -> None:
    (alert,) = said(NAME, shown(secret(6.9)))
    assert (alert.severity, alert.catalogue_ids) == ("high", ("D73",))
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.title == "The only known credential expires in 7 days"
    assert alert.explanation == (
        "The only known credential of crew, a secret (ci), expires in 7 days, on 2026-03-18; unless there is another, "
        "4 agents will get no tokens from then on."
    )


def test_the_inventory_may_know_of_more_agents_than_have_signed_in() -> None:
    others = [TENANT.inventory(TENANT.agent(f"spare-{number}"), NOW) for number in range(7)]
    (alert,) = said(NAME, *others, shown(secret(6.9), at=NOW + 60))
    assert ", 7 agents will" in alert.explanation


def test_one_of_several_is_said_with_the_others() -> None:
    (alert,) = said(NAME, shown(secret(13), certificate(200)))
    assert (alert.severity, alert.catalogue_ids) == ("low", ("D72",))
    assert alert.title == "A secret expires in 13 days"
    assert alert.explanation == (
        "A secret (ci) of crew expires in 13 days, on 2026-03-25; 4 agents may use it; 1 other credential is valid for "
        "longer."
    )


def test_a_federated_credential_does_not_end() -> None:
    (alert,) = said(NAME, shown(secret(13), TRUST))
    assert alert.catalogue_ids == ("D72",)


def test_another_one_that_ends_before_is_no_help() -> None:
    alerts = said(NAME, shown(secret(5), certificate(6)))
    assert {alert.catalogue_ids for alert in alerts} == {("D72",), ("D73",)}


@pytest.mark.parametrize(
    ("days", "severity"),
    [(30.5, None), (30.0, "medium"), (14.0, "medium"), (7.1, "medium"), (7.0, "high"), (0.1, "high"), (-3.0, "high")],
)
def test_it_is_said_from_the_first_threshold_on(days: float, severity: str | None) -> None:
    assert [alert.severity for alert in said(NAME, shown(secret(days)))] == ([] if severity is None else [severity])


def test_what_has_expired_and_was_replaced_is_nothing() -> None:
    assert said(NAME, shown(secret(-3), certificate(200))) == []
    (alert,) = said(NAME, shown(secret(-3)))
    assert alert.title == "The only known credential has expired"
    assert alert.explanation == (
        "The only known credential of crew, a secret (ci), expired on 2026-03-09; unless there is another, 4 agents "
        "get no tokens until it is replaced."
    )


def test_hours_are_said_as_hours() -> None:
    (alert,) = said(NAME, shown(secret(0.25)))
    assert "expires in 6 hours, on 2026-03-12" in alert.explanation


def test_what_is_not_known_is_nothing() -> None:
    assert said(NAME, shown(secret(3, end=None))) == []
    assert said(NAME, TENANT.inventory(BLUEPRINT, NOW)) == []
    assert said(NAME, shown(secret(3), deleted=True)) == []


@pytest.mark.untraced
def test_one_look_is_enough_for_all_thresholds_to_come() -> None:
    """A snapshot was read once; time passes and the credential comes nearer to its end, seen at each midnight."""
    story = in_order(shown(secret(16.5)), calm(20 * 24))
    alerts = same_however_told(story, NAME)
    assert [(alert.time[:10], alert.severity) for alert in alerts] == [
        ("2026-03-12", "medium"),
        ("2026-03-15", "medium"),
        ("2026-03-22", "high"),
        ("2026-03-28", "high"),
        ("2026-03-29", "high"),
    ]
    assert alerts[-1].evidence.record_ids == ()


@pytest.mark.untraced
def test_a_credential_that_was_removed_in_time_is_quiet() -> None:
    story = in_order(shown(secret(16.5), TRUST), shown(TRUST, at=NOW + 2 * DAY), calm(20 * 24))
    assert [alert.time[:10] for alert in same_however_told(story, NAME)] == ["2026-03-12"]


def test_a_classic_application_is_looked_at_where_workloads_are_watched() -> None:
    story = in_order(shown(secret(16.5), about=TENANT.agent("payroll", role="none")), calm(4 * 24))
    assert said(NAME, story) == []
    assert len(said(NAME, story, chosen=replace(defaults(), scope="workloads"))) == 2


@pytest.mark.untraced
def test_a_removal_around_midnight_is_no_matter_of_arrival() -> None:
    gone = NOW + 2 * DAY + 23 * HOUR + 50 * MINUTE
    story = in_order(shown(secret(16.5)), shown(at=gone), calm(5 * 24))
    assert len(same_however_told(story, NAME)) == 2


def test_a_gap_in_the_records_is_made_up_for() -> None:
    story = [shown(secret(16.5)), TENANT.sign_in(CREW[1], NOW + 40 * DAY)]
    assert [alert.time[:10] for alert in said(NAME, *story)] == [
        "2026-03-12",
        "2026-03-15",
        "2026-03-22",
        "2026-03-28",
        "2026-03-29",
    ]


def test_the_day_goes_on_after_a_restart() -> None:
    first = engine()
    assert len(tell(first, [shown(secret(16.5))])) == 1
    second = engine(memory=first.snapshot())
    alerts = tell(second, calm(24, NOW + 2 * DAY + 23 * HOUR))
    assert [alert.time[:10] for alert in alerts if alert.detector == NAME] == ["2026-03-15"]


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order((shown(secret(7.2), at=NOW + hour * HOUR) for hour in range(12)), calm(12))
    assert len(same_however_told(story, NAME)) == 2


@pytest.mark.parametrize(
    ("facts", "ending"),
    [
        ({}, "; unless there is another, it will get no tokens from then on."),
        ({"agents": 1}, "; unless there is another, 1 agent will get no tokens from then on."),
        ({"days_left": -1.0, "agents": 1}, "; unless there is another, 1 agent gets no tokens until it is replaced."),
        ({"days_left": -1.0}, "; unless there is another, it gets no tokens until it is replaced."),
        ({"others": 2}, ", on 2026-03-14; 2 other credentials are valid for longer."),
    ],
)
def test_singular_and_plural(facts: dict[str, Any], ending: str) -> None:
    told = {
        "issue": "expiring",
        "target_name": "crew",
        "credential_kind": "secret",
        "days_left": 2.0,
        "others": 0,
        "end": NOW + 2 * DAY,
    }
    finding = CredentialExpiry().judge(signal("inventory", facts=told | facts))
    assert finding is not None
    assert finding.explanation.endswith(ending)


def test_other_issues_are_left_alone() -> None:
    assert CredentialExpiry().judge(signal("inventory", facts={"issue": "missing"})) is None
