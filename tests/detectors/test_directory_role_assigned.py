"""D77: an agent was made a member of a directory role."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.directory_role_assigned import DirectoryRoleAssigned
from detector.domain.events import Change, Identity
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, change, said, same_however_told, with_pipeline
from tests.stories import RELEASE, TIER0_ROLE, guid, in_order

NAME = "directory_role_assigned"
READER = {"directory_role": "Directory Readers", "directory_role_template_id": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"}


def assign(target: Any = AGENT, at: float = NOW, **fields: Any) -> Change:
    return TENANT.change("directory_role_assigned", at, target, **fields)


def test_a_tier0_role_is_critical_and_said_with_who_where_and_what() -> None:
    (alert,) = said(NAME, assign())
    assert alert.severity == "critical"
    assert alert.catalogue_ids == ("D77",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "Directory role assigned: Global Administrator"
    assert alert.explanation == (
        "admin@example.com assigned the directory role Global Administrator to invoices from 198.51.100.20; whoever "
        "holds it can take over the tenant."
    )
    assert ("role", TIER0_ROLE) in {(entity.kind, entity.id) for entity in alert.entities}


def test_any_other_role_is_high() -> None:
    (alert,) = said(NAME, assign(**READER))
    assert alert.severity == "high"
    assert alert.explanation == (
        "admin@example.com assigned the directory role Directory Readers to invoices from 198.51.100.20."
    )


@pytest.mark.parametrize(
    "activity",
    [
        "add member to role",
        "add eligible member to role",
        "add member to role completed (pim activation)",
        "add role assignment to role definition",
    ],
)
def test_every_way_to_a_role_is_one(activity: str) -> None:
    story = TENANT.change(activity, NOW, AGENT, directory_role="Some role")
    assert len(said(NAME, story)) == 1


@pytest.mark.parametrize("turned", [False, True])
def test_principal_and_role_may_come_in_either_order(turned: bool) -> None:
    targets = (AGENT.target, Identity(id=guid("object", "role"), type="Role", name="Global Administrator"))
    (alert,) = said(NAME, assign(targets=targets[::-1] if turned else targets))
    assert alert.subject.id == AGENT.id


def test_a_role_without_a_name_is_called_by_its_template() -> None:
    (alert,) = said(NAME, assign(directory_role=None))
    assert alert.title == f"Directory role assigned: {TIER0_ROLE}"


def test_a_role_for_a_person_is_not_ours() -> None:
    person = Identity(id=guid("user", "kim"), type="User", name="kim@example.com")
    assert said(NAME, assign(person)) == []


@pytest.mark.parametrize("activity", ["remove member from role", "add member to role in pim requested (permanent)"])
def test_taking_away_and_asking_for_a_role_are_nothing(activity: str) -> None:
    assert said(NAME, TENANT.change(activity, NOW, AGENT, directory_role="Some role")) == []


def test_a_refused_assignment_gives_nothing() -> None:
    assert said(NAME, assign(succeeded=False)) == []


def test_a_declared_pipeline_makes_it_medium() -> None:
    (alert,) = said(NAME, assign(actor=RELEASE), chosen=with_pipeline())
    assert alert.severity == "medium"


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(TENANT.sign_ins(AGENT, NOW, 3), assign(at=NOW + 70), assign(BLUEPRINT, at=NOW + 90, **READER))
    assert len(same_however_told(story, NAME)) == 2
    assert same_however_told([assign(succeeded=False), assign(succeeded=False)], NAME) == []


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"role_template_id": "T0"}, "critical"),
        ({"role_template_id": "t1"}, "high"),
        ({}, "high"),
        ({"role_template_id": "t0", "pipeline": "release", "deviation": None}, "medium"),
        ({"role_template_id": "t0", "pipeline": "release", "deviation": "window"}, "critical"),
    ],
)
def test_role_and_pipeline_decide_on_the_severity(facts: dict[str, Any], severity: str) -> None:
    finding = DirectoryRoleAssigned(tier0=frozenset({"t0"})).judge(change("directory_role_assigned", **facts))
    assert finding is not None
    assert finding.severity == severity


def test_other_changes_are_left_alone() -> None:
    assert DirectoryRoleAssigned().judge(change("directory_role_removed")) is None
