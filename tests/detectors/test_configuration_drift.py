"""D82: the live configuration is not what the manifest declares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.configuration_drift import ConfigurationDrift
from detector.domain.alerts import Alert
from detector.domain.events import Credential, CredentialKey, Grant, Identity
from detector.features.declarations import Declared
from tests.detectors.stage import (
    AGENT,
    BLUEPRINT,
    CREW,
    NOW,
    TENANT,
    said,
    same_however_told,
    signal,
    with_manifest,
)
from tests.stories import HOUR, MINUTE, RELEASE, defaults, guid, in_order, person, user

NAME = "configuration_drift"
OWN = Declared(
    id=BLUEPRINT.id,
    environment="production",
    permissions=frozenset({"user.read.all"}),
    credential_types=frozenset({"federatedIdentityCredential"}),
    owners=frozenset({guid("user", "olga")}),
    sponsors=frozenset({guid("user", "sven")}),
)
ATTRIBUTE = {"environment_attribute": "Agents.Stage", "production_values": frozenset({"production"})}


def grants(*names: str) -> tuple[Grant, ...]:
    return tuple(Grant("app_role", guid("object", "graph"), name) for name in names)


def shown(at: float = NOW, about: Any = BLUEPRINT, **fields: Any) -> Any:
    return TENANT.inventory(about, at, **fields)


def found(*story: Any, declared: Declared = OWN, **fields: Any) -> list[Alert]:
    return said(NAME, *story, chosen=with_manifest(declared, **(ATTRIBUTE | fields)))


# -------------------------------------------------------------------------------------------------- inventory


def test_a_permission_that_is_not_declared_is_said() -> None:
    (alert,) = found(shown(grants=grants("User.Read.All", "Mail.Read")))
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D82",)
    assert (alert.subject.kind, alert.subject.id, alert.subject.name) == ("blueprint", BLUEPRINT.id, "crew")
    assert alert.title == "Not as declared: permissions"
    assert alert.explanation == (
        "crew is not as declared: it has 1 permission (mail.read) that the manifest does not declare."
    )


def test_what_is_as_declared_or_not_known_or_not_declared_is_nothing() -> None:
    as_declared = shown(
        grants=grants("User.Read.All"),
        credentials=(Credential("k", "federated"),),
        owners=(person("olga"),),
        sponsors=(person("sven"),),
        enabled=True,
        attributes={"Agents.Stage": ("Production",)},
    )
    assert found(as_declared) == []
    assert found(shown()) == []
    other = shown(grants=grants("Mail.Read"), owners=(), enabled=False)
    assert found(other, declared=Declared(id=guid("another"))) == []
    silent = shown(grants=grants("Mail.Read"), owners=(), credentials=(Credential("k", "secret"),))
    assert found(silent, declared=Declared(id=BLUEPRINT.id)) == []
    assert said(NAME, silent, chosen=defaults()) == []


@pytest.mark.parametrize(
    ("fields", "severity", "sentence"),
    [
        (
            {"grants": grants("Mail.Read", "Files.Read.All", "User.Read.All")},
            "medium",
            "it has 2 permissions (files.read.all and mail.read) that the manifest does not declare.",
        ),
        ({"grants": ()}, "low", "it lacks 1 permission (user.read.all) that the manifest declares."),
        (
            {"grants": grants("Mail.Read")},
            "medium",
            "it has 1 permission (mail.read) that the manifest does not declare, and it lacks 1 permission "
            "(user.read.all) that the manifest declares.",
        ),
        (
            {"credentials": (Credential("k", "secret"), Credential("f", "federated"))},
            "high",
            "it has 1 kind of credential (secret) that the manifest does not declare.",
        ),
        (
            {"credentials": (Credential("k", "secret"), Credential("c", "certificate"))},
            "high",
            "it has 2 kinds of credentials (certificate and secret) that the manifest does not declare.",
        ),
        (
            {"attributes": {"Agents.Stage": ("Test",)}},
            "high",
            "its attribute says non_production and the manifest production.",
        ),
        ({"enabled": False}, "low", "the manifest declares it and it is disabled."),
        ({"deleted": True, "enabled": False}, "medium", "the manifest declares it and it is deleted."),
    ],
)
def test_every_member_is_compared(fields: dict[str, Any], severity: str, sentence: str) -> None:
    (alert,) = found(shown(**fields))
    assert alert.severity == severity
    assert alert.explanation == f"crew is not as declared: {sentence}"


def test_owners_and_sponsors_are_compared_both_ways() -> None:
    first, second = found(shown(owners=(person("eve"),), sponsors=()))
    assert (first.title, second.title) == ("Not as declared: owners", "Not as declared: sponsors")
    assert (first.severity, second.severity) == ("medium", "low")


def test_a_permission_that_is_known_by_id_only_is_compared_with_nothing() -> None:
    assert found(shown(grants=grants(guid("some role")))) == []


def test_what_a_blueprint_declares_limits_its_agents_and_demands_nothing_of_them() -> None:
    of_agent = shown(about=AGENT, grants=grants("Mail.Read"), owners=(), sponsors=(person("eve"),), enabled=False)
    (alert,) = found(of_agent)
    assert (alert.subject.kind, alert.subject.id, alert.subject.blueprint) == ("agent", AGENT.id, BLUEPRINT.id)
    assert alert.explanation == (
        "invoices is not as declared: it has 1 permission (mail.read) that the manifest does not declare."
    )


def test_an_application_object_and_a_principal_are_the_blueprint() -> None:
    principal = shown(grants=grants("Mail.Read"), type="blueprint_principal", id=guid("principal"))
    assert [alert.subject.id for alert in found(principal)] == [BLUEPRINT.id]


def test_an_object_without_an_app_id_is_declared_by_its_own() -> None:
    bare = shown(app_id=None, id=BLUEPRINT.id, enabled=False)
    assert len(found(bare)) == 1


def test_every_snapshot_says_the_same_once_and_another_difference_is_another_alert() -> None:
    story = [shown(NOW + hour * HOUR, grants=grants("User.Read.All", "Mail.Read")) for hour in range(5)]
    assert len(found(story)) == 1
    assert len(found(story, shown(NOW + 9 * HOUR, grants=grants("User.Read.All", "Files.Read.All")))) == 2


# ---------------------------------------------------------------------------------------------------- changes


def test_a_change_by_hand_is_said_at_once_and_the_inventory_adds_nothing() -> None:
    story = [
        TENANT.change("app_role_granted", NOW, BLUEPRINT, permission="Mail.Read"),
        shown(NOW + HOUR, grants=grants("User.Read.All", "Mail.Read")),
    ]
    (alert,) = found(story)
    assert alert.time == "2026-03-12T00:00:00.000Z"
    assert alert.evidence.addresses == ("198.51.100.20",)


@pytest.mark.parametrize(
    ("kind", "fields", "title"),
    [
        ("credential_added", {}, "credentials"),
        ("credential_added", {"keys_added": (CredentialKey("k", "AsymmetricX509Cert"),)}, "credentials"),
        ("owner_added", {"targets": (BLUEPRINT.target, user("eve"))}, "owners"),
        ("add user sponsor", {"targets": (BLUEPRINT.target, user("eve"))}, "sponsors"),
    ],
)
def test_every_member_that_a_change_can_add(kind: str, fields: dict[str, Any], title: str) -> None:
    (alert,) = found(TENANT.change(kind, NOW, BLUEPRINT, **fields))
    assert alert.title == f"Not as declared: {title}"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("app_role_granted", {"permission": "User.Read.All"}),
        ("app_role_granted", {"permission": None}),
        ("app_role_granted", {"permission": "Mail.Read", "actor": RELEASE}),
        ("app_role_granted", {"permission": "Mail.Read", "succeeded": False}),
        ("credential_added", {"keys_added": (CredentialKey("k", "SomethingElse"),)}),
        ("owner_added", {"targets": (BLUEPRINT.target, user("olga"))}),
        ("owner_added", {"targets": (BLUEPRINT.target,)}),
        ("application_updated", {}),
    ],
)
def test_what_is_declared_or_deployed_or_refused_is_nothing(kind: str, fields: dict[str, Any]) -> None:
    assert found(TENANT.change(kind, NOW, BLUEPRINT, **fields)) == []


def test_a_change_of_an_agent_is_held_against_what_its_blueprint_declares_but_for_people() -> None:
    owner = TENANT.change("owner_added", NOW, AGENT, targets=(AGENT.target, user("eve")))
    grant = TENANT.change("app_role_granted", NOW, AGENT, permission="Mail.Read")
    (alert,) = found(owner, grant)
    assert alert.title == "Not as declared: permissions"


@pytest.mark.parametrize("kind", ["app_role_granted", "credential_added", "owner_added", "add user sponsor"])
def test_members_that_are_not_declared_and_strangers_are_left_alone(kind: str) -> None:
    target = (BLUEPRINT.target, user("eve"))
    fields: dict[str, Any] = {"targets": target} if "granted" not in kind else {}
    assert found(TENANT.change(kind, NOW, BLUEPRINT, **fields), declared=Declared(id=BLUEPRINT.id)) == []
    assert found(TENANT.change(kind, NOW, BLUEPRINT, **fields), declared=replace(OWN, id=guid("another"))) == []


# ------------------------------------------------------------------------------------------------------- both


def test_other_issues_are_left_alone() -> None:
    assert ConfigurationDrift().judge(signal("declaration", facts={"issue": "handshake_missing"})) is None


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(
        TENANT.sign_ins(AGENT, NOW, 3),
        shown(NOW + MINUTE, grants=grants("User.Read.All", "Mail.Read")),
        TENANT.change("app_role_granted", NOW + 5 * MINUTE, BLUEPRINT, permission="Mail.Read"),
        shown(NOW + 10 * MINUTE, owners=(person("olga"), person("eve"))),
        shown(NOW + 20 * MINUTE, about=CREW[1], grants=grants("Mail.Read")),
        TENANT.change(
            "owner_added", NOW + 30 * MINUTE, Identity(id=BLUEPRINT.object_id, type="Application", app_id=BLUEPRINT.id)
        ),
    )
    assert len(same_however_told(story, NAME, with_manifest(OWN, **ATTRIBUTE))) == 3
