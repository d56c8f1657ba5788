"""D76: an agent was allowed to act for users, or a blueprint to hand permissions down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.delegated_grant import DelegatedGrant
from detector.domain.events import Change, Identity
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, change, said, same_however_told, with_pipeline
from tests.stories import HOUR, MINUTE, RELEASE, guid, in_order

NAME = "delegated_grant"
GRAPH = Identity(id=guid("object", "graph"), type="ServicePrincipal", name="Microsoft Graph")


def granted(*scopes: str, at: float = NOW, everybody: bool | None = True, **fields: Any) -> Change:
    """As Entra logs it: the target is the resource, and only the object id of the grantee is named."""
    told = {
        "targets": (GRAPH,),
        "grantee_object_id": AGENT.object_id,
        "permission": " ".join(scopes) or None,
        "scopes": scopes,
        "for_everybody": everybody,
    }
    return TENANT.change("delegated_permission_granted", at, **(told | fields))


def consented(*scopes: str, at: float = NOW, everybody: bool = False, **fields: Any) -> Change:
    """A consent: the target is the agent."""
    permission = " ".join(scopes) or None
    return TENANT.change(
        "consent_granted", at, AGENT, scopes=scopes, permission=permission, for_everybody=everybody, **fields
    )


def inherited(at: float = NOW, target: Any = BLUEPRINT, **fields: Any) -> Change:
    return TENANT.change("inheritable_permissions_changed", at, target, **fields)


def test_a_sensitive_scope_for_everybody_is_high() -> None:
    (alert,) = said(NAME, granted("User.Read", "Mail.ReadWrite", "Files.Read.All"))
    assert alert.severity == "high"
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "Delegated permission granted: Files.Read.All and Mail.ReadWrite"
    assert alert.explanation == (
        "admin@example.com granted invoices 2 sensitive scopes (Files.Read.All and Mail.ReadWrite) from 198.51.100.20; "
        "it may act for every user of the tenant with them."
    )
    assert alert.evidence.details["sensitive_scopes"] == ("Files.Read.All", "Mail.ReadWrite")


@pytest.mark.parametrize(
    ("story", "severity"),
    [
        (granted("Mail.Read"), "high"),
        (granted("mail.read"), "high"),
        (granted("Mail.Read", everybody=False), "medium"),
        (granted("Mail.Read", everybody=None), "medium"),
        (granted("User.Read"), "low"),
        (granted("Mail.Read", succeeded=False), "low"),
        (consented("Mail.Read", everybody=True), "high"),
        (consented("Mail.Read"), "medium"),
    ],
)
def test_severity_follows_from_the_scopes_and_from_for_whom(story: Change, severity: str) -> None:
    (alert,) = said(NAME, story)
    assert alert.severity == severity


@pytest.mark.parametrize(
    "story",
    [
        granted("User.Read", everybody=False),
        consented("User.Read", "openid"),
        consented("Mail.ReadBasic"),
        granted("User.Read", succeeded=False),
        TENANT.change("consent_granted", NOW, AGENT, permission="Mail.Read", scopes=(), for_everybody=True),
    ],
)
def test_what_single_users_allow_every_day_and_what_adds_nothing_is_not_said(story: Change) -> None:
    assert said(NAME, story) == []


def test_a_user_who_allows_something_sensitive_is_said_once_for_each_set_of_scopes() -> None:
    """A thousand users of an interactive agent consent to the same: that is one thing to look at."""
    story = [consented("Mail.Read", "User.Read", at=NOW + minute * MINUTE) for minute in range(5)]
    story += [consented("User.Read", "Mail.Read", "Mail.Send", at=NOW + HOUR)]
    assert [alert.evidence.details["sensitive_scopes"] for alert in said(NAME, story)] == [
        ("Mail.Read",),
        ("Mail.Read", "Mail.Send"),
    ]


def test_a_grant_that_names_no_scopes_is_said() -> None:
    (alert,) = said(NAME, granted())
    assert (alert.severity, alert.title) == ("low", "Delegated permission granted")
    assert alert.explanation == (
        "admin@example.com granted invoices scopes that the record does not name from 198.51.100.20; it may act for "
        "every user of the tenant with them."
    )


def test_one_deed_that_is_logged_as_several_records_is_one_alert() -> None:
    story = [
        consented("Mail.Read", everybody=True, correlation_id="c1"),
        granted("Mail.Read", at=NOW + 1, correlation_id="c1"),
    ]
    assert len(said(NAME, story)) == 1


def test_a_harmless_grant_hides_no_harmful_one_of_the_same_deed() -> None:
    story = [granted("User.Read", correlation_id="c1"), granted("Mail.Read", at=NOW + 1, correlation_id="c1")]
    assert [alert.severity for alert in said(NAME, story)] == ["low", "high"]


def test_a_declared_pipeline_may_grant_and_what_is_sensitive_stays_on_record() -> None:
    chosen = with_pipeline()
    assert said(NAME, granted("User.Read", actor=RELEASE), chosen=chosen) == []
    (alert,) = said(NAME, granted("Mail.Read", actor=RELEASE), chosen=chosen)
    assert alert.severity == "low"
    detectors = tuple(replace(each, in_pipeline=True) if each.name == NAME else each for each in chosen.detectors)  # type: ignore[type-var]
    (alert,) = said(NAME, granted("User.Read", actor=RELEASE), chosen=replace(chosen, detectors=detectors))
    assert alert.severity == "info"


# ----------------------------------------------------------------------------------------------- inheritance


def test_what_all_agents_of_a_blueprint_inherit_is_said_with_their_number() -> None:
    (alert,) = said(NAME, inherited())
    assert (alert.severity, alert.title) == ("high", "Inheritable permissions changed")
    assert alert.explanation == (
        "admin@example.com changed the permissions that agents inherit from crew from 198.51.100.20; the 4 known "
        "agents of it get them."
    )


def test_a_blueprint_without_known_agents_is_said_too() -> None:
    fresh = TENANT.agent("empty", role="blueprint")
    (alert,) = said(NAME, TENANT.sign_in(fresh, NOW), inherited(NOW + 1, fresh))
    assert alert.explanation.endswith("; every agent of it gets them.")


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"agents": 1}, "high"),
        ({"succeeded": False}, "low"),
        ({"platform_actor": True}, "low"),
        ({"pipeline": "release", "deviation": None}, "info"),
    ],
)
def test_severity_of_what_is_inherited(facts: dict[str, Any], severity: str) -> None:
    finding = DelegatedGrant(in_pipeline=True).judge(change("inheritable_permissions_changed", **facts))
    assert finding is not None
    assert finding.severity == severity
    if "agents" in facts:
        assert finding.explanation.endswith("; the 1 known agent of it gets them.")


def test_what_a_pipeline_lets_agents_inherit_is_no_news() -> None:
    assert said(NAME, inherited(actor=RELEASE), chosen=with_pipeline()) == []


def test_other_changes_are_left_alone() -> None:
    assert said(NAME, TENANT.change("app_role_granted", NOW, AGENT)) == []


def test_it_is_the_same_alert_however_it_is_told() -> None:
    fresh = TENANT.agent("fresh", blueprint="new")
    story = in_order(
        granted("Mail.Read", at=NOW + MINUTE),
        consented("Mail.Send", at=NOW + 2 * MINUTE),
        granted("Mail.Read", at=NOW + HOUR, grantee_object_id=fresh.object_id),
        TENANT.sign_ins(fresh, NOW + HOUR + 10 * MINUTE, 2),
        inherited(NOW + 5 * HOUR),
    )
    assert len(same_however_told(story, NAME)) == 4
