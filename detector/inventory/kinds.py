"""Which kinds of objects are read, where, and with which of their lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from detector.inventory.facts import Part

Collection = Literal["servicePrincipals", "applications", "users"]
"""Where Graph keeps objects; each tells its own changes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind:
    """One kind of object. Graph lists it by a cast of the collection it lies in."""

    part: Part
    type: str
    """`objectType` of its records, which is also the name of its type in Graph."""
    collection: Collection
    relations: tuple[Part, ...] = ()
    """Lists that come with the objects, one pass each: Graph expands only one in a request."""
    lists: tuple[Part, ...] = ()
    """Lists that have to be asked of each object."""
    granted: bool = False
    """Whether permissions are granted to it."""
    options: dict[str, str] = field(default_factory=dict)
    """Options of a request for it."""

    @property
    def cast(self) -> str:
        """Name of its type in an address."""
        return f"microsoft.graph.{self.type}"

    @property
    def path(self) -> str:
        """Where all of them are listed."""
        return f"{self.collection}/{self.cast}"

    def object_path(self, identifier: str) -> str:
        """Where one of them is found."""
        return f"{self.collection}/{identifier}/{self.cast}"

    def list_path(self, identifier: str, part: Part) -> str:
        """Where a list of one of them is found."""
        if part in _OF_SUPERTYPE:
            return f"{self.collection}/{identifier}/{MEMBERS[part]}"
        return f"{self.object_path(identifier)}/{MEMBERS[part]}"


MEMBERS: Final[dict[Part, str]] = {
    "owners": "owners",
    "sponsors": "sponsors",
    "app_roles": "appRoleAssignments",
    "federated_credentials": "federatedIdentityCredentials",
    "inheritable_permissions": "inheritablePermissions",
    "attributes": "customSecurityAttributes",
    "delegated_grants": "oauth2PermissionGrants",
}
"""How Graph, and our records, name what is read of an object."""
_OF_SUPERTYPE: Final[frozenset[Part]] = frozenset({"app_roles", "federated_credentials"})
"""Lists that every service principal or application has, so that their address needs no cast."""

AGENT: Final = Kind(
    part="agents",
    type="agentIdentity",
    collection="servicePrincipals",
    relations=("owners", "sponsors", "app_roles", "attributes"),
    granted=True,
)
BLUEPRINT: Final = Kind(
    part="blueprints",
    type="agentIdentityBlueprint",
    collection="applications",
    relations=("owners", "sponsors"),
    lists=("federated_credentials", "inheritable_permissions"),
)
PRINCIPAL: Final = Kind(
    part="principals",
    type="agentIdentityBlueprintPrincipal",
    collection="servicePrincipals",
    relations=("app_roles",),
    granted=True,
)
AGENT_USER: Final = Kind(
    part="agent_users",
    type="agentUser",
    collection="users",
    options={"select": "id,displayName,accountEnabled,createdDateTime,identityParentId"},
)
KINDS: Final = (AGENT, BLUEPRINT, PRINCIPAL, AGENT_USER)


def kind_of(odata_type: str | None) -> Kind | None:
    """The kind that Graph names in `@odata.type`; `None` for any other."""
    name = (odata_type or "").rpartition(".")[2].casefold()
    return _BY_NAME.get(name)


_BY_NAME: Final = {kind.type.casefold(): kind for kind in KINDS}
