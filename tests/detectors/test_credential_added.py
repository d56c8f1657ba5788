"""D67: a credential was added to a blueprint or agent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.decode.activity import fold_activity
from detector.detectors.credential_added import CredentialAdded
from detector.domain.events import Actor, Change, CredentialKey, Identity
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, change, said, same_however_told, with_pipeline
from tests.stories import ADMIN, HOUR, MINUTE, RELEASE, alerts_of, defaults, guid, in_order

NAME = "credential_added"
DASHED = "Update application – Certificates and secrets management "  # noqa: RUF001 - as Entra writes it
KEY = CredentialKey(guid("key", "new"), "Password")


def added(at: float = NOW, target: Any = BLUEPRINT, **fields: Any) -> Change:
    return TENANT.change("credential_added", at, target, **fields)


def test_a_credential_added_by_hand_is_said_with_who_where_and_what() -> None:
    (alert,) = said(NAME, added())
    assert alert.severity == "high"
    assert alert.catalogue_ids == ("D67",)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)
    assert alert.title == "A credential was added"
    assert alert.explanation == (
        "admin@example.com added a credential (Password) to crew from 198.51.100.20; this actor was never seen doing "
        "so before."
    )
    assert ("credential", KEY.key_id) in {(entity.kind, entity.id) for entity in alert.entities}
    assert (alert.score, alert.p_value) == (0.0, 1.0)


@pytest.mark.parametrize(
    "activity",
    [DASHED, "Update application - Certificates and secrets management", "Add service principal credentials"],
)
def test_every_spelling_is_said(activity: str) -> None:
    story = TENANT.change(fold_activity(activity), NOW, BLUEPRINT, keys_added=(KEY,))
    assert len(said(NAME, story)) == 1


def test_one_deed_that_is_logged_as_several_records_is_one_alert() -> None:
    """Two activities and the two empty updates that Entra writes beside them, under one correlation id."""
    story = [
        TENANT.change(fold_activity(DASHED), NOW, BLUEPRINT, keys_added=(KEY,), correlation_id="c1"),
        TENANT.change("add service principal credentials", NOW + 1, BLUEPRINT, keys_added=(KEY,), correlation_id="c1"),
        TENANT.change("update application", NOW + 1, BLUEPRINT, correlation_id="c1"),
        TENANT.change("update service principal", NOW + 2, BLUEPRINT, correlation_id="c1"),
    ]
    assert len(said(NAME, story)) == 1


def test_a_shadow_alone_is_no_change() -> None:
    for properties in ((), ("Included Updated Properties",)):
        story = TENANT.change("update application", NOW, BLUEPRINT, properties_changed=properties)
        assert said(NAME, story) == []


def test_a_removed_credential_is_not_an_added_one() -> None:
    assert said(NAME, TENANT.change(fold_activity(DASHED), NOW, BLUEPRINT, keys_removed=(KEY,))) == []
    assert said(NAME, TENANT.change("credential_removed", NOW, BLUEPRINT)) == []


def test_a_federated_credential_is_left_to_its_own_detector() -> None:
    story = TENANT.change(
        "update application",
        NOW,
        BLUEPRINT,
        properties_changed=("FederatedIdentityCredentials",),
        federated_credentials_changed=True,
    )
    assert said(NAME, story) == []


def test_what_a_declared_pipeline_adds_is_no_news_unless_wanted() -> None:
    assert said(NAME, added(actor=RELEASE), chosen=with_pipeline()) == []
    chosen = with_pipeline()
    wanted = tuple(replace(d, in_pipeline=True) if d.name == NAME else d for d in chosen.detectors)  # type: ignore[type-var, call-arg]
    (alert,) = said(NAME, added(actor=RELEASE), chosen=replace(chosen, detectors=wanted))
    assert alert.severity == "info"


@pytest.mark.parametrize(
    "actor",
    [
        Actor(kind="app", id=guid("somebody"), name=RELEASE.name, ip=RELEASE.ip),
        Actor(kind="app", id=None, name=RELEASE.name, ip=RELEASE.ip),
        Actor(kind="app", id=RELEASE.app_id, name=RELEASE.name, app_id=RELEASE.id, ip=RELEASE.ip),
        Actor(kind="app", id=RELEASE.id, name=RELEASE.name, ip="198.51.100.9"),
        Actor(kind="app", id=RELEASE.id, name=RELEASE.name),
    ],
)
def test_who_is_called_like_a_pipeline_or_comes_from_elsewhere_is_not_inside(actor: Actor) -> None:
    (alert,) = said(NAME, added(actor=actor), chosen=with_pipeline())
    assert alert.severity == "high"


def test_a_platform_actor_lowers_the_severity_and_silences_nothing() -> None:
    platform = Actor(kind="app", id=guid("msi"), name="Managed Service Identity")
    (alert,) = said(NAME, added(actor=platform))
    assert alert.severity == "low"
    assert "from an unknown address" in alert.explanation


def test_a_person_who_is_called_like_a_platform_actor_is_none() -> None:
    (alert,) = said(NAME, added(actor=Actor(kind="user", id=guid("eve"), name="Managed Service Identity")))
    assert alert.severity == "high"


def test_a_refused_attempt_is_low_and_said_to_be_one() -> None:
    """Entra refuses credentials on agent identities themselves."""
    (alert,) = said(NAME, added(target=AGENT, succeeded=False))
    assert alert.severity == "low"
    assert alert.title == "Adding a credential was refused"
    assert "tried in vain to add a credential (Password) to invoices" in alert.explanation


def test_an_actor_with_the_habit_is_not_said_to_be_new_to_it() -> None:
    first, second = said(NAME, added(), added(NOW + 5 * HOUR, AGENT))
    assert first.explanation.endswith("this actor was never seen doing so before.")
    assert second.explanation.endswith("to invoices from 198.51.100.20.")


def test_a_change_of_something_that_is_no_agent_is_nothing() -> None:
    other = Identity(id=guid("object", "payroll"), type="Application", name="payroll")
    assert said(NAME, added(target=other)) == []


def test_an_application_object_is_recognised_by_the_app_id_that_the_record_names() -> None:
    """The application object, the service principal and the appId of a blueprint are three ids."""
    application = Identity(id=guid("application object"), type="Application", name="crew", app_id=BLUEPRINT.id)
    (alert,) = said(NAME, added(target=application))
    assert alert.subject.id == BLUEPRINT.id


def test_a_change_waits_for_its_target_to_be_recognised() -> None:
    """A blueprint is made, given a key, and only then signs in for the first time."""
    fresh = TENANT.agent("fresh", role="blueprint")
    key, first = added(NOW, fresh), TENANT.sign_in(fresh, NOW + 15 * MINUTE)
    (alert,) = same_however_told([key, first], NAME)
    assert (alert.subject.id, alert.subject.name) == (fresh.id, "fresh")
    assert alert.time == "2026-03-12T00:00:00.000Z"
    assert said(NAME, key) == []
    assert said(NAME, key, TENANT.sign_in(fresh, NOW + 2 * HOUR)) == []


def test_an_agent_named_by_the_record_itself_needs_no_history() -> None:
    named = Identity(id=guid("stranger"), type="ServicePrincipal", name="stranger", role="agent")
    (alert,) = alerts_of([added(target=named)], defaults())
    assert (alert.subject.kind, alert.subject.id) == ("agent", named.id)


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(TENANT.sign_ins(AGENT, NOW, 3), added(NOW + 70), added(NOW + 5 * HOUR, AGENT))
    assert len(same_however_told(story, NAME)) == 2


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"deviation": None, "pipeline": "release"}, "info"),
        ({"deviation": None, "pipeline": "release", "platform_actor": True}, "info"),
        ({"deviation": None, "pipeline": "release", "succeeded": False}, "info"),
        ({"deviation": "address", "pipeline": "release"}, "high"),
        ({"platform_actor": True}, "low"),
        ({}, "high"),
    ],
)
def test_nothing_raises_a_severity_that_was_lowered(facts: dict[str, Any], severity: str) -> None:
    finding = CredentialAdded(in_pipeline=True).judge(change("credential_added", **facts))
    assert finding is not None
    assert finding.severity == severity


def test_a_record_that_says_little_reads_well() -> None:
    finding = CredentialAdded().judge(change("credential_added", actor_name=None, address=None, target_name=None))
    assert finding is not None
    assert finding.explanation == (
        "somebody unknown added a credential to unknown from an unknown address; this actor was never seen doing so "
        "before."
    )


def test_other_changes_are_left_alone() -> None:
    assert CredentialAdded().judge(change("owner_added")) is None
    assert said(NAME, TENANT.change("owner_added", NOW, AGENT, actor=ADMIN)) == []
