"""The tables that are data are consistent with the code that reads them."""

from __future__ import annotations

import re

import pytest

from detector.config import tables
from detector.config.document import parse
from detector.config.resources import text_of
from detector.decode.activity import fold_activity
from detector.detectors.agent_reenabled import _ENABLED, _RESTORED
from detector.detectors.blueprint_edited import _UPDATES
from detector.detectors.change_outside_pipeline import _GRAVE
from detector.detectors.credential_by_unusual_actor import _KINDS
from detector.detectors.delegated_grant import _GRANTS
from detector.features.changes import PEOPLE

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FILES = (
    "error_codes.yaml",
    "activities.yaml",
    "tier0.yaml",
    "resources.yaml",
    "platform_actors.yaml",
    "issuers.yaml",
    "agent_signs.yaml",
)
GIVEN = {
    0: "success",
    7000215: "credential_invalid",
    7000222: "credential_expired",
    53003: "blocked_by_ca",
    53011: "blocked_by_risk",
    50076: "interaction_required",
    65001: "consent_missing",
    7000112: "disabled",
    700016: "unknown_app",
    50196: "throttled",
    90033: "service_error",
    82001: "agent_not_allowed",
}


@pytest.mark.parametrize("name", FILES)
def test_a_table_is_clean_and_says_where_it_comes_from(name: str) -> None:
    text = text_of(name)
    assert parse(text, name).problems == ()
    assert text.startswith("#")
    assert "# Source: " in text


def test_error_codes_have_classes_that_exist() -> None:
    codes = tables.error_codes()
    assert codes.classes.items() >= GIVEN.items()
    assert len(codes.classes) > 100
    assert codes.transient <= codes.names
    assert codes.guesses <= codes.names
    assert not codes.transient & codes.guesses
    assert all(re.fullmatch(r"[a-z_]+", name) for name in codes.names)


def test_activities_are_folded_as_the_decoder_folds_them() -> None:
    for activity in tables.activities():
        assert fold_activity(activity) == activity


@pytest.mark.parametrize(
    ("logged", "kind"),
    [
        ("Update application \N{EN DASH} Certificates and secrets management ", "credentials_changed"),
        ("Create application \N{EN DASH} Certificates and secrets management ", "credentials_changed"),
        ("Add service principal credentials", "credentials_changed"),
        ("Remove service principal credentials", "credential_removed"),
        ("Add member to role in PIM completed (timebound)", "directory_role_assigned"),
        ("Add member to role completed (PIM activation)", "directory_role_assigned"),
        ("Add member to role requested (PIM activation)", None),
        ("Add app role assignment to service principal", "app_role_granted"),
        ("Update attribute values assigned to a servicePrincipal", "attribute_changed"),
        ("Delete conditional access policy", "conditional_access_changed"),
        ("Update user", None),
    ],
)
def test_an_activity_as_logged_finds_its_kind(logged: str, kind: str | None) -> None:
    assert tables.activities().get(fold_activity(logged)) == kind


def test_every_kind_that_a_detector_names_exists() -> None:
    assert tables.kinds() >= _GRAVE | _KINDS | _GRANTS | _UPDATES | _ENABLED | _RESTORED | PEOPLE
    assert {"credential_added", "credential_removed", "federated_credential_changed"} <= tables.kinds()
    assert "credentials_changed" not in tables.kinds()


def test_ids_are_guids_in_lower_case_and_name_one_thing_each() -> None:
    grave = tables.tier0()
    lists = (
        grave.app_roles,
        grave.directory_roles,
        grave.agent_roles,
        tables.resources(),
        tables.agent_signs().audiences,
    )
    for table in lists:
        assert all(GUID.fullmatch(identifier) for identifier in table.values())
        assert len(set(table.values())) == len(table)


def test_what_must_not_be_missing() -> None:
    grave = tables.tier0()
    assert grave.app_roles["RoleManagement.ReadWrite.Directory"] == "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8"
    assert grave.directory_roles["Global Administrator"] == "62e90394-69f5-4237-9190-012177145e10"
    assert tables.resources()["Microsoft Graph"] == "00000003-0000-0000-c000-000000000000"
    assert "Managed Service Identity" in tables.platform_actors()
    assert "Mail.ReadWrite" in grave.delegated_scopes
    assert len(set(grave.delegated_scopes)) == len(grave.delegated_scopes)
    assert "gitlab.com" in tables.public_issuers()
    assert all(host == host.casefold() for host in tables.public_issuers())


def test_signs_of_agents_are_in_lower_case_as_they_are_compared() -> None:
    signs = tables.agent_signs()
    for words in (signs.tags, signs.names, signs.user_agents):
        assert words
        assert all(word == word.casefold() for word in words)
