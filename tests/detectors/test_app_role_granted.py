"""D75: an agent was given an application permission that opens the tenant."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.app_role_granted import AppRoleGranted
from detector.domain.events import Change, Identity
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, change, said, same_however_told, with_pipeline
from tests.stories import MINUTE, RELEASE, TIER0_PERMISSION, guid, in_order

NAME = "app_role_granted"
TIER0_ID = "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8"


def grant(target: Any = AGENT, at: float = NOW, **fields: Any) -> Change:
    return TENANT.change("app_role_granted", at, target, **fields)


def test_a_tier0_permission_is_critical_and_said_with_who_where_and_what() -> None:
    (alert,) = said(NAME, grant())
    assert alert.severity == "critical"
    assert alert.catalogue_ids == ("D75",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "Tier-0 permission granted: RoleManagement.ReadWrite.Directory"
    assert alert.explanation == (
        "admin@example.com granted the application permission RoleManagement.ReadWrite.Directory to invoices from "
        "198.51.100.20; whoever holds it can take over the tenant."
    )


@pytest.mark.parametrize("permission", ["Mail.Read", "User.Read.All", "RoleManagement.Read.Directory", None])
def test_other_permissions_are_not(permission: str | None) -> None:
    assert said(NAME, grant(permission=permission)) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"permission": TIER0_PERMISSION.upper()},
        {"permission": None, "permission_id": TIER0_ID},
        {"permission": "A name of its own", "permission_id": TIER0_ID.upper()},
    ],
)
def test_a_permission_is_recognised_by_value_or_id_in_any_case(fields: dict[str, Any]) -> None:
    (alert,) = said(NAME, grant(**fields))
    assert (fields["permission"] or TIER0_ID) in alert.title


def test_it_is_about_the_grantee_and_not_about_the_resource_whose_role_it_is() -> None:
    """The resource is the only target of such a record; here it is itself an agent."""
    story = grant(targets=(BLUEPRINT.target,))
    (alert,) = said(NAME, story)
    assert alert.subject.id == AGENT.id


def test_a_grant_to_something_that_is_no_agent_is_nothing() -> None:
    other = Identity(id=guid("object", "payroll"), type="ServicePrincipal", name="payroll")
    assert said(NAME, grant(other)) == []


def test_a_refused_grant_gives_nothing() -> None:
    assert said(NAME, grant(succeeded=False)) == []


def test_a_declared_pipeline_makes_it_medium() -> None:
    (alert,) = said(NAME, grant(actor=RELEASE), chosen=with_pipeline())
    assert alert.severity == "medium"


def test_a_grant_waits_for_its_grantee_to_be_recognised() -> None:
    fresh = TENANT.agent("fresh")
    story = [grant(fresh), TENANT.sign_in(fresh, NOW + 10 * MINUTE)]
    assert len(same_however_told(story, NAME)) == 1


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(TENANT.sign_ins(AGENT, NOW, 3), grant(at=NOW + 70), grant(BLUEPRINT, at=NOW + 90))
    assert len(same_however_told(story, NAME)) == 2
    assert same_however_told([grant(permission="Mail.Read"), grant(permission="Mail.Send")], NAME) == []


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"permission": "a.b"}, True),
        ({"permission_id": "a.b"}, True),
        ({"permission": "a.c"}, False),
        ({}, False),
        ({"permission": "a.b", "succeeded": False}, False),
    ],
)
def test_only_what_is_listed_counts(facts: dict[str, Any], found: bool) -> None:
    detector = AppRoleGranted(tier0=frozenset({"a.b"}))
    assert (detector.judge(change("app_role_granted", **facts)) is not None) == found


def test_other_changes_are_left_alone() -> None:
    detector = AppRoleGranted(tier0=frozenset({"a.b"}))
    assert detector.judge(change("app_role_removed", permission="a.b")) is None
