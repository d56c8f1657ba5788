"""D68, D69: a credential was added by an agent, to an agent that can take over the tenant, or by a newcomer."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.credential_by_unusual_actor import CredentialByUnusualActor
from detector.domain.events import Actor, Change
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, NOW, TENANT, change, said, same_however_told, with_pipeline
from tests.stories import ADMIN, DAY, HOUR, MINUTE, RELEASE, TIER0_ROLE, Agent, guid, in_order

NAME = "credential_by_unusual_actor"
LATER = NOW + 8 * DAY
"""Changes have been watched for more than a week by then."""


def acting(agent: Agent, **fields: Any) -> Actor:
    """An agent as the initiator of a change: the record names its service principal, not its appId."""
    return Actor(**({"kind": "app", "id": agent.object_id, "name": agent.name, "ip": "192.0.2.7"} | fields))


def added(at: float = NOW, target: Any = BLUEPRINT, **fields: Any) -> Change:
    return TENANT.change("credential_added", at, target, **fields)


def watched() -> Change:
    """The first change of the tenant that is read."""
    return TENANT.change("application_updated", NOW, BLUEPRINT)


def test_an_agent_that_gives_its_blueprint_a_credential_is_critical() -> None:
    (alert,) = said(NAME, added(actor=acting(AGENT)))
    assert alert.severity == "critical"
    assert alert.title == "Credential added by an agent"
    assert alert.explanation == (
        "invoices added a credential to crew from 192.0.2.7; the actor is an agent, and gave the credential to its "
        "blueprint."
    )


def test_a_blueprint_that_serves_itself_is_high() -> None:
    (alert,) = said(NAME, added(actor=acting(BLUEPRINT)))
    assert alert.severity == "high"
    assert alert.explanation.endswith("the actor is a blueprint, and gave the credential to itself.")


def test_an_agent_of_another_blueprint_is_no_relative() -> None:
    other = TENANT.agent("loner", blueprint="solo")
    (alert,) = said(NAME, added(actor=acting(other)))
    assert alert.explanation.endswith("the actor is an agent.")


def test_the_record_itself_may_say_that_an_agent_acts() -> None:
    stranger = Actor(kind="app", id=guid("stranger"), name="stranger", role="agent_user")
    (alert,) = said(NAME, added(actor=stranger))
    assert alert.explanation.endswith("the actor is an agent's user account.")


def test_an_agent_that_is_met_only_afterwards_is_no_agent_yet() -> None:
    """What is known of an actor must be final: it depends on event times alone."""
    fresh = TENANT.agent("fresh", blueprint="new")
    story = in_order(added(actor=acting(fresh)), TENANT.sign_ins(fresh, NOW + 10 * MINUTE, 2))
    assert same_however_told(story, NAME) == []


def test_a_federated_credential_counts_too() -> None:
    (alert,) = said(NAME, TENANT.change("federated_credential_changed", NOW, BLUEPRINT, actor=acting(AGENT)))
    assert alert.explanation.startswith("invoices added a federated credential to crew")


def test_a_refused_attempt_of_an_agent_is_medium() -> None:
    (alert,) = said(NAME, added(actor=acting(AGENT), target=CREW[1], succeeded=False))
    assert alert.severity == "medium"
    assert alert.explanation.startswith("invoices tried in vain to add a credential to orders")


def test_an_agent_that_is_a_declared_pipeline_may() -> None:
    assert said(NAME, watched(), added(LATER, actor=RELEASE), chosen=with_pipeline()) == []


# ------------------------------------------------------------------------------------------------- the tier


def granted(at: float = NOW, kind: str = "app_role_granted", **fields: Any) -> Change:
    return TENANT.change(kind, at, AGENT, **fields)


def test_a_credential_for_an_agent_that_can_take_over_the_tenant_is_critical() -> None:
    (alert,) = said(NAME, granted(), added(NOW + 2 * HOUR, AGENT))
    assert alert.severity == "critical"
    assert alert.title == "Credential added to an agent that can take over the tenant"
    assert alert.explanation == (
        "admin@example.com added a credential to invoices from 198.51.100.20; invoices holds "
        "rolemanagement.readwrite.directory, so the credential can take over the tenant."
    )


def test_a_tier_0_role_counts_like_a_permission() -> None:
    (alert,) = said(NAME, granted(kind="directory_role_assigned"), added(NOW + 2 * HOUR, AGENT))
    assert TIER0_ROLE in alert.explanation


@pytest.mark.parametrize(("minutes", "alerts"), [(10, 0), (50, 0), (51, 1)])
def test_a_permission_counts_once_nothing_can_change_it_any_more(minutes: int, alerts: int) -> None:
    """Twice the lateness and a bucket: its record, and the record that recognises its holder, have come by then."""
    story = [granted(), added(NOW + minutes * MINUTE, AGENT)]
    assert len(said(NAME, story)) == alerts


def test_a_permission_that_was_taken_again_counts_no_more() -> None:
    taken = TENANT.change(
        "remove app role assignment from service principal",
        NOW + HOUR,
        targets=granted().targets,
        grantee_object_id=AGENT.object_id,
        permission="RoleManagement.ReadWrite.Directory",
    )
    assert said(NAME, granted(), taken, added(NOW + 3 * HOUR, AGENT)) == []


def test_a_harmless_permission_does_not_count() -> None:
    assert said(NAME, granted(permission="Mail.Read"), added(NOW + 2 * HOUR, AGENT)) == []


# ---------------------------------------------------------------------------------------------- the newcomer


def test_an_actor_who_never_did_so_is_medium_once_changes_have_been_watched_for_a_week() -> None:
    (alert,) = said(NAME, watched(), added(LATER))
    assert alert.severity == "medium"
    assert alert.title == "Credential added by an actor who never did so"
    assert alert.explanation == (
        "admin@example.com added a credential to crew from 198.51.100.20; this actor never did so in the 8 days that "
        "changes have been watched."
    )


@pytest.mark.parametrize(("days", "alerts"), [(6.9, 0), (7.0, 1), (7.1, 1)])
def test_in_the_first_days_everything_is_new_and_nothing_is_said(days: float, alerts: int) -> None:
    assert len(said(NAME, watched(), added(NOW + days * DAY))) == alerts


def test_an_actor_with_the_habit_is_not_new() -> None:
    assert said(NAME, watched(), added(NOW + 2 * HOUR), added(LATER)) == []


def test_a_newcomer_is_said_once_a_day() -> None:
    story = [watched(), *(added(LATER + minute * MINUTE) for minute in range(5)), added(LATER + 10 * MINUTE, AGENT)]
    assert [alert.subject.id for alert in said(NAME, story)] == [BLUEPRINT.id, AGENT.id]


@pytest.mark.parametrize(
    "fields",
    [
        {"actor": Actor(kind="unknown", id=None)},
        {"actor": Actor(kind="app", id=guid("msi"), name="Managed Service Identity")},
        {"succeeded": False},
    ],
)
def test_nobody_and_the_platform_and_who_was_refused_are_no_newcomers(fields: dict[str, Any]) -> None:
    assert said(NAME, watched(), added(LATER, **fields)) == []


def test_other_changes_are_left_alone() -> None:
    assert said(NAME, watched(), TENANT.change("owner_added", LATER, AGENT)) == []


def test_a_signal_without_experience_is_no_newcomer() -> None:
    assert CredentialByUnusualActor().judge(change("credential_added", actor_id="x")) is None


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        watched(),
        granted(NOW + HOUR),
        added(NOW + 3 * HOUR, AGENT),
        added(LATER, actor=acting(AGENT)),
        added(LATER + MINUTE, actor=Actor(kind="user", id=guid("user", "new"), name="new@example.com")),
        added(LATER + HOUR, actor=ADMIN),
    )
    assert len(same_however_told(story, NAME)) == 3
