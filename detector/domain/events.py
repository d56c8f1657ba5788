"""What happened, parsed once at the border: the facts that the engine is told.

An event is frozen, typed and carries its own UTC event time as seconds since the Unix epoch
(`createdDateTime`, `activityDateTime`, `detectedDateTime`; never the envelope's `time`, which is the moment of
ingestion). `None` means "the record does not say": it is never an empty string, zero or "unknown".

A sign-in is split in three (the flyweight pattern): `Access` and `Origin` hold what recurs from one sign-in of
an agent to the next and are shared between events, so that a steady agent costs one small object a record.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

SignInKind = Literal["service_principal", "managed_identity", "non_interactive_user", "interactive_user", "microsoft"]
"""Which family of sign-in log the record came from."""

AgentRole = Literal["agent", "blueprint", "agent_user", "none"]
"""What the `agent` object of a sign-in (or of an audit target) calls an identity; open set folded to four."""


class Routed(msgspec.Struct, frozen=True, eq=False, gc=False, kw_only=True):
    """A place on an `Access` for the engine that saw it last. Comes first, to lie where the object begins in memory."""

    route: Any = None
    """Where that engine sends it: a cache, no part of what the record says; written with `force_setattr`."""


class Access(Routed, frozen=True, eq=False, gc=False):
    """Who asked for a token to what, with which credential, and how it ended: the recurring part of a sign-in.

    Instances are interned by the decoder and compared by identity, which makes them cheap dictionary keys; two
    equal-valued instances may exist after the decoder's table was emptied, and must then behave alike.
    """

    tenant_id: str
    """Directory (tenant) id, lower case."""
    kind: SignInKind
    role: AgentRole
    """`agent.agentType` folded: who signed in."""
    subject_role: AgentRole
    """`agent.agentSubjectType` folded: on whose behalf."""
    agent_id: str
    """The caller: `appId` (equals the object id for an agent identity), else `servicePrincipalId`; lower case."""
    agent_name: str | None
    service_principal_id: str | None
    """Object id of the caller's service principal, where the record has one."""
    blueprint_id: str | None
    """`agent.parentAppId`: the appId of the caller's blueprint, lower case."""
    parent_id: str | None
    """`agent.agentSubjectParentId`."""
    resource_id: str | None
    resource_name: str | None
    credential_type: str | None
    credential_key_id: str | None
    """`servicePrincipalCredentialKeyId`, else `federatedCredentialId`."""
    client_app: str | None
    error_code: int
    """`status.errorCode`; 0 is success."""
    ca_status: str | None
    """`conditionalAccessStatus`."""

    def __repr__(self) -> str:
        return f"Access({self.kind} {self.agent_id} -> {self.resource_id}, {self.error_code})"


class Origin(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Where a sign-in came from. Interned and compared by identity, like `Access`.

    `prefix` is the /24 of an IPv4 or the /48 of an IPv6 address in CIDR text. An address that is absent or
    malformed is `None`: no address is not a new address.
    """

    ip: str | None
    prefix: str | None
    asn: int | None
    """Autonomous system number."""
    country: str | None
    """ISO 3166-1 alpha-2 code, upper case."""

    def __repr__(self) -> str:
        return f"Origin({self.prefix}, AS{self.asn}, {self.country})"


class SignIn(msgspec.Struct, frozen=True, gc=False):
    """One token issuance or refusal."""

    record_id: str
    """`properties.id`: the same for every copy of the record."""
    time: float
    """Event time (`createdDateTime`), seconds since the epoch, UTC."""
    access: Access
    origin: Origin
    user_id: str | None = None
    """The user acted for, where the flow has one."""
    user_agent: str | None = None


class Identity(msgspec.Struct, frozen=True, gc=False):
    """One object named by an audit or risk record."""

    id: str | None
    """Object id, lower case. An application object id, a service principal object id and an appId may all differ."""
    type: str
    """`ServicePrincipal`, `Application`, `User`, `Role`, `Policy`, ... as logged; `""` when absent."""
    name: str | None = None
    app_id: str | None = None
    """appId where the record states it."""
    role: AgentRole = "none"
    """From `agentType`, where the record carries it."""
    blueprint_id: str | None = None
    """`blueprintId`: an *object id* in audit records."""


class Actor(msgspec.Struct, frozen=True, gc=False):
    """Who made a change."""

    kind: Literal["user", "app", "unknown"]
    id: str | None
    """User object id or service principal object id, lower case."""
    name: str | None = None
    """Display name or user principal name: personal data, shown in alerts only."""
    app_id: str | None = None
    ip: str | None = None
    role: AgentRole = "none"


class CredentialKey(msgspec.Struct, frozen=True, gc=False):
    """One entry of a `KeyDescription`; never the secret."""

    key_id: str
    type: str
    """`Password`, `AsymmetricX509Cert`, ... as logged."""
    name: str | None = None


class Change(msgspec.Struct, frozen=True, gc=False):
    """One audit record (AuditLogs or CustomSecurityAttributeAuditLogs)."""

    record_id: str
    time: float
    """`activityDateTime`, seconds since the epoch, UTC."""
    received: float | None
    """When the exporter wrote the record (envelope `time`), else `None`."""
    tenant_id: str
    category: str
    """Diagnostic category of the record."""
    activity: str
    """Activity name, folded (dashes, spaces, case): match on this."""
    activity_name: str
    """Activity name as logged, trimmed: show this."""
    succeeded: bool
    actor: Actor
    targets: tuple[Identity, ...]
    keys_added: tuple[CredentialKey, ...] = ()
    keys_removed: tuple[CredentialKey, ...] = ()
    federated_credentials_changed: bool = False
    grantee_app_id: str | None = None
    """`ServicePrincipal.AppId` or `TargetId.ServicePrincipalNames`: who receives a grant."""
    grantee_object_id: str | None = None
    """`ServicePrincipal.ObjectID`."""
    grantee_name: str | None = None
    permission: str | None = None
    """`AppRole.Value`, e.g. `RoleManagement.ReadWrite.Directory`, or the scopes of a delegated grant."""
    permission_id: str | None = None
    """`AppRole.Id`."""
    directory_role: str | None = None
    """`Role.DisplayName`."""
    directory_role_template_id: str | None = None
    """`Role.TemplateId`, lower case."""
    properties_changed: tuple[str, ...] = ()
    """Names (never values) of the modified properties."""
    user_agent: str | None = None
    correlation_id: str | None = None
    service: str | None = None
    """`loggedByService`."""


class Risk(msgspec.Struct, frozen=True, gc=False):
    """One Identity Protection detection or risk state of an agent or service principal."""

    record_id: str
    time: float
    """`detectedDateTime`, `riskLastUpdatedDateTime` or `riskLastModifiedDateTime`, seconds, UTC."""
    received: float | None
    tenant_id: str
    category: str
    identity: Identity
    level: str | None
    state: str | None
    detail: str | None
    event_type: str | None
    activity_time: float | None = None
    ip: str | None = None
    key_ids: tuple[str, ...] = ()


class GraphActivity(msgspec.Struct, frozen=True, gc=False):
    """One Microsoft Graph API request."""

    record_id: str
    """`requestId`."""
    time: float
    received: float | None
    tenant_id: str
    app_id: str | None
    service_principal_id: str | None
    user_id: str | None
    method: str | None
    path: str | None
    """Path of `requestUri` with ids folded to `{id}` and the query dropped."""
    status: int | None
    origin: Origin
    token_id: str | None = None
    """`signInActivityId`: joins to a sign-in's `uniqueTokenIdentifier`."""


Event = SignIn | Change | Risk | GraphActivity
