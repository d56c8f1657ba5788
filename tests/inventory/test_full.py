"""A full round tells everything there is, once, as it is."""

from __future__ import annotations

import pytest

from detector.decode.decoder import Decoder
from detector.domain.events import Credential, Grant, InventoryObject, Person
from tests.graph.directory import (
    AGENT,
    BLUEPRINT,
    GRAPH_APP,
    GRAPH_ID,
    MAIL_SEND,
    agent,
    agent_user,
    blueprint,
    blueprint_app,
    guid,
    person,
    principal,
    synthetic,
    user_reference,
)
from tests.graph.server import Options
from tests.inventory.stage import TENANT, staged

pytestmark = pytest.mark.asyncio


async def test_an_agent_is_told_with_all_that_graph_shows() -> None:
    async with staged(synthetic(3)) as stage:
        await stage.full()
        (record,) = [each for each in stage.records if each["properties"]["objectId"] == agent(0)]
    assert record == {
        "category": "AgentInventory",
        "time": record["time"],
        "tenantId": TENANT,
        "properties": {
            "id": f"20261118T110640Z-00000000:{agent(0)}",
            "observedDateTime": "2026-11-18T11:06:40.000Z",
            "objectType": "agentIdentity",
            "objectId": agent(0),
            "appId": agent(0),
            "displayName": "Agent 0",
            "description": None,
            "accountEnabled": True,
            "deleted": False,
            "createdDateTime": "2026-02-03T04:05:06.7654321Z",
            "createdByAppId": guid("pipeline", 0),
            "agentIdentityBlueprintId": blueprint_app(0),
            "identityParentId": None,
            "tags": ["finance"],
            "owners": [{"id": person(0), "type": "user", "accountEnabled": True}],
            "sponsors": [{"id": person(1), "type": "user", "accountEnabled": False}],
            "passwordCredentials": [],
            "keyCredentials": [],
            "federatedIdentityCredentials": None,
            "appRoleAssignments": [
                {
                    "resourceId": GRAPH_ID,
                    "resourceAppId": GRAPH_APP,
                    "appRoleId": MAIL_SEND,
                    "appRoleValue": "Mail.Send",
                    "createdDateTime": "2026-02-04T04:05:06Z",
                }
            ],
            "oauth2PermissionGrants": [
                {
                    "resourceId": GRAPH_ID,
                    "resourceAppId": GRAPH_APP,
                    "scope": " User.Read Mail.Read",
                    "consentType": "AllPrincipals",
                }
            ],
            "inheritablePermissions": None,
            "customSecurityAttributes": {"Deployment": {"Environment": "production", "Regions": ["eu", "us"]}},
        },
    }


async def test_a_blueprint_is_told_with_its_credentials_and_what_its_agents_inherit() -> None:
    async with staged(synthetic(1)) as stage:
        told = (await stage.full())[blueprint(0)]
    assert told["objectType"] == "agentIdentityBlueprint"
    assert told["appId"] == blueprint_app(0)
    assert told["passwordCredentials"] == [
        {
            "keyId": guid("secret", 0),
            "displayName": "ci",
            "startDateTime": "2026-01-02T03:04:05Z",
            "endDateTime": "2026-12-02T03:04:05Z",
        }
    ]
    assert told["keyCredentials"][0]["customKeyIdentifier"] == bytes(range(20)).hex()
    assert told["federatedIdentityCredentials"] == [
        {
            "id": guid("federated", 0),
            "name": "github",
            "issuer": "https://token.actions.githubusercontent.com",
            "subject": "repo:example/agents:ref:refs/heads/main",
            "audiences": ["api://AzureADTokenExchange"],
        }
    ]
    assert told["inheritablePermissions"] == [
        {"resourceAppId": GRAPH_APP, "kind": "enumerated", "scopes": ["User.Read"]}
    ]
    assert (told["appRoleAssignments"], told["oauth2PermissionGrants"]) == (None, None), "nothing is granted to it"


async def test_principals_and_agent_users_are_told() -> None:
    async with staged(synthetic(6)) as stage:
        told = await stage.full()
    assert told[principal(1)]["objectType"] == "agentIdentityBlueprintPrincipal"
    assert told[principal(1)]["appRoleAssignments"] == []
    assert told[principal(1)]["owners"] is None, "they are not asked for, so they are not known"
    assert told[agent_user(5)]["identityParentId"] == agent(5)
    assert told[agent_user(5)]["accountEnabled"] is True


async def test_every_object_is_told_once_and_the_decoder_understands_all() -> None:
    async with staged(synthetic(250, blueprints=3)) as stage:
        outcome, told = await stage.rounded("full")
        decoded = Decoder().lines(b"".join(stage.chunks))
    assert outcome is not None
    assert outcome.told == {
        "agentIdentity": 250,
        "agentIdentityBlueprint": 3,
        "agentIdentityBlueprintPrincipal": 3,
        "agentUser": 50,
    }
    assert (outcome.deleted, outcome.failures, outcome.passing) == (0, 0, False)
    assert len(stage.records) == len(told) == 306
    assert decoded.quarantined == []
    events = {event.id: event for event in decoded.events if isinstance(event, InventoryObject)}
    assert len(events) == 306
    assert events[agent(0)].owners == (Person(person(0), "user", True),)
    assert events[agent(6)].sponsors == (), "known to be none"
    assert Grant("app_role", GRAPH_ID, "Mail.Send", GRAPH_APP, 1770177906.0) in (events[agent(1)].grants or ())
    held = {credential.kind: credential for credential in events[blueprint(0)].credentials or ()}
    assert isinstance(held["certificate"], Credential)
    assert held["certificate"].thumbprint == bytes(range(20)).hex()
    assert held["federated"].subject == "repo:example/agents:ref:refs/heads/main"
    assert events[agent(0)].attributes == {
        "Deployment.Environment": ("production",),
        "Deployment.Regions": ("eu", "us"),
    }


async def test_one_expand_a_request_and_pages_of_a_hundred() -> None:
    async with staged(synthetic(250)) as stage:
        await stage.full()
        lists = [asked for asked in stage.server.asked if asked.path.endswith("microsoft.graph.agentIdentity")]
    assert sorted(asked.query.get("$expand", "") for asked in lists) == sorted(
        ["owners", "sponsors", "appRoleAssignments", ""] * 3
    )
    assert {asked.query["$top"] for asked in lists} == {"100"}


async def test_a_list_longer_than_graph_expands_is_read_by_itself() -> None:
    directory = synthetic(2)
    directory.relations[agent(0), "owners"] = [user_reference(person(n)) for n in range(30)]
    directory.relations[agent(1), "owners"] = [user_reference(person(n)) for n in range(20)]
    async with staged(directory) as stage:
        told = await stage.full()
        asked = [path for path in stage.server.paths() if path.endswith("/owners")]
    assert len(told[agent(0)]["owners"]) == 30
    assert len(told[agent(1)]["owners"]) == 20
    assert asked == sorted(f"servicePrincipals/{agent(n)}/{AGENT}/owners" for n in (0, 1))
    assert told[agent(0)]["owners"][29] == {"id": person(29), "type": "user", "accountEnabled": None}, "no such user"


async def test_a_list_that_graph_does_not_expand_is_read_of_each_object() -> None:
    async with staged(synthetic(3), Options(no_expand=frozenset({"sponsors"}))) as stage:
        told = await stage.full()
        assert f"applications/{blueprint(1)}/{BLUEPRINT}/sponsors" in stage.server.paths()
    assert told[agent(0)]["sponsors"] == [{"id": person(1), "type": "user", "accountEnabled": False}]
    assert told[blueprint(1)]["sponsors"] == [{"id": person(1), "type": "user", "accountEnabled": False}]


async def test_what_is_switched_off_is_not_asked_for_and_not_known() -> None:
    off = {"agent_users": False, "people": False, "grants": False, "attributes": False}
    async with staged(synthetic(1), read=off) as stage:
        told = await stage.full()
        paths = stage.server.paths()
    assert told[agent(0)]["owners"] == [{"id": person(0), "type": "user", "accountEnabled": None}]
    assert {told[agent(0)][name] for name in ("oauth2PermissionGrants", "customSecurityAttributes")} == {None}
    assert told[agent(0)]["appRoleAssignments"] is None
    assert told[blueprint(0)]["inheritablePermissions"] is None
    assert agent_user(0) not in told
    assert not [path for path in paths if "users" in path or "Grants" in path or "Permissions" in path]


async def test_attributes_that_are_shown_of_nobody_are_not_known_to_be_none() -> None:
    async with staged(synthetic(2), Options(attributes_shown=False)) as stage:
        hidden = await stage.full()
    async with staged(synthetic(2)) as stage:
        shown = await stage.full()
    assert hidden[agent(1)]["customSecurityAttributes"] is None
    assert shown[agent(1)]["customSecurityAttributes"] == {}


async def test_an_object_that_microsoft_disabled_is_disabled() -> None:
    directory = synthetic(1)
    directory.objects[AGENT][agent(0)]["disabledByMicrosoftStatus"] = "DisabledDueToViolationOfServicesAgreement"
    directory.objects[BLUEPRINT][blueprint(0)]["isDisabled"] = True
    async with staged(directory) as stage:
        told = await stage.full()
    assert told[agent(0)]["accountEnabled"] is False
    assert told[blueprint(0)]["accountEnabled"] is False
    assert told[blueprint(1)]["accountEnabled"] is None


async def test_each_round_names_its_records_anew() -> None:
    async with staged(synthetic(2)) as stage:
        first = {record["properties"]["id"] for record in (await stage.full(), stage.records)[1]}
        await stage.full()
    assert len({record["properties"]["id"] for record in stage.records}) == 2 * len(first)


async def test_records_are_handed_over_in_chunks() -> None:
    async with staged(synthetic(700)) as stage:
        await stage.full()
    assert len(stage.chunks) > 2
    assert max(map(len, stage.chunks)) < 2 * 256 * 2**10


async def test_the_token_is_for_graph_and_is_kept() -> None:
    async with staged(synthetic(2)) as stage:
        await stage.full()
        assert stage.identity.asked == [f"{stage.server.origin}/.default"]
    assert stage.identity.closed


async def test_each_round_asks_anew_who_is_enabled() -> None:
    async with staged(synthetic(1)) as stage:
        await stage.full()
        stage.directory.people[person(0)]["accountEnabled"] = False
        told = await stage.full()
    assert told[agent(0)]["owners"] == [{"id": person(0), "type": "user", "accountEnabled": False}]
