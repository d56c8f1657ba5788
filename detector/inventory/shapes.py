"""What Microsoft Graph answers: only the members in use, each as Graph spells it. `None` is "Graph did not say".

Sources: the resource types agentIdentity, agentIdentityBlueprint, agentIdentityBlueprintPrincipal, agentUser,
appRoleAssignment, oAuth2PermissionGrant, federatedIdentityCredential and inheritablePermission of
https://learn.microsoft.com/graph/api/resources.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, field

_FIT: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


def fit_for_path(identifier: str) -> bool:
    """Whether an id may become part of an address: nothing but letters, digits and hyphens."""
    return _FIT.fullmatch(identifier) is not None


class Page(Struct, gc=False):
    """One page of a list, its objects not yet read."""

    value: list[msgspec.Raw]
    next_link: str | None = field(name="@odata.nextLink", default=None)
    delta_link: str | None = field(name="@odata.deltaLink", default=None)


class BatchAnswer(Struct, gc=False):
    """One answer in a `$batch`."""

    id: str
    status: int
    headers: dict[str, str] | None = None
    body: msgspec.Raw = msgspec.Raw(b"null")


class Batch(Struct, gc=False):
    """The answer to a `$batch`."""

    responses: list[BatchAnswer]


class Held(Struct, gc=False, rename="camel"):
    """A secret or certificate; never its key."""

    key_id: str | None = None
    display_name: str | None = None
    start_date_time: str | None = None
    end_date_time: str | None = None
    custom_key_identifier: str | None = None
    """Thumbprint of a certificate, Base64."""


class Holder(Struct, gc=False, rename="camel"):
    """An owner or sponsor."""

    id: str
    odata_type: str | None = field(name="@odata.type", default=None)
    account_enabled: bool | None = None


class RoleAssignment(Struct, gc=False, rename="camel"):
    """An app role that was assigned."""

    resource_id: str
    app_role_id: str
    created_date_time: str | None = None


class Federated(Struct, gc=False, rename="camel"):
    """A federated identity credential."""

    id: str
    name: str | None = None
    issuer: str | None = None
    subject: str | None = None
    audiences: list[str] | None = None


class Scopes(Struct, gc=False):
    """What may be inherited: `allAllowed`, `enumerated` or `none`."""

    kind: str | None = None
    odata_type: str | None = field(name="@odata.type", default=None)
    scopes: list[str] | None = None


class Inheritable(Struct, gc=False, rename="camel"):
    """Permissions for one resource that agents inherit from their blueprint."""

    resource_app_id: str
    inheritable_scopes: Scopes | None = None


class DelegatedGrant(Struct, gc=False, rename="camel"):
    """Delegated permissions of one client for one resource."""

    client_id: str
    resource_id: str
    scope: str | None = None
    consent_type: str | None = None


class Seen(Struct, gc=False, rename="camel"):
    """A directory object."""

    id: str
    odata_type: str | None = field(name="@odata.type", default=None)
    removed: dict[str, Any] | None = field(name="@removed", default=None)
    """Set in a list of changes when the object is gone."""
    app_id: str | None = None
    display_name: str | None = None
    description: str | None = None
    account_enabled: bool | None = None
    is_disabled: bool | None = None
    """Of an application."""
    disabled_by_microsoft_status: str | None = None
    created_date_time: str | None = None
    created_by_app_id: str | None = None
    agent_identity_blueprint_id: str | None = None
    identity_parent_id: str | None = None
    service_principal_type: str | None = None
    tags: list[str] | None = None
    password_credentials: list[Held] | None = None
    key_credentials: list[Held] | None = None
    owners: list[Holder] | None = None
    owners_next: str | None = field(name="owners@odata.nextLink", default=None)
    sponsors: list[Holder] | None = None
    sponsors_next: str | None = field(name="sponsors@odata.nextLink", default=None)
    app_role_assignments: list[RoleAssignment] | None = None
    app_role_assignments_next: str | None = field(name="appRoleAssignments@odata.nextLink", default=None)
    custom_security_attributes: dict[str, Any] | None = None


class Role(Struct, gc=False):
    """An app role that a resource offers."""

    id: str
    value: str | None = None


class Resource(Struct, gc=False, rename="camel"):
    """A service principal that others get permissions for."""

    id: str
    app_id: str | None = None
    app_roles: list[Role] | None = None


class Account(Struct, gc=False, rename="camel"):
    """Whether a user is enabled."""

    id: str
    account_enabled: bool | None = None


PAGES: Final = msgspec.json.Decoder(Page)
BATCHES: Final = msgspec.json.Decoder(Batch)
OBJECTS: Final = msgspec.json.Decoder(Seen)
HOLDERS: Final = msgspec.json.Decoder(Holder)
ROLE_ASSIGNMENTS: Final = msgspec.json.Decoder(RoleAssignment)
FEDERATED: Final = msgspec.json.Decoder(Federated)
INHERITABLE: Final = msgspec.json.Decoder(Inheritable)
DELEGATED: Final = msgspec.json.Decoder(DelegatedGrant)
RESOURCES: Final = msgspec.json.Decoder(Resource)
ACCOUNTS: Final = msgspec.json.Decoder(Account)

T = TypeVar("T")


def read_each(raw: Iterable[msgspec.Raw], decoder: msgspec.json.Decoder[T]) -> Iterator[T | None]:
    """The objects of a page; `None` for one that cannot be understood."""
    for each in raw:
        try:
            yield decoder.decode(each)
        except msgspec.MsgspecError:
            yield None
