"""D59: a blueprint, an agent or an agent's user account was enabled again."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.agent_reenabled import AgentReenabled
from detector.domain.events import Actor, Change, Identity
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, change, said, same_however_told, with_pipeline
from tests.stories import DAY, HOUR, MINUTE, RELEASE, guid, in_order

NAME = "agent_reenabled"
GUARD = Actor(kind="user", id=guid("user", "guard"), name="guard@example.com", ip="198.51.100.30")


def enabled(at: float = NOW, target: Any = BLUEPRINT, **fields: Any) -> Change:
    return TENANT.change("agent_enabled", at, target, **fields)


def disabled(at: float, target: Any = BLUEPRINT, **fields: Any) -> Change:
    return TENANT.change("agent_disabled", at, target, actor=GUARD, **fields)


def test_a_blueprint_enabled_again_is_said_with_how_many_agents_it_lets_in() -> None:
    (alert,) = said(NAME, disabled(NOW), enabled(NOW + 3 * DAY))
    assert alert.severity == "high"
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.title == "Enabled again: crew"
    assert alert.explanation == (
        "admin@example.com enabled crew again from 198.51.100.20; guard@example.com had disabled it 3 days before; 4 "
        "known agents of it can sign in again."
    )


def test_an_agent_whose_end_nobody_saw_is_medium() -> None:
    (alert,) = said(NAME, enabled(target=AGENT))
    assert alert.severity == "medium"
    assert alert.explanation == "admin@example.com enabled invoices again from 198.51.100.20."


def test_who_undoes_what_another_did_is_graver_than_who_undoes_their_own() -> None:
    (other,) = said(NAME, disabled(NOW, AGENT), enabled(NOW + HOUR, AGENT))
    (own,) = said(NAME, disabled(NOW, AGENT), enabled(NOW + HOUR, AGENT, actor=GUARD))
    assert (other.severity, own.severity) == ("high", "medium")
    assert own.explanation.endswith("; guard@example.com had disabled it 1 hour before.")


def test_disabling_is_not_enabling() -> None:
    assert said(NAME, disabled(NOW)) == []


def test_a_record_that_changes_no_state_enables_nothing() -> None:
    untouched = TENANT.change("service_principal_updated", NOW, AGENT, properties_changed=("AccountEnabled",))
    assert said(NAME, untouched) == []


def test_an_account_of_a_user_counts_when_it_is_an_agents() -> None:
    account = Identity(id=guid("agent user"), type="User", name="invoices-user", role="agent_user")
    person = Identity(id=guid("user", "somebody"), type="User", name="somebody")
    (alert,) = said(NAME, TENANT.change("enable account", NOW, account))
    assert alert.explanation.startswith("admin@example.com enabled invoices-user again")
    assert said(NAME, TENANT.change("enable account", NOW, person)) == []


@pytest.mark.parametrize("activity", ["restore service principal", "restore application"])
def test_what_was_deleted_and_comes_back_is_said(activity: str) -> None:
    (alert,) = said(NAME, TENANT.change(activity, NOW, AGENT))
    assert alert.title == "Restored: invoices"
    assert alert.explanation == "admin@example.com restored invoices from 198.51.100.20."


def test_one_deed_that_is_logged_as_several_records_is_one_alert() -> None:
    story = [
        enabled(target=AGENT, correlation_id="c1"),
        TENANT.change("enable account", NOW + 1, AGENT, correlation_id="c1"),
    ]
    assert len(said(NAME, story)) == 1


def test_a_refused_attempt_is_low() -> None:
    (alert,) = said(NAME, enabled(succeeded=False))
    assert (alert.severity, alert.title) == ("low", "Refused: enabled again: crew")
    assert alert.explanation == "admin@example.com tried in vain to enable crew again from 198.51.100.20."


def test_what_a_declared_pipeline_enables_is_no_news() -> None:
    assert said(NAME, enabled(actor=RELEASE), chosen=with_pipeline()) == []


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"deviation": None, "pipeline": "release"}, "info"),
        ({"platform_actor": True, "target_kind": "blueprint"}, "low"),
        ({"target_kind": "blueprint"}, "high"),
        ({"target_kind": "agent"}, "medium"),
        ({"disabled_by_id": "other"}, "high"),
        ({"disabled_by_id": "me", "actor_id": "me"}, "medium"),
    ],
)
def test_severity_follows_from_who_and_what(facts: dict[str, Any], severity: str) -> None:
    finding = AgentReenabled(in_pipeline=True).judge(change("agent_enabled", **facts))
    assert finding is not None
    assert finding.severity == severity


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(DAY, "24 hours"), (2 * DAY - 1, "48 hours"), (2 * DAY, "2 days"), (30 * MINUTE, "30 minutes")],
)
def test_the_time_in_between_is_said_as_people_say_it(seconds: float, shown: str) -> None:
    finding = AgentReenabled().judge(change("agent_enabled", disabled_time=NOW - seconds))
    assert finding is not None
    assert finding.explanation.endswith(f"; somebody unknown had disabled it {shown} before.")


def test_a_disabling_that_is_told_late_changes_no_id() -> None:
    story = in_order(disabled(NOW + 60), enabled(NOW + 5 * MINUTE), enabled(NOW + 3 * HOUR, AGENT))
    assert len(same_however_told(story, NAME)) == 2


def test_an_agent_that_is_met_for_the_first_time_afterwards_is_recognised() -> None:
    fresh = TENANT.agent("fresh", blueprint="new")
    story = in_order(enabled(NOW, fresh), TENANT.sign_ins(fresh, NOW + 10 * MINUTE, 3))
    (alert,) = same_however_told(story, NAME)
    assert alert.subject.id == fresh.id
