"""An invented directory: blueprints with their principals, agents, agent users, people and resources."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

GRAPH_ID = "00000003-aaaa-4000-8000-000000000000"
GRAPH_APP = "00000003-0000-0000-c000-000000000000"
MAIL_SEND = "b633e1c5-b582-4048-a93e-9f11b44c7e96"
USER_READ = "df021288-bdef-4463-88db-98f22de89214"


def guid(kind: str, number: int) -> str:
    """An id that looks like one, the same for the same object."""
    return str(UUID(bytes=hashlib.sha256(f"{kind}:{number}".encode()).digest()[:16], version=4))


AGENT = "microsoft.graph.agentIdentity"
BLUEPRINT = "microsoft.graph.agentIdentityBlueprint"
PRINCIPAL = "microsoft.graph.agentIdentityBlueprintPrincipal"
AGENT_USER = "microsoft.graph.agentUser"
COLLECTION = {
    AGENT: "servicePrincipals",
    BLUEPRINT: "applications",
    PRINCIPAL: "servicePrincipals",
    AGENT_USER: "users",
}


@dataclass
class Directory:
    """What there is. Objects are the JSON that Graph shows, lists are kept beside them."""

    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {cast: {} for cast in COLLECTION})
    """By cast and id."""
    relations: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    """By id and name."""
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    grants: list[dict[str, Any]] = field(default_factory=list)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Every change: collection and what its delta query says of it."""

    def changed(self, cast: str, identifier: str, **values: Any) -> None:
        """Changes an object."""
        seen = self.objects[cast][identifier]
        seen.update(values)
        self.log.append((COLLECTION[cast], {"@odata.type": f"#{cast}", "id": identifier, **values}))

    def removed(self, cast: str, identifier: str) -> None:
        """Takes an object away."""
        del self.objects[cast][identifier]
        self.log.append((COLLECTION[cast], {"id": identifier, "@removed": {"reason": "changed"}}))

    def added(self, cast: str, identifier: str, seen: dict[str, Any]) -> None:
        """Adds an object."""
        self.objects[cast][identifier] = {"id": identifier, **seen}
        self.log.append((COLLECTION[cast], {"@odata.type": f"#{cast}", "id": identifier, **seen}))

    def person_changed(self, identifier: str, **values: Any) -> None:
        self.people[identifier].update(values)
        self.log.append(("users", {"id": identifier, **values}))


def person(number: int) -> str:
    return guid("person", number)


def agent(number: int) -> str:
    return guid("agent", number)


def blueprint(number: int) -> str:
    return guid("blueprint", number)


def blueprint_app(number: int) -> str:
    return guid("blueprint app", number)


def principal(number: int) -> str:
    return guid("principal", number)


def agent_user(number: int) -> str:
    return guid("agent user", number)


def user_reference(identifier: str) -> dict[str, Any]:
    # A reference names no state; whoever wants to know asks for the user.
    return {"@odata.type": "#microsoft.graph.user", "id": identifier, "displayName": f"Person {identifier[:4]}"}


def synthetic(agents: int, *, blueprints: int = 2, people: int = 4) -> Directory:
    """A directory of so many agents. Every seventh has no sponsor, every fifth an agent user, person 1 is disabled."""
    found = Directory()
    for number in range(people):
        found.people[person(number)] = {"id": person(number), "accountEnabled": number != 1}
    found.resources[GRAPH_ID] = {
        "id": GRAPH_ID,
        "appId": GRAPH_APP,
        "displayName": "Microsoft Graph",
        "appRoles": [{"id": MAIL_SEND, "value": "Mail.Send", "isEnabled": True}],
    }
    for number in range(blueprints):
        _blueprint(found, number)
    for number in range(agents):
        _agent(found, number, blueprints, people)
    found.log.clear()
    return found


def _blueprint(found: Directory, number: int) -> None:
    identifier = blueprint(number)
    found.objects[BLUEPRINT][identifier] = {
        "@odata.type": f"#{BLUEPRINT}",
        "id": identifier,
        "appId": blueprint_app(number),
        "displayName": f"Blueprint {number}",
        "description": "Books travel",
        "createdDateTime": "2026-01-02T03:04:05Z",
        "disabledByMicrosoftStatus": None,
        "tags": [],
        "passwordCredentials": [
            {
                "keyId": guid("secret", number),
                "displayName": "ci",
                "hint": "abc",
                "secretText": None,
                "startDateTime": "2026-01-02T03:04:05Z",
                "endDateTime": "2026-12-02T03:04:05Z",
            }
        ],
        "keyCredentials": [
            {
                "keyId": guid("certificate", number),
                "displayName": "CN=agents",
                "type": "AsymmetricX509Cert",
                "usage": "Verify",
                "key": None,
                "startDateTime": "2026-01-02T03:04:05Z",
                "endDateTime": "2028-01-02T03:04:05Z",
                "customKeyIdentifier": base64.b64encode(bytes(range(20))).decode(),
            }
        ],
    }
    found.relations[identifier, "owners"] = [user_reference(person(0))]
    found.relations[identifier, "sponsors"] = [user_reference(person(1))]
    found.relations[identifier, "federatedIdentityCredentials"] = [
        {
            "id": guid("federated", number),
            "name": "github",
            "issuer": "https://token.actions.githubusercontent.com",
            "subject": "repo:example/agents:ref:refs/heads/main",
            "audiences": ["api://AzureADTokenExchange"],
            "description": None,
        }
    ]
    found.relations[identifier, "inheritablePermissions"] = [
        {
            "resourceAppId": GRAPH_APP,
            "inheritableScopes": {
                "@odata.type": "microsoft.graph.enumeratedScopes",
                "kind": "enumerated",
                "scopes": ["User.Read"],
            },
        }
    ]
    found.objects[PRINCIPAL][principal(number)] = {
        "@odata.type": f"#{PRINCIPAL}",
        "id": principal(number),
        "appId": blueprint_app(number),
        "displayName": f"Blueprint {number}",
        "accountEnabled": True,
        "appOwnerOrganizationId": guid("tenant", 0),
        "passwordCredentials": [],
        "keyCredentials": [],
        "tags": [],
    }
    found.relations[principal(number), "appRoleAssignments"] = []


def _agent(found: Directory, number: int, blueprints: int, people: int) -> None:
    identifier = agent(number)
    found.objects[AGENT][identifier] = {
        "@odata.type": f"#{AGENT}",
        "id": identifier,
        "displayName": f"Agent {number}",
        "createdDateTime": "2026-02-03T04:05:06.7654321Z",
        "createdByAppId": guid("pipeline", 0),
        "agentIdentityBlueprintId": blueprint_app(number % blueprints),
        "accountEnabled": number % 11 != 10,
        "disabledByMicrosoftStatus": None,
        "servicePrincipalType": "ServiceIdentity",
        "passwordCredentials": [],
        "keyCredentials": [],
        "tags": ["finance"],
    }
    found.relations[identifier, "owners"] = [user_reference(person(number % people))]
    found.relations[identifier, "sponsors"] = [] if number % 7 == 6 else [user_reference(person((number + 1) % people))]
    found.relations[identifier, "appRoleAssignments"] = [
        {
            "id": f"grant-{number}",
            "principalId": identifier,
            "resourceId": GRAPH_ID,
            "resourceDisplayName": "Microsoft Graph",
            "appRoleId": MAIL_SEND,
            "createdDateTime": "2026-02-04T04:05:06Z",
        }
    ]
    if number % 3 == 0:
        found.grants.append(
            {
                "id": f"delegated-{number}",
                "clientId": identifier,
                "resourceId": GRAPH_ID,
                "scope": " User.Read Mail.Read",
                "consentType": "AllPrincipals",
                "principalId": None,
            }
        )
    if number % 2 == 0:
        found.attributes[identifier] = {
            "Deployment": {
                "@odata.type": "#Microsoft.DirectoryServices.CustomSecurityAttributeValue",
                "Environment": "production",
                "Regions@odata.type": "#Collection(String)",
                "Regions": ["eu", "us"],
            }
        }
    if number % 5 == 0:
        found.objects[AGENT_USER][agent_user(number)] = {
            "@odata.type": f"#{AGENT_USER}",
            "id": agent_user(number),
            "displayName": f"Agent user {number}",
            "accountEnabled": True,
            "createdDateTime": "2026-02-05T04:05:06Z",
            "identityParentId": identifier,
        }
