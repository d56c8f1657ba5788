"""Sign-ins: the five categories whose `properties` are the Graph beta `signIn` resource.

The structures name only the fields in use. Closed-looking enumerations are type parameters: the first decoder of
a body takes their known members (msgspec then shares one string object for each, which the flyweight tables feel),
the second takes any string; both make the same structures and the same events.
"""

from __future__ import annotations

from typing import ClassVar, Final, Generic, Literal, TypeVar

import msgspec

from detector.decode.fields import UNSTATED, Id, Integer, Place, Status, Time
from detector.decode.times import Instant
from detector.domain.events import SignInKind

AgentType = Literal[
    "notAgentic",
    "agenticApp",
    "agenticAppInstance",
    "agentIdentityBlueprintPrincipal",
    "agentIDuser",
]
CredentialType = Literal[
    "", "none", "clientSecret", "clientAssertion", "federatedIdentityCredential", "managedIdentity", "certificate"
]
AccessStatus = Literal["", "success", "failure", "notApplied"]

A = TypeVar("A", bound=str)
"""`agentType` and `agentSubjectType`."""
C = TypeVar("C", bound=str)
"""`clientCredentialType`."""
S = TypeVar("S", bound=str)
"""`conditionalAccessStatus`."""


class Agent(msgspec.Struct, Generic[A], frozen=True, gc=False, rename="camel"):
    """`properties.agent`."""

    agent_type: A | None = None
    agent_subject_type: A | None = None
    parent_app_id: str | None = None
    agent_subject_parent_id: str | None = None


class Properties(msgspec.Struct, Generic[A, C, S], gc=False, kw_only=True, rename="camel"):
    """What is read of every sign-in.

    Fields without a default are those that every regular record has; the slow path fills them when it can.
    """

    id: Id
    created_date_time: Instant
    app_id: str
    status: Status
    ip_address: str
    resource_id: str | None = None
    resource_display_name: str | None = None
    service_principal_id: str | None = None
    agent: Agent[A] | None = None
    client_credential_type: C | None = None
    service_principal_credential_key_id: str | None = None
    federated_credential_id: str | None = None
    conditional_access_status: S | None = None
    autonomous_system_number: Integer | str | None = None
    location: Place | None = None
    user_id: str | None = None
    user_agent: str | None = None


class ServiceProperties(Properties[A, C, S], Generic[A, C, S], kw_only=True):
    """The sign-in of a service principal or managed identity."""

    caller_name: str = msgspec.field(name="servicePrincipalName")
    client_app_used: ClassVar[None] = None
    """Says "Unknown" in every record, so it is not read."""
    authentication_protocol: ClassVar[None] = None
    """Says "none" in every record, so it is not read."""


class UserProperties(Properties[A, C, S], Generic[A, C, S], kw_only=True):
    """The sign-in of a user."""

    caller_name: str | None = msgspec.field(name="appDisplayName", default=None)
    client_app_used: str | None = None
    authentication_protocol: str | None = None


class SignInEnvelope(msgspec.Struct, Generic[A, C, S], gc=False, tag_field="category", rename="camel"):
    """The envelope of a sign-in: a field less than other categories, because each costs time a record."""

    tenant_id: Id
    properties: ServiceProperties[A, C, S]
    time: Time = UNSTATED


class ServicePrincipalSignIn(SignInEnvelope[A, C, S], Generic[A, C, S], tag="ServicePrincipalSignInLogs"):
    """An app-only sign-in: agent identities and blueprints among them."""


class ManagedIdentitySignIn(SignInEnvelope[A, C, S], Generic[A, C, S], tag="ManagedIdentitySignInLogs"):
    """The sign-in of a managed identity; its address and place are empty."""


class MicrosoftSignIn(SignInEnvelope[A, C, S], Generic[A, C, S], tag="MicrosoftServicePrincipalSignInLogs"):
    """The sign-in of one of Microsoft's own service principals."""


class UserSignInEnvelope(msgspec.Struct, Generic[A, C, S], gc=False, tag_field="category", rename="camel"):
    """The envelope of the sign-in of a user."""

    tenant_id: Id
    properties: UserProperties[A, C, S]
    time: Time = UNSTATED


class NonInteractiveSignIn(UserSignInEnvelope[A, C, S], Generic[A, C, S], tag="NonInteractiveUserSignInLogs"):
    """A token got on behalf of a user, human or agent user."""


class InteractiveSignIn(UserSignInEnvelope[A, C, S], Generic[A, C, S], tag="SignInLogs"):
    """A user signed in."""


NO_AGENT: Final = Agent[str]()
"""Stands for an `agent` that the record does not have, or has as null."""

SIGN_INS: Final[dict[type, SignInKind]] = {
    ServicePrincipalSignIn: "service_principal",
    ManagedIdentitySignIn: "managed_identity",
    MicrosoftSignIn: "microsoft",
    NonInteractiveSignIn: "non_interactive_user",
    InteractiveSignIn: "interactive_user",
}
"""The structure of each category, and what its events call it."""
