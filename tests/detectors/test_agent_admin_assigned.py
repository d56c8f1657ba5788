"""D88: somebody may administer agents now, or an administrator of agents reached for something that is none."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.agent_admin_assigned import AgentAdminAssigned
from detector.domain.events import Actor, Change, Identity
from tests.detectors.stage import AGENT, NOW, TENANT, change, said, same_however_told, with_pipeline
from tests.stories import DAY, HOUR, MINUTE, RELEASE, guid, in_order

NAME = "agent_admin_assigned"
ADMINISTRATOR = "db506228-d27e-4b7d-95e5-295956d6615f"
DEVELOPER = "adb2368d-a9be-41b5-8667-d96778e081b0"
EVE = Identity(id=guid("user", "eve"), type="User", name="eve@example.com")
BY_EVE = Actor(kind="user", id=EVE.id, name=EVE.name, ip="198.51.100.66")
PAYROLL = Identity(id=guid("object", "payroll"), type="ServicePrincipal", name="payroll")


def given(
    at: float = NOW,
    holder: Identity = EVE,
    *,
    role: str | None = "Agent ID Administrator",
    template: str | None = ADMINISTRATOR,
    activity: str = "add member to role",
    **fields: Any,
) -> Change:
    named = Identity(id=guid("role", template), type="Role", name=role)
    return TENANT.change(
        activity,
        at,
        targets=(named, holder),
        directory_role=role,
        directory_role_template_id=template,
        **fields,
    )


def owned(at: float = NOW + DAY, thing: Identity = PAYROLL, **fields: Any) -> Change:
    """Eve becomes owner of something, by her own hand."""
    told: dict[str, Any] = {"targets": (EVE, thing), "grantee_object_id": thing.id, "grantee_name": thing.name}
    return TENANT.change("owner_added", at, **({"actor": BY_EVE} | told | fields))


def test_an_administrator_of_agents_is_said_with_who_gave_the_role() -> None:
    (alert,) = said(NAME, given())
    assert alert.severity == "high"
    assert (alert.subject.kind, alert.subject.id, alert.subject.name) == ("actor", EVE.id, "eve@example.com")
    assert alert.title == "Role over agents given: Agent ID Administrator"
    assert alert.explanation == (
        "admin@example.com gave eve@example.com the role Agent ID Administrator from 198.51.100.20."
    )


@pytest.mark.parametrize(
    ("words", "severity"),
    [
        ({"role": None}, "high"),
        ({"template": None}, "high"),
        ({"role": "AGENT ID ADMINISTRATOR", "template": None}, "high"),
        ({"role": "Agent ID Developer", "template": DEVELOPER}, "medium"),
        ({"role": "Agent ID Developer", "template": None}, "medium"),
        ({"activity": "add member to role completed (pim activation)"}, "low"),
        ({"activity": "add eligible member to role in pim completed (permanent)"}, "high"),
        ({"succeeded": False}, "low"),
        ({"holder": Identity(id=guid("guest"), type="User", name="g", guest=True)}, "critical"),
        ({"holder": Identity(id=guid("group"), type="Group", name="g")}, "high"),
    ],
)
def test_severity_follows_from_role_holder_and_manner(words: dict[str, Any], severity: str) -> None:
    (alert,) = said(NAME, given(**words))
    assert alert.severity == severity


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"activity": "add eligible member to role"}, "made eve@example.com eligible for the role"),
        ({"activity": "add member to role completed (pim activation)"}, "activated for eve@example.com the role"),
        ({"succeeded": False}, "tried in vain to give eve@example.com the role"),
        (
            {"holder": Identity(id=guid("guest"), type="User", name="g", guest=True)},
            "from 198.51.100.20; g is a guest of the tenant.",
        ),
    ],
)
def test_the_manner_is_said(words: dict[str, Any], sentence: str) -> None:
    (alert,) = said(NAME, given(**words))
    assert sentence in alert.explanation


def test_other_roles_and_roles_that_are_taken_are_nothing() -> None:
    assert said(NAME, given(role="Reports Reader", template=guid("reports"))) == []
    assert said(NAME, given(activity="remove member from role")) == []
    assert said(NAME, given(holder=Identity(id=None, type="User"))) == []


def test_an_agent_may_be_the_holder() -> None:
    (alert,) = said(NAME, given(holder=AGENT.target))
    assert (alert.subject.id, alert.severity) == (AGENT.id, "high")


def test_a_declared_pipeline_is_low() -> None:
    (alert,) = said(NAME, given(actor=RELEASE), chosen=with_pipeline())
    assert alert.severity == "low"


def test_one_deed_that_is_logged_as_several_records_is_one_alert() -> None:
    story = [
        given(correlation_id="c1"),
        given(NOW + 1, activity="add member to role outside of pim (permanent)", correlation_id="c1"),
    ]
    assert len(said(NAME, story)) == 1


# ------------------------------------------------------------------------------------------- what is no agent


def test_an_administrator_of_agents_who_takes_something_else_is_said() -> None:
    _, alert = said(NAME, given(), owned())
    assert alert.severity == "medium"
    assert alert.title == "Administrator of agents changed the owners of another application"
    assert alert.explanation == (
        "eve@example.com, who was given the role Agent ID Administrator 1 day before, made eve@example.com owner of "
        "payroll, which is not known to be an agent, from 198.51.100.66."
    )


def test_what_the_inventory_knows_to_be_something_else_is_graver() -> None:
    listed = TENANT.inventory(PAYROLL, NOW + HOUR, type="service_principal")
    _, alert = said(NAME, given(), listed, owned())
    assert alert.severity == "high"
    assert "payroll, which is no agent, from" in alert.explanation


def test_an_agent_that_the_inventory_shows_too_late_is_not_known_to_be_something_else() -> None:
    fresh = TENANT.agent("fresh", blueprint="new")
    _, alert = said(NAME, given(), owned(thing=fresh.target), TENANT.inventory(fresh, NOW + DAY + 40 * MINUTE))
    assert alert.severity == "medium"


def test_an_owner_of_an_agent_is_what_the_role_is_for() -> None:
    assert len(said(NAME, given(), owned(thing=AGENT.target))) == 1


def test_a_thing_that_turns_out_to_be_an_agent_in_time_is_one() -> None:
    fresh = TENANT.agent("fresh", blueprint="new")
    story = in_order(given(), owned(thing=fresh.target), TENANT.sign_ins(fresh, NOW + DAY + 15 * MINUTE, 2))
    assert len(same_however_told(story, NAME)) == 1


@pytest.mark.parametrize(
    "story",
    [
        [owned()],
        [owned(NOW), given(NOW + 1)],
        [given(), given(NOW + HOUR, activity="remove member from role"), owned()],
        [given(succeeded=False), owned()],
        [given(), owned(succeeded=False)],
        [given(), owned(actor=Actor(kind="user", id=None))],
        [given(), TENANT.change("owner_removed", NOW + DAY, targets=(EVE, PAYROLL), actor=BY_EVE)],
        [given(), TENANT.change("credential_added", NOW + DAY, PAYROLL, actor=BY_EVE)],
    ],
)
def test_without_the_role_at_the_time_nothing_is_said_of_owners(story: list[Change]) -> None:
    assert [alert for alert in said(NAME, story) if "owners" in alert.title] == []


def test_a_role_that_comes_back_counts_again() -> None:
    story = [given(), given(NOW + HOUR, activity="remove member from role"), given(NOW + 2 * HOUR), owned()]
    assert len([alert for alert in said(NAME, story) if "owners" in alert.title]) == 1


def test_a_role_whose_record_comes_after_the_owner_counts() -> None:
    story = in_order(given(), owned(NOW + MINUTE), TENANT.sign_ins(AGENT, NOW + HOUR, 30, every=300.0))
    assert len(same_however_told(story, NAME)) == 2


def test_a_pipeline_that_holds_the_role_is_low() -> None:
    holder = Identity(id=RELEASE.id, type="ServicePrincipal", name="release")
    story = [given(holder=holder), owned(actor=RELEASE)]
    _, alert = said(NAME, story, chosen=with_pipeline())
    assert alert.severity == "low"


def test_a_record_that_says_little_reads_well() -> None:
    finding = AgentAdminAssigned().judge(change("foreign_owner_added", role="r", role_days=2.0))
    assert finding is not None
    assert finding.explanation == (
        "admin@example.com, who was given the role r 2 days before, made somebody owner of unknown, which is not known "
        "to be an agent, from 198.51.100.20."
    )


def test_other_changes_are_left_alone() -> None:
    assert AgentAdminAssigned().judge(change("owner_added")) is None
