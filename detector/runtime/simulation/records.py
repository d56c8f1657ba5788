"""Sign-in records as the Event Hubs export writes them: envelope, key order and null conventions of July 2026.

A draft holds what is drawn when something happens; it becomes bytes when it is delivered, once for each copy, since
copies differ in the envelope `time` alone. Agentic values of `agent` are built from the documentation: no exported
record that carries one has been published.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal, Protocol

import orjson

from detector.runtime.simulation.catalogue import FAILURE_REASONS
from detector.runtime.simulation.chance import guid_of, token_of
from detector.runtime.simulation.clock import envelope_text, property_text
from detector.runtime.simulation.networks import Origin
from detector.runtime.simulation.tenant import Agent, Application, Blueprint, Key, Policy, Resource, User

SignInCategory = Literal[
    "ServicePrincipalSignInLogs",
    "NonInteractiveUserSignInLogs",
    "SignInLogs",
    "ManagedIdentitySignInLogs",
    "MicrosoftServicePrincipalSignInLogs",
]
NOT_AGENTIC: Final = {"agentType": "notAgentic", "agentSubjectType": "notAgentic"}
_BLOCKED_BY_POLICY: Final = 53003
_MICROSOFT_TENANT: Final = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
_NO_RISK: Final = {
    "riskDetail": "none",
    "riskLevelAggregated": "none",
    "riskLevelDuringSignIn": "none",
    "riskState": "none",
}
_NOWHERE: Final = {
    "city": "",
    "state": "",
    "countryOrRegion": "",
    "geoCoordinates": {"latitude": 0.0, "longitude": 0.0},
}


class Draft(Protocol):
    """Something that happened and will be logged."""

    @property
    def ticks(self) -> int:
        """Event time."""

    @property
    def id(self) -> str:
        """`properties.id`."""

    @property
    def category(self) -> str:
        """Category of the diagnostic setting."""

    def render(self, tenant_id: str, received: int) -> bytes:
        """Write the record; `received` is when the exporter saw it (ticks)."""


@dataclass(frozen=True, slots=True)
class Credential:
    """How an application proved who it is, as far as sign-in records say."""

    type: str
    key_id: str = ""
    federated_id: str = ""
    thumbprint: str = ""


ASSERTION: Final = Credential("clientAssertion")
NO_CREDENTIAL: Final = Credential("none")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for a token: the part of a record that recurs."""

    category: SignInCategory
    app_id: str
    name: str
    service_principal_id: str
    agent: dict[str, str] | None
    policies: tuple[Policy, ...] = ()
    owner_tenant: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """One token issued or refused."""

    ticks: int
    id: str
    correlation_id: str
    processing: int
    """Milliseconds."""
    caller: Caller
    resource: Resource
    origin: Origin | None
    error: int
    credential: Credential = ASSERTION
    user: User | None = None
    protocol: str = "none"
    """`authenticationProtocol` of a user sign-in."""
    methods: tuple[str, ...] = ()
    """Methods by which a user proved who they are."""

    @property
    def category(self) -> str:
        """Category of the diagnostic setting."""
        return self.caller.category

    def render(self, tenant_id: str, received: int) -> bytes:
        """Write the record."""
        properties = self._user_properties(tenant_id) if self.user else self._workload_properties(tenant_id)
        record: dict[str, Any] = {
            "time": envelope_text(received),
            "resourceId": f"/tenants/{tenant_id}/providers/Microsoft.aadiam",
            "operationName": "Sign-in activity",
            "operationVersion": "1.0",
            "category": self.caller.category,
            "tenantId": tenant_id,
            "resultType": str(self.error),
            "resultSignature": "FAILURE" if self.error else "SUCCESS",
        }
        if self.error:
            record["resultDescription"] = FAILURE_REASONS[self.error]
        record["durationMs"] = 0
        if self.origin:
            record["callerIpAddress"] = self.origin.address
        record["correlationId"] = self.correlation_id
        if self.user:
            record["identity"] = self.user.name
        record["level"] = "4"
        if self.origin:
            record["location"] = self.origin.network.place.country
        record["properties"] = properties
        return orjson.dumps(record)

    def _head(self) -> dict[str, Any]:
        status: dict[str, Any] = {"errorCode": self.error}
        if self.error:
            status["failureReason"] = FAILURE_REASONS[self.error]
        return {
            "id": self.id,
            "createdDateTime": property_text(self.ticks),
            "correlationId": self.correlation_id,
            "ipAddress": self.origin.address if self.origin else "",
            "status": status,
        }

    def _workload_properties(self, tenant_id: str) -> dict[str, Any]:
        caller, managed = self.caller, self.caller.category == "ManagedIdentitySignInLogs"
        properties = self._head() | {"userId": "", "userPrincipalName": "", "userDisplayName": ""}
        if managed:
            properties["agent"] = caller.agent
        properties |= {
            "appId": caller.app_id,
            "appDisplayName": caller.name,
            "servicePrincipalId": caller.service_principal_id,
            "servicePrincipalName": caller.name,
        }
        if managed:
            properties["deviceDetail"] = {
                "deviceId": "",
                "operatingSystem": "Windows",
                "browser": "Rich Client 5.2.9.0",
            }
        elif caller.agent is not None:
            properties["agent"] = caller.agent
        properties |= {
            "resourceDisplayName": self.resource.name,
            "resourceId": self.resource.app_id,
            "resourceServicePrincipalId": self.resource.service_principal_id,
            "resourceTenantId": tenant_id,
        }
        if caller.owner_tenant:
            properties["appOwnerTenantId"] = caller.owner_tenant
        if managed:
            properties |= {"signInEventTypes": ["managedIdentity"], "userType": "Member", "location": _NOWHERE}
        else:
            properties |= {
                "signInEventTypes": ["servicePrincipal"],
                "clientCredentialType": self.credential.type,
                "federatedCredentialId": self.credential.federated_id,
                "servicePrincipalCredentialKeyId": self.credential.key_id,
                "servicePrincipalCredentialThumbprint": self.credential.thumbprint,
            }
            properties |= self._location()
            properties["processingTimeInMilliseconds"] = self.processing
        return properties | self._tail()

    def _user_properties(self, tenant_id: str) -> dict[str, Any]:
        user, caller, interactive = self.user, self.caller, self.caller.category == "SignInLogs"
        assert user is not None
        properties = self._head() | {
            "userId": user.id,
            "userPrincipalName": user.principal_name,
            "userDisplayName": user.name,
            "userType": "Member",
            "appId": caller.app_id,
            "appDisplayName": caller.name,
            "agent": caller.agent,
            "resourceDisplayName": self.resource.name,
            "resourceId": self.resource.app_id,
            "resourceTenantId": tenant_id,
            "homeTenantId": tenant_id,
            "signInEventTypes": ["interactiveUser" if interactive else "nonInteractiveUser"],
            "authenticationProtocol": self.protocol,
            "authenticationRequirement": "multiFactorAuthentication" if interactive else "singleFactorAuthentication",
            "originalRequestId": self.id,
            "sessionId": self.correlation_id[:24] + self.id[24:],
            "authenticationProcessingDetails": [{"key": "Is CAE Token", "value": "False"}],
            "networkLocationDetails": [],
        }
        if self.methods:
            properties["authenticationDetails"] = [
                {"authenticationMethod": method, "succeeded": not self.error} for method in self.methods
            ]
        return properties | self._location() | self._tail(interactive=interactive)

    def _location(self) -> dict[str, Any]:
        if not self.origin:
            return {"location": _NOWHERE}
        place = self.origin.network.place
        return {
            "autonomousSystemNumber": self.origin.network.asn,
            "location": {
                "city": place.city,
                "state": place.state,
                "countryOrRegion": place.country,
                "geoCoordinates": {"latitude": place.latitude, "longitude": place.longitude},
            },
        }

    def _tail(self, *, interactive: bool = False) -> dict[str, Any]:
        policies, blocked = self.caller.policies, self.error == _BLOCKED_BY_POLICY
        evaluated = [evaluated_policy(policy, index, blocked=blocked) for index, policy in enumerate(policies)]
        return {
            "isInteractive": interactive,
            "clientAppUsed": "Browser" if interactive else "Unknown",
            "conditionalAccessStatus": "failure" if blocked else "notApplied",
            "appliedConditionalAccessPolicies": evaluated,
            **_NO_RISK,
            "tokenIssuerType": "AzureAD",
            "crossTenantAccessType": "none",
            "incomingTokenType": "none",
            "uniqueTokenIdentifier": token_of(self.id),
        }


def evaluated_policy(policy: Policy, index: int, *, blocked: bool) -> dict[str, Any]:
    """Describe how a policy judged a sign-in; the first one is the one that blocks."""
    blocks = blocked and index == 0
    return {
        "id": policy.id,
        "displayName": policy.name,
        "enforcedGrantControls": ["Block"] if blocks or index % 2 == 0 else ["Mfa"],
        "enforcedSessionControls": [],
        "result": "failure" if blocks else ("notApplied" if index % 3 else "notEnabled"),
        "conditionsSatisfied": 3 if blocks else 1,
        "conditionsNotSatisfied": 0 if blocks else 2,
    }


def agent_caller(
    agent: Agent,
    *,
    subject: Literal["self", "user", "account"] = "self",
    policies: tuple[Policy, ...] | None = None,
) -> Caller:
    """Describe an agent identity that asks for itself, for a person, or through its own user account.

    The policies are those of its blueprint unless others are evaluated.
    """
    kind: dict[str, str] = {"agentType": "agenticAppInstance"}
    if subject == "user":
        kind["agentSubjectType"] = "notAgentic"
    elif subject == "account":
        kind |= {"agentSubjectType": "agentIDuser", "agentSubjectParentId": agent.id}
    else:
        kind["agentSubjectType"] = "agenticAppInstance"
    kind["parentAppId"] = agent.blueprint.app_id
    category: SignInCategory = "ServicePrincipalSignInLogs" if subject == "self" else "NonInteractiveUserSignInLogs"
    evaluated = agent.blueprint.policies if policies is None else policies
    return Caller(category, agent.id, agent.name, agent.id, kind, evaluated)


def blueprint_caller(blueprint: Blueprint) -> Caller:
    """Describe a blueprint in the first step of the chain, where it asks for an exchange token."""
    kind = {"agentType": "agenticApp", "agentSubjectType": "agenticApp"}
    return Caller("ServicePrincipalSignInLogs", blueprint.app_id, blueprint.name, blueprint.service_principal_id, kind)


def account_caller(application: Application, agent: Agent, category: SignInCategory) -> Caller:
    """Describe an ordinary application in which somebody signs in with the user account of an agent."""
    kind = {"agentType": "notAgentic", "agentSubjectType": "agentIDuser", "agentSubjectParentId": agent.id}
    return Caller(category, application.app_id, application.name, application.service_principal_id, kind)


def application_caller(application: Application, category: SignInCategory) -> Caller:
    """Describe an application that is no agent."""
    microsoft = category == "MicrosoftServicePrincipalSignInLogs"
    return Caller(
        category,
        application.app_id,
        application.name,
        application.service_principal_id,
        None if microsoft else NOT_AGENTIC,
        owner_tenant=_MICROSOFT_TENANT if microsoft else "",
    )


def credential_of(blueprint: Blueprint, key: Key) -> Credential:
    """Say how a blueprint proves itself with a key, or with its managed identity's token."""
    if blueprint.credential == "managed_identity":
        return Credential("federatedIdentityCredential", federated_id=blueprint.key.id)
    if key.type == "Password":
        return Credential("clientSecret", key_id=key.id)
    return Credential("certificate", key_id=key.id, thumbprint=key.id.replace("-", "").upper() + "0A1B2C3D")


class Desk:
    """Draws the identifiers of drafts from one random stream."""

    def __init__(self, rng: Random) -> None:
        """Draw from `rng`."""
        self._rng = rng

    def sign_in(
        self,
        ticks: int,
        caller: Caller,
        resource: Resource,
        origin: Origin | None,
        *,
        error: int = 0,
        credential: Credential = ASSERTION,
        user: User | None = None,
    ) -> SignIn:
        """Draft a sign-in."""
        raw = self._rng.randbytes(33)
        return SignIn(
            ticks,
            guid_of(raw[:16]),
            guid_of(raw[16:32]),
            20 + raw[32],
            caller,
            resource,
            origin,
            error,
            credential,
            user,
        )

    def guid(self) -> str:
        """Invent an identifier."""
        return guid_of(self._rng.randbytes(16))

    def audit_id(self, correlation_id: str) -> str:
        """Invent `properties.id` of an audit record."""
        letters = "".join(self._rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=5))
        return f"Directory_{correlation_id}_{letters}_{self._rng.randrange(10_000_000, 200_000_000)}"
