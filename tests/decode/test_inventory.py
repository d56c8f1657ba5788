"""AgentInventory: what is known of an object, what is known to be none, and what is not known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.decode.decoder import Decoder
from detector.domain.events import Credential, Grant, InventoryObject, Person
from tests.decode.builders import AGENT, BLUEPRINT, GRAPH, HUMAN, KEY, TENANT, dumps, inventory

END = "2027-03-02T00:00:00Z"
END_SECONDS = 1803945600.0
LISTS = (
    "owners",
    "sponsors",
    "passwordCredentials",
    "keyCredentials",
    "federatedIdentityCredentials",
    "appRoleAssignments",
    "oauth2PermissionGrants",
    "inheritablePermissions",
    "tags",
)


def told(**changes: Any) -> InventoryObject:
    (event,) = Decoder().body(dumps(inventory(**changes))).events
    assert isinstance(event, InventoryObject)
    return event


def test_an_agent_is_read_with_all_that_is_said_of_it() -> None:
    event = told(description="Books invoices", tags=["team:finance", ""], createdDateTime="2026-03-01T00:00:00Z")
    assert (event.type, event.id, event.app_id, event.name) == ("agent", AGENT, AGENT, "invoice-agent")
    assert (event.tenant_id, event.time, event.received) == (TENANT, 1772438400.0, 1772438402.0)
    assert (event.enabled, event.deleted, event.described, event.blueprint_id) == (True, False, True, BLUEPRINT)
    assert event.created == 1772323200.0
    assert event.owners == (Person(HUMAN, "user", True),)
    assert event.sponsors == ()
    assert event.attributes == {"Agents.Environment": ("production",)}
    assert event.tags == ("team:finance",)


@pytest.mark.parametrize(
    ("spelled", "kind"),
    [
        ("agentIdentity", "agent"),
        ("#microsoft.graph.agentIdentityBlueprint", "blueprint"),
        ("AgentIdentityBlueprintPrincipal", "blueprint_principal"),
        ("agentUser", "agent_user"),
        ("servicePrincipal", "service_principal"),
        ("application", "application"),
        ("#microsoft.graph.user", "user"),
    ],
)
def test_every_kind_of_object_is_known_in_the_spellings_of_graph(spelled: str, kind: str) -> None:
    assert told(objectType=spelled).type == kind


def test_an_unknown_kind_of_object_is_quarantined_and_its_spelling_is_not_repeated() -> None:
    result = Decoder().body(dumps(inventory(objectType="device")))
    assert [(piece.reason, piece.detail) for piece in result.quarantined] == [
        ("unsupported_shape", "properties.objectType is none that is known")
    ]


def test_an_object_without_an_id_is_quarantined() -> None:
    assert [each.reason for each in Decoder().body(dumps(inventory(objectId=" "))).quarantined] == ["missing_id"]


@pytest.mark.parametrize("absent", [..., None])
def test_what_is_not_said_is_not_known(absent: Any) -> None:
    event = told(**dict.fromkeys(LISTS, absent), customSecurityAttributes=absent, accountEnabled=absent)
    assert (event.owners, event.sponsors, event.credentials, event.grants, event.tags) == (None,) * 5
    assert (event.attributes, event.enabled, event.described, event.created) == (None,) * 4


def test_an_empty_list_is_known_to_be_empty() -> None:
    event = told(**{name: [] for name in LISTS}, customSecurityAttributes={}, description="")
    assert (event.owners, event.sponsors, event.credentials, event.grants, event.tags) == ((),) * 5
    assert (event.attributes, event.described) == ({}, False)


def test_credentials_of_all_kinds_are_one_list_by_key_id() -> None:
    event = told(
        passwordCredentials=[{"keyId": KEY.upper(), "displayName": "old", "endDateTime": END}, {"keyId": None}],
        keyCredentials=[
            {"keyId": "b", "startDateTime": END, "endDateTime": END, "customKeyIdentifier": "ABCD"},
            {"keyId": "c"},
        ],
        federatedIdentityCredentials=[
            {"id": "d", "name": "build", "issuer": "https://issuer.example", "subject": "repo:example/agents"},
            {"name": "nameless-id"},
            {},
        ],
    )
    assert event.credentials == (
        Credential("b", "certificate", None, END_SECONDS, END_SECONDS, "abcd"),
        Credential("c", "certificate"),
        Credential(KEY, "secret", "old", None, END_SECONDS),
        Credential("d", "federated", "build", issuer="https://issuer.example", subject="repo:example/agents"),
        Credential("nameless-id", "federated", "nameless-id"),
    )


def test_grants_of_all_kinds_are_one_list() -> None:
    event = told(
        appRoleAssignments=[
            {"resourceId": "r1", "appRoleId": "role-1", "resourceAppId": GRAPH, "createdDateTime": END},
            {"resourceId": "r1", "appRoleId": "role-2", "appRoleValue": "Mail.Send"},
            {"resourceId": None, "appRoleId": "x"},
            {"resourceId": "r1"},
        ],
        oauth2PermissionGrants=[
            {"resourceId": "r2", "scope": "User.Read  Mail.Read", "resourceAppId": GRAPH},
            {"resourceId": "r2", "scope": ""},
        ],
        inheritablePermissions=[
            {"resourceAppId": GRAPH, "kind": "allAllowed"},
            {"resourceAppId": "r3", "kind": "enumerated", "scopes": ["b", "a"]},
            {"resourceAppId": "r4", "kind": "none", "scopes": ["a"]},
            {"resourceAppId": "r5", "kind": "enumerated"},
        ],
    )
    assert event.grants == (
        Grant("app_role", "r1", "Mail.Send"),
        Grant("app_role", "r1", "role-1", GRAPH, END_SECONDS),
        Grant("delegated", "r2", "Mail.Read User.Read", GRAPH),
        Grant("inheritable", GRAPH, "*", GRAPH),
        Grant("inheritable", "r3", "a b", "r3"),
    )


def test_of_kinds_of_grants_that_are_not_told_nothing_is_known() -> None:
    event = told(appRoleAssignments=None, inheritablePermissions=[])
    assert (event.grants, event.grants_told) == ((), ("inheritable",))
    assert told().grants_told == ()


def test_custom_security_attributes_are_read_without_their_annotations() -> None:
    event = told(
        customSecurityAttributes={
            "Agents": {
                "@odata.type": "#microsoft.graph.customSecurityAttributeValue",
                "Tier": 0,
                "Live": True,
                "Areas": ["b", "a", ""],
                "Gone": None,
            }
        }
    )
    assert event.attributes == {"Agents.Areas": ("a", "b"), "Agents.Live": ("True",), "Agents.Tier": ("0",)}


def test_an_owner_named_twice_is_one_and_one_without_an_id_is_none() -> None:
    event = told(owners=[{"id": HUMAN}, {"id": HUMAN.upper(), "accountEnabled": False}, {"type": "user"}])
    assert event.owners == (Person(HUMAN, "", False),)


@pytest.mark.untraced
@given(st.integers(200, 400))
def test_lists_are_bounded(number: int) -> None:
    event = told(
        owners=[{"id": f"o{index}"} for index in range(number)],
        passwordCredentials=[{"keyId": f"k{index}"} for index in range(number)],
        appRoleAssignments=[{"resourceId": f"r{index}", "appRoleId": "x"} for index in range(number)],
        customSecurityAttributes={"s": {f"a{index}": "x" for index in range(number)}},
        tags=[f"t{index}" for index in range(number)],
    )
    for kept in (event.owners, event.credentials, event.grants, event.attributes, event.tags):
        assert kept is not None
        assert len(kept) == min(number, 256)
