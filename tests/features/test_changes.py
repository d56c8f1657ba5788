"""Audit records sorted into kinds of change, and whom they are about."""

from __future__ import annotations

from typing import Any

import pytest

from detector.config.build import engine_settings
from detector.config.load import load
from detector.decode.activity import fold_activity
from detector.domain.events import Actor, Change, CredentialKey, FederatedTrust, Identity
from detector.features.changes import CAPACITY, ActorMemory, Changes, abouts, affected, people
from detector.features.timeline import HOUR, Horizon
from tests.stories import START

FEATURE = Changes(engine_settings(load()).activities, Horizon.of(HOUR, 1200.0))
KEY = CredentialKey("c0de0000-0000-4000-8000-0000000000e1", "Password")
TRUST = FederatedTrust("n", "https://i", "s", "f1")
CERTIFICATES = "Update application – Certificates and secrets management "  # noqa: RUF001 - as Entra writes it


def change(activity: str, **fields: Any) -> Change:
    told: dict[str, Any] = {
        "record_id": "r1",
        "time": START,
        "received": None,
        "tenant_id": "t",
        "category": "AuditLogs",
        "activity": fold_activity(activity),
        "activity_name": activity.strip(),
        "succeeded": True,
        "actor": Actor(kind="user", id="u1"),
        "targets": (),
    }
    return Change(**(told | fields))


def sp(name: str, **fields: Any) -> Identity:
    return Identity(**({"id": name, "type": "ServicePrincipal", "name": name} | fields))


# ------------------------------------------------------------------------------------------------ kinds


@pytest.mark.parametrize(
    "activity",
    [
        "Add service principal credentials",
        CERTIFICATES,
        "Update application - Certificates and secrets management",
        "update application ‐ certificates and secrets  management",  # noqa: RUF001 - a hyphen of its own
        "Update application − Certificates and secrets management.",  # noqa: RUF001 - a minus sign
        "Create application – Certificates and secrets management ",  # noqa: RUF001
    ],
)
def test_every_spelling_of_a_credential_change_is_one(activity: str) -> None:
    assert FEATURE.kind_of(change(activity, keys_added=(KEY,))) == "credential_added"


@pytest.mark.parametrize(
    ("added", "removed", "kind"),
    [
        ((KEY,), (), "credential_added"),
        ((), (KEY,), "credential_removed"),
        ((KEY,), (KEY,), "credential_added"),  # a rotation adds
        ((), (), "credential_added"),  # the record does not list keys: the graver reading
    ],
)
def test_a_credential_change_is_refined_by_its_keys(
    added: tuple[Any, ...], removed: tuple[Any, ...], kind: str
) -> None:
    assert FEATURE.kind_of(change(CERTIFICATES, keys_added=added, keys_removed=removed)) == kind


@pytest.mark.parametrize("activity", ["Update application", "Update service principal"])
@pytest.mark.parametrize(
    "properties",
    [(), ("Included Updated Properties",), ("TargetId.ServicePrincipalNames", "Included Updated Properties")],
)
def test_the_shadow_beside_the_real_change_is_none(activity: str, properties: tuple[str, ...]) -> None:
    assert FEATURE.kind_of(change(activity, properties_changed=properties)) is None


@pytest.mark.parametrize(
    ("activity", "kind"),
    [("Update application", "application_updated"), ("Update service principal", "service_principal_updated")],
)
def test_an_update_that_names_a_property_is_one(activity: str, kind: str) -> None:
    assert FEATURE.kind_of(change(activity, properties_changed=("AppAddress", "Included Updated Properties"))) == kind


def test_an_update_of_federated_credentials_is_a_change_of_credentials() -> None:
    federated = change(
        "Update application", properties_changed=("FederatedIdentityCredentials",), federated_credentials_changed=True
    )
    assert FEATURE.kind_of(federated) == "federated_credential_changed"


@pytest.mark.parametrize(
    ("activity", "kind"),
    [
        ("Add app role assignment to service principal", "app_role_granted"),
        ("Add member to role", "directory_role_assigned"),
        ("Add owner to application", "owner_added"),
        ("Update conditional access policy", "conditional_access_changed"),
        ("Update user", None),
        ("Something nobody has heard of", None),
    ],
)
def test_other_activities_are_of_the_kind_that_the_table_says(activity: str, kind: str | None) -> None:
    assert FEATURE.kind_of(change(activity)) == kind


# ----------------------------------------------------------------------------------------------- habits


def test_a_kind_of_change_becomes_a_habit_once_it_is_an_hour_old() -> None:
    memory = ActorMemory()
    told = [
        FEATURE.observe(memory, kind, change("Add owner to application", time=START + hour * HOUR))
        for kind, hour in (("owner_added", 0), ("owner_added", 0), ("owner_added", 2), ("credential_added", 2))
    ]
    assert told == [False, False, True, False]


def test_habits_are_bounded() -> None:
    memory = ActorMemory()
    for n in range(1000):
        FEATURE.observe(memory, f"kind {n}", change("x"))
    assert len(memory.kinds) == CAPACITY


# -------------------------------------------------------------------------------------------- whom about


def test_a_grant_is_about_the_grantee_and_not_about_the_resource() -> None:
    grant = change(
        "Add app role assignment to service principal",
        targets=(sp("Microsoft Graph"),),
        grantee_object_id="agent",
        grantee_app_id="agent-app",
        grantee_name="invoices",
        permission="Mail.Read",
    )
    assert affected(grant) == (Identity(id="agent", type="ServicePrincipal", name="invoices", app_id="agent-app"),)


@pytest.mark.parametrize("fields", [{"permission_id": "06b708a9"}, {"permission": "Mail.Read"}])
def test_a_grant_may_name_its_permission_in_either_way(fields: dict[str, str]) -> None:
    grant = change("Add app role assignment", targets=(sp("Microsoft Graph"),), grantee_app_id="agent", **fields)
    assert [identity.app_id for identity in affected(grant)] == ["agent"]


def test_a_grantee_without_a_permission_comes_before_the_targets() -> None:
    told = change("Add delegated permission grant", targets=(sp("Microsoft Graph"),), grantee_object_id="agent")
    assert [identity.id for identity in affected(told)] == ["agent", "Microsoft Graph"]


@pytest.mark.parametrize("turned", [False, True])
def test_an_assigned_role_is_not_whom_the_change_is_about(turned: bool) -> None:
    targets = (sp("agent"), Identity(id="role", type="Role", name="Global Administrator"))
    told = change("Add member to role", targets=tuple(reversed(targets)) if turned else targets)
    assert [identity.id for identity in affected(told)] == ["agent"]


def test_principals_come_before_applications_users_and_the_rest() -> None:
    kinds = ("", "Other", "User", "App", "Application", "ServicePrincipal", "Policy", "Device")
    told = change("Update application", targets=tuple(Identity(id=kind or "none", type=kind) for kind in kinds))
    named = [identity.id for identity in affected(told)]
    assert named == ["ServicePrincipal", "Application", "App", "User", "Other", "none"]


def test_a_change_without_targets_is_about_nobody() -> None:
    assert affected(change("Update security defaults")) == ()


# ------------------------------------------------------------------------------------- what an update changes


@pytest.mark.parametrize("activity", ["Update application", "Update service principal"])
@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"enabled": True}, "agent_enabled"),
        ({"enabled": False}, "agent_disabled"),
        ({"properties_changed": ("inheritablePermissions",)}, "inheritable_permissions_changed"),
        ({"federated_credentials_changed": True}, "federated_credential_changed"),
        ({"federated_credentials_changed": True, "federated_removed": (TRUST,)}, "federated_credential_removed"),
        (
            {"federated_credentials_changed": True, "federated_removed": (TRUST,), "federated_added": (TRUST,)},
            "federated_credential_changed",
        ),
        ({"federated_credentials_changed": True, "enabled": False}, "federated_credential_changed"),
    ],
)
def test_an_update_is_refined_by_what_it_changes(activity: str, fields: dict[str, Any], kind: str) -> None:
    assert FEATURE.kind_of(change(activity, **fields)) == kind


def test_an_account_that_is_created_is_not_enabled() -> None:
    assert FEATURE.kind_of(change("Add service principal", enabled=True)) == "service_principal_created"


# ------------------------------------------------------------------------------------------- owners, sponsors

EVE = Identity(id="eve", type="User", name="eve@example.com")
APPLICATION = Identity(id="application", type="Application", name="crew")


@pytest.mark.parametrize(
    ("targets", "fields", "owned", "owners"),
    [
        ((EVE, sp("agent")), {}, ["agent"], ["eve"]),
        ((sp("agent"), EVE), {}, ["agent"], ["eve"]),
        ((EVE, APPLICATION), {}, ["application"], ["eve"]),
        ((sp("owner"), APPLICATION), {}, ["application"], ["owner"]),
        ((sp("owner"), sp("agent")), {}, ["agent"], ["owner"]),
        ((sp("agent"), sp("owner")), {"grantee_object_id": "agent"}, ["agent", "agent"], ["owner"]),
        ((EVE,), {"grantee_object_id": "agent"}, ["agent"], ["eve"]),
        ((sp("agent"),), {}, ["agent"], []),
        ((EVE, Identity(id="bot", type="User")), {}, ["eve", "bot"], ["eve", "bot"]),
        ((Identity(id="x", type="Policy"),), {}, [], []),
        ((), {}, [], []),
    ],
)
def test_who_owns_and_what_is_owned_are_told_apart(
    targets: tuple[Identity, ...], fields: dict[str, Any], owned: list[str], owners: list[str]
) -> None:
    """Entra lists the owner first, and not always what is owned."""
    told = change("Add owner to service principal", targets=targets, **fields)
    assert [identity.id for identity in affected(told, "owner_added")] == owned
    assert [identity.id for identity in people(told)] == owners


# ------------------------------------------------------------------------------------ what a change is about


@pytest.mark.parametrize(
    ("kind", "fields", "about"),
    [
        ("credential_added", {"keys_added": (KEY,)}, (KEY.key_id,)),
        ("credential_removed", {"keys_removed": (KEY,)}, (KEY.key_id,)),
        ("federated_credential_changed", {"federated_added": (TRUST,)}, ("f1",)),
        ("federated_credential_changed", {"federated_removed": (FederatedTrust("n", "i", "s"),)}, ("n",)),
        ("federated_credential_changed", {"federated_added": (FederatedTrust(None, "i", "s"),)}, ("",)),
        ("directory_role_assigned", {"directory_role_template_id": "role"}, ("role",)),
        ("owner_added", {"targets": (EVE, sp("agent"))}, ("eve",)),
        ("owner_added", {"targets": (sp("agent"),)}, ("",)),
        ("sponsor_added", {"targets": (EVE, Identity(id="agent", type="User"))}, ("eve",)),
        ("app_role_granted", {"targets": (sp("graph"), sp("agent")), "permission": "p"}, ("graph",)),
        ("app_role_granted", {"targets": (sp("agent"),), "permission_id": "p"}, ("",)),
        ("application_updated", {"targets": (sp("agent"),)}, ("",)),
    ],
)
def test_what_else_a_change_is_about(kind: str, fields: dict[str, Any], about: tuple[str, ...]) -> None:
    assert abouts(kind, change("x", **fields), "agent") == about
