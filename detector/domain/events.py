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
    protocol: str | None = None
    """`authenticationProtocol` of a user sign-in, such as `ropc`, where it states one."""

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


class Policy(msgspec.Struct, frozen=True, gc=False):
    """One Conditional Access policy that was applied to a sign-in."""

    id: str
    name: str | None
    result: str
    """As logged: `failure`, `reportOnlyFailure`, ..."""


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
    policies: tuple[Policy, ...] = ()
    """Conditional Access policies that refused it (`failure`) or would have (`reportOnlyFailure`), the former first;
    read of refused sign-ins only."""
    methods: tuple[str, ...] = ()
    """Methods of authentication that succeeded, as logged; read of interactive sign-ins of agents' user accounts."""


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
    guest: bool = False
    """A user whose principal name is that of a guest (`#EXT#`)."""


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


class FederatedTrust(msgspec.Struct, frozen=True, gc=False):
    """One federated credential: whoever presents a token of this issuer for this subject is the application."""

    name: str | None
    issuer: str | None
    """URL as logged."""
    subject: str | None
    """Subject as logged, or the expression that subjects must match."""
    id: str | None = None
    """`federatedCredentialId` of sign-ins with it, lower case."""


class FieldChange(msgspec.Struct, frozen=True, gc=False):
    """One field of an application that was changed, with its public values only."""

    name: str
    """`redirect_uris`, `identifier_uris`, `sign_in_audience`, `instance_lock`, `exposed_scopes`,
    `requested_permissions` or `public_client`."""
    added: tuple[str, ...] = ()
    """For redirect URIs: hosts."""
    removed: tuple[str, ...] = ()


class PolicyTerms(msgspec.Struct, frozen=True, gc=False):
    """One side of a change of a Conditional Access policy or named location: ids and words of its language only.

    Names follow the Graph resources `conditionalAccessPolicy`, `ipNamedLocation` and `countryNamedLocation`.
    """

    state: str | None = None
    """`enabled`, `disabled` or `enabledForReportingButNotEnforced`, lower case."""
    controls: tuple[str, ...] = ()
    """Grant controls, like `block`."""
    included: tuple[str, ...] = ()
    """Agents, service principals, users and groups that it applies to; ids, or words like `All`."""
    excluded: tuple[str, ...] = ()
    """Those that it does not apply to."""
    resources: tuple[str, ...] = ()
    """Resources that it applies to."""
    resources_excluded: tuple[str, ...] = ()
    risk_levels: tuple[str, ...] = ()
    """Risk levels of agents and service principals from which on it applies."""
    places_included: tuple[str, ...] = ()
    """Ids of named locations."""
    places_excluded: tuple[str, ...] = ()
    rule: str | None = None
    """Rule over custom security attributes that picks agents or service principals."""
    workloads: bool = False
    """Whether it speaks of agents or service principals at all."""
    networks: tuple[str, ...] = ()
    """Of a named location: networks in CIDR notation, or countries."""
    trusted: bool | None = None
    """Of a named location: whether it counts as trusted."""


class PolicyChange(msgspec.Struct, frozen=True, gc=False):
    """What a change did to a Conditional Access policy or a named location."""

    kind: Literal["policy", "location"]
    deed: Literal["added", "changed", "deleted"]
    id: str | None
    """Object id, lower case."""
    name: str | None
    before: PolicyTerms | None = None
    """`None` where the record does not say."""
    after: PolicyTerms | None = None


class AttributeChange(msgspec.Struct, frozen=True, gc=False):
    """What a change did to one custom security attribute of an object."""

    name: str
    """`Set.Name`."""
    before: tuple[str, ...] | None = None
    """Values, of the attribute that the manifest names for the environment only; `None` where they are not read."""
    after: tuple[str, ...] | None = None


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
    enabled: bool | None = None
    """New `AccountEnabled`; `None` when the record does not change it."""
    federated_added: tuple[FederatedTrust, ...] = ()
    federated_removed: tuple[FederatedTrust, ...] = ()
    """One that was edited is both removed and added."""
    fields: tuple[FieldChange, ...] = ()
    """Fields of an application that were changed."""
    scopes: tuple[str, ...] = ()
    """Scopes that a delegated grant or a consent adds."""
    for_everybody: bool | None = None
    """Whether a delegated grant holds for all users of the tenant; `None` when the record does not say."""
    user_agent: str | None = None
    correlation_id: str | None = None
    service: str | None = None
    """`loggedByService`."""
    policy: PolicyChange | None = None
    """Of activities on Conditional Access policies and named locations."""
    attributes: tuple[AttributeChange, ...] = ()
    """Of activities on custom security attributes: those that changed."""


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


class Person(msgspec.Struct, frozen=True, gc=False):
    """An owner or sponsor as an inventory shows it."""

    id: str
    """Object id, lower case."""
    kind: str = ""
    """`user`, `servicePrincipal`, `group`; `""` when not stated."""
    enabled: bool | None = None
    """Whether the account is enabled; `None` when not known."""


class Credential(msgspec.Struct, frozen=True, gc=False):
    """One credential that an object holds; never the secret."""

    key_id: str
    kind: Literal["secret", "certificate", "federated"]
    name: str | None = None
    start: float | None = None
    """Seconds since the epoch, UTC."""
    end: float | None = None
    thumbprint: str | None = None
    """Of a certificate, hex, lower case: the same on two objects is the same certificate."""
    issuer: str | None = None
    """Of a federated credential."""
    subject: str | None = None
    """Of a federated credential."""


class Grant(msgspec.Struct, frozen=True, gc=False):
    """One permission that an object holds."""

    kind: Literal["app_role", "delegated", "inheritable"]
    resource_id: str
    """Object id of the resource's service principal; appId of the resource for inheritable permissions."""
    permission: str
    """Value or id of the app role; scopes separated by spaces; `*` for all."""
    resource_app_id: str | None = None
    since: float | None = None


ObjectType = Literal[
    "agent", "blueprint", "blueprint_principal", "agent_user", "service_principal", "application", "user"
]


class InventoryObject(msgspec.Struct, frozen=True, gc=False):
    """One directory object as an inventory saw it at one moment. `None` is "not known", `()` is "known to be none"."""

    record_id: str
    time: float
    """`observedDateTime`, seconds since the epoch, UTC."""
    received: float | None
    tenant_id: str
    type: ObjectType
    id: str
    """Object id, lower case."""
    app_id: str | None = None
    name: str | None = None
    described: bool | None = None
    """Whether it has a description."""
    enabled: bool | None = None
    deleted: bool = False
    created: float | None = None
    created_by: str | None = None
    """`createdByAppId`."""
    blueprint_id: str | None = None
    """appId of an agent's blueprint."""
    parent_id: str | None = None
    """Of an agent user: the agent identity it belongs to."""
    owners: tuple[Person, ...] | None = None
    sponsors: tuple[Person, ...] | None = None
    credentials: tuple[Credential, ...] | None = None
    grants: tuple[Grant, ...] | None = None
    """Of the kinds that are told; see `grants_told`."""
    grants_told: tuple[str, ...] = ()
    """Kinds of grants of which all are told: of the others nothing is known."""
    attributes: dict[str, tuple[str, ...]] | None = None
    """Custom security attributes: `Set.Name` to values."""
    tags: tuple[str, ...] | None = None


class Deployment(msgspec.Struct, frozen=True, gc=False):
    """One record of a pipeline run, or of an agent that passed the handshake into production."""

    record_id: str
    time: float
    """`recordedDateTime`, seconds since the epoch, UTC."""
    received: float | None
    tenant_id: str
    kind: Literal["run", "handshake"]
    pipeline: str
    """Name of a declared pipeline, or what the provider calls it."""
    run_id: str
    status: Literal["queued", "in_progress", "succeeded", "failed", "cancelled"]
    started: float | None = None
    finished: float | None = None
    provider: str | None = None
    repository: str | None = None
    commit: str | None = None
    environment: str | None = None
    actor_id: str | None = None
    """Object id of the identity that deploys, lower case."""
    agents: tuple[str, ...] | None = None
    """appIds or object ids of the agents and blueprints it changes; `None` when it does not say."""
    changes: tuple[str, ...] | None = None
    """Kinds of change it makes; `None` when it does not say."""
    passed: bool = True
    """Of a handshake: whether every check passed."""


Event = SignIn | Change | Risk | GraphActivity | InventoryObject | Deployment
