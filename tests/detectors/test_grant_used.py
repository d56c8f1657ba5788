"""D94, D95: a permission was granted and then used for the first time; worse when it had been put by for weeks."""

from __future__ import annotations

from typing import Any

import pytest

from detector.detectors.grant_used import GrantUsed
from detector.domain.events import Actor, Change, Identity
from detector.domain.signals import Fact
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, NOW, TENANT, said, same_however_told, signal, with_pipeline
from tests.stories import DAY, HOUR, MINUTE, RELEASE, Agent, guid, network

NAME = "grant_used"
FILES = Identity(id=guid("object", "files"), type="ServicePrincipal", name="files")


def granted(
    at: float = NOW + 20 * MINUTE,
    to: Agent = AGENT,
    resource: Identity = FILES,
    kind: str = "app_role_granted",
    **fields: Any,
) -> Change:
    told = {"targets": (resource,), "grantee_object_id": to.object_id, "permission": "Files.Read.All"}
    return TENANT.change(kind, at, to, **(told | fields))


def used(at: float = NOW + 30 * MINUTE, agent: Agent = AGENT, **words: Any) -> Any:
    return TENANT.sign_in(agent, at, **({"resource": "files"} | words))


def later(days: float) -> list[Any]:
    """Work as ever, and the first use so many days after the grant."""
    calm = [TENANT.calm(agent, hours=int(days * 24) + 1, at=NOW, per_hour=1) for agent in CREW]
    return [*(event for each in calm for event in each), granted(), used(NOW + days * DAY + 20 * MINUTE)]


def test_a_permission_that_is_used_is_said_with_who_granted_what() -> None:
    (alert,) = said(NAME, granted(), used())
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D94",)
    assert alert.subject.id == AGENT.id
    assert alert.explanation == (
        "admin@example.com granted Files.Read.All to invoices at 2026-03-12 00:20 UTC; invoices got the first token "
        "for files by 2026-03-12 01:00 UTC, within 40 minutes."
    )
    assert ("resource", guid("resource", "files")) in {(entity.kind, entity.id) for entity in alert.entities}


@pytest.mark.parametrize(
    "story",
    [
        [used()],
        [granted()],
        [granted(), used(resource="graph")],
        [granted(to=CREW[1]), used()],
        [granted(succeeded=False), used()],
        [granted(), used(error=65001)],
        [used(), granted(NOW + 5 * HOUR)],
    ],
    ids=["no grant", "no use", "a known resource", "another agent", "refused grant", "refused use", "used before"],
)
def test_without_one_of_the_steps_nothing_is_said(story: list[Any]) -> None:
    assert said(NAME, story) == []


@pytest.mark.parametrize(
    "resource",
    [
        Identity(id=guid("object", "x"), type="ServicePrincipal", name="anything", app_id=guid("resource", "files")),
        Identity(id=guid("object", "x"), type="ServicePrincipal", name="FILES"),
        Identity(id=guid("resource", "files"), type="ServicePrincipal"),
    ],
    ids=["the record names the appId", "the same name", "the same id"],
)
def test_the_resource_of_a_grant_is_the_one_that_sign_ins_name(resource: Identity) -> None:
    """The audit record has the object id of its service principal, the sign-in has its appId."""
    assert len(said(NAME, granted(resource=resource), used())) == 1


def test_the_resource_is_known_by_an_earlier_record_that_shows_both_ids() -> None:
    both = Identity(id=FILES.id, type="ServicePrincipal", name="x", app_id=guid("resource", "files"))
    told = granted(NOW + 20 * MINUTE, CREW[1], both)
    nameless = granted(NOW + 2 * HOUR, resource=Identity(id=FILES.id, type="ServicePrincipal", name="renamed"))
    (alert,) = said(NAME, told, nameless, used(NOW + 3 * HOUR))
    assert alert.subject.id == AGENT.id


def test_a_grant_to_the_blueprint_is_used_by_any_of_its_agents() -> None:
    (alert,) = said(NAME, granted(to=BLUEPRINT, kind="delegated_permission_granted"), used(agent=CREW[2]))
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert "; crew, or an agent of it, got the first token for files" in alert.explanation


def test_what_a_sibling_used_before_is_not_the_first_use_of_the_blueprint() -> None:
    earlier = TENANT.sign_in(CREW[1], NOW, resource="files")
    grant = granted(NOW + 5 * HOUR, to=BLUEPRINT, kind="delegated_permission_granted")
    assert said(NAME, earlier, grant, used(NOW + 6 * HOUR, CREW[2])) == []


def test_a_directory_role_acts_through_graph() -> None:
    role = TENANT.change("directory_role_assigned", NOW + 20 * MINUTE, AGENT)
    use = TENANT.sign_in(
        AGENT, NOW + 30 * MINUTE, resource_id="00000003-0000-0000-c000-000000000000", resource_name="Microsoft Graph"
    )
    (alert,) = said(NAME, role, use)
    assert alert.explanation == (
        "admin@example.com gave the directory role Global Administrator to invoices at 2026-03-12 00:20 UTC; invoices "
        "got the first token for Microsoft Graph by 2026-03-12 01:00 UTC, within 40 minutes."
    )
    assert said(NAME, role, used()) == []


def test_a_permission_put_by_for_weeks_is_said_to_be() -> None:
    (alert,) = said(NAME, later(20))
    assert alert.catalogue_ids == ("D95",)
    assert alert.severity == "medium"
    assert alert.title == "A permission put by for weeks was used"
    assert alert.explanation.endswith("invoices got the first token for files by 2026-04-01 01:00 UTC, 20 days later.")


@pytest.mark.parametrize(("idle", "row"), [(13.99, "D94"), (14.0, "D95"), (179.0, "D95")])
def test_from_two_weeks_on_it_was_put_by(idle: float, row: str) -> None:
    facts: dict[str, Fact] = {"sequence": NAME, "step_1_time": NOW, "step_2_time": NOW + idle * DAY}
    finding = GrantUsed().judge(signal("sequence", facts=facts))
    assert finding is not None
    assert finding.catalogue_ids == (row,)


@pytest.mark.parametrize(
    ("facts", "severity", "words"),
    [
        ({}, "medium", "20 days later."),
        ({"step_1_by": "pipeline"}, "low", "20 days later."),
        ({"also": ("new_network",)}, "high", "20 days later, from a network never seen before."),
        ({"quiet_hour": True}, "high", "20 days later, at an hour at which its blueprint seldom works."),
        ({"also": ("new_network",), "step_1_by": "pipeline"}, "medium", "from a network never seen before."),
        (
            {"also": ("key_used", "new_network"), "quiet_hour": True},
            "high",
            "from a network never seen before and at an hour at which its blueprint seldom works.",
        ),
    ],
)
def test_what_makes_a_late_use_worse(facts: dict[str, Fact], severity: str, words: str) -> None:
    told: dict[str, Fact] = {"sequence": NAME, "step_1_time": NOW, "step_2_time": NOW + 20 * DAY}
    finding = GrantUsed().judge(signal("sequence", facts=told | facts))
    assert finding is not None
    assert finding.severity == severity
    assert finding.explanation.endswith(words)


def test_a_late_use_from_a_new_network_is_worse() -> None:
    *calm, grant, _ = later(20)
    (alert,) = said(NAME, calm, grant, used(NOW + 20 * DAY, origin=network(5)))
    assert alert.severity == "high"


@pytest.mark.parametrize(
    ("actor", "severity"),
    [(RELEASE, []), (Actor(kind="app", id=guid("x"), name="Managed Service Identity"), ["low"])],
    ids=["pipeline", "platform"],
)
def test_who_grants_as_a_matter_of_course_is_lower_or_no_news(actor: Actor, severity: list[str]) -> None:
    alerts = said(NAME, granted(actor=actor), used(), chosen=with_pipeline())
    assert [alert.severity for alert in alerts] == severity


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({}, "info"),
        ({"also": ("new_network",)}, "low"),
        ({"quiet_hour": True}, "info"),
        ({"step_1_by": None}, "medium"),
    ],
)
def test_what_a_pipeline_granted_and_was_soon_used_is_told_on_request_or_when_odd(
    facts: dict[str, Fact], severity: str
) -> None:
    told: dict[str, Fact] = {
        "sequence": NAME, "step_1_time": NOW, "step_2_time": NOW + DAY, "step_1_by": "pipeline",
    }  # fmt: skip
    finding = GrantUsed(in_pipeline=True).judge(signal("sequence", facts=told | facts))
    assert finding is not None
    assert finding.severity == severity
    assert (GrantUsed().judge(signal("sequence", facts=told | facts)) is None) == (severity == "info")


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = [
        granted(),
        used(),
        used(NOW + 50 * MINUTE),
        used(NOW + 70 * MINUTE),
        TENANT.sign_in(AGENT, NOW + 71 * MINUTE),
    ]
    assert len(same_however_told(story, NAME)) == 1
    assert len(same_however_told([used(NOW + 25 * MINUTE), granted(NOW + 26 * MINUTE)], NAME)) == 1


def test_other_sequences_are_left_alone() -> None:
    assert GrantUsed().judge(signal("sequence", facts={"sequence": "owner_takeover"})) is None
