"""What exists outside the invented tenant: well-known resources, error codes, permissions and roles.

Application ids of Microsoft's resources, role template ids and permission ids are public constants; everything
else in a simulation is invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Permission:
    """An app role of a resource."""

    id: str
    value: str
    name: str


@dataclass(frozen=True, slots=True)
class Role:
    """A directory role."""

    template_id: str
    name: str
    well_known: str


TOKEN_EXCHANGE: Final = ("AAD Token Exchange Endpoint", "fb60f99c-7a34-4190-8149-302f77469936")
"""Audience `api://AzureADTokenExchange` of the first step of an agent's token chain."""

GRAPH: Final = ("Microsoft Graph", "00000003-0000-0000-c000-000000000000")

EVERYDAY_RESOURCES: Final = (
    GRAPH,
    ("Office 365 Exchange Online", "00000002-0000-0ff1-ce00-000000000000"),
    ("Office 365 SharePoint Online", "00000003-0000-0ff1-ce00-000000000000"),
    ("Azure Storage", "e406a681-f3d4-42a8-90b6-c2b029497af1"),
    ("Microsoft Cognitive Services", "7d312290-28c8-473c-a0ed-8e53749b6d6d"),
    ("Azure SQL Database", "022907d3-0f1b-48f7-badc-1ba6abab6d66"),
    ("Dataverse", "00000007-0000-0000-c000-000000000000"),
    ("Power BI Service", "00000009-0000-0000-c000-000000000000"),
    ("Log Analytics API", "ca7f3f0b-7d91-482c-8e09-c5d840d0eac5"),
)
"""Resources (display name, application id) that blueprints use in daily life."""

SENSITIVE_RESOURCES: Final = (
    ("Azure Key Vault", "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"),
    ("Windows Azure Service Management API", "797f4846-ba00-4fd7-ba43-dac1f8f63013"),
    ("Azure DevOps", "499b84ac-1321-427f-aa17-267ca6975798"),
)
"""Resources that no simulated agent has business with."""

INTERNAL_API_NAMES: Final = (
    "Orders", "Payroll", "Candidates", "Invoices", "Contracts", "Assets", "Tickets", "Campaigns", "Forecast",
    "Suppliers", "Travel", "Expenses", "Warehouse", "Pricing", "Customers", "Training", "Badges", "Legal Hold",
    "Tax", "Treasury", "Budget", "Fleet", "Facilities", "Returns",
)  # fmt: skip
"""The tenant's own APIs."""

OUTSIDER_FIRST_PARTY: Final = ("Contoso Cloud Scanner", "Microsoft Intune", "Office 365 Management")

TIER_0_PERMISSIONS: Final = (
    Permission(
        "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8",
        "RoleManagement.ReadWrite.Directory",
        "Read and write all directory RBAC settings",
    ),
    Permission(
        "06b708a9-e830-4db3-a914-8e69da51d44f",
        "AppRoleAssignment.ReadWrite.All",
        "Manage app permission grants and app role assignments",
    ),
    Permission("1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9", "Application.ReadWrite.All", "Read and write all applications"),
)
EVERYDAY_PERMISSIONS: Final = (
    Permission("df021288-bdef-4463-88db-98f22de89214", "User.Read.All", "Read all users' full profiles"),
    Permission("810c84a8-4a9e-49e6-bf7d-12d183f40d01", "Mail.Read", "Read mail in all mailboxes"),
    Permission("332a536c-c7ef-4017-ab91-336970924f0d", "Sites.Read.All", "Read items in all site collections"),
    Permission("01d4889c-1287-42c6-ac1f-5d1e02578ef6", "Files.Read.All", "Read files in all site collections"),
)

DIRECTORY_ROLES: Final = (
    Role("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "Application Administrator", "ApplicationAdministrators"),
    Role("e8611ab8-c189-46e8-94e1-60213ab1f814", "Privileged Role Administrator", "PrivilegedRoleAdmins"),
    Role("62e90394-69f5-4237-9190-012177145e10", "Global Administrator", "TenantAdmins"),
)
AGENT_ROLES: Final = (
    Role("db506228-d27e-4b7d-95e5-295956d6615f", "Agent ID Administrator", "AgentIDAdministrators"),
    Role("adb2368d-a9be-41b5-8667-d96778e081b0", "Agent ID Developer", "AgentIDDevelopers"),
)
"""Roles over agents: the first one administers all of them."""

FAILURE_REASONS: Final[dict[int, str]] = {
    50076: "Multi-factor authentication is required to access the resource.",
    50105: "The signed in user is not assigned to a role for the application.",
    50126: "Error validating credentials due to invalid username or password.",
    50173: "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
    50196: "The server terminated an operation because it encountered a client request loop.",
    53003: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    65001: "The user or administrator has not consented to use the application.",
    90024: "A transient error has occurred. Please try again.",
    90033: "A transient error has occurred. Please try again.",
    90055: "The tenant has been throttled because of too many requests.",
    501051: "The application is not assigned to a role for the resource.",
    700016: "The application was not found in the directory.",
    7000112: "The application is disabled.",
    7000215: "Invalid client secret is provided.",
    7000222: "The provided client secret keys for the app are expired.",
}
"""`status.failureReason` by `status.errorCode`; the wording is ours after the published meanings."""

TRANSIENT_ERRORS: Final = (90033, 90024, 90055)
"""What an outage of the identity service or throttling looks like."""

Input = Literal["inventory", "deployments", "manifest"]

NEEDS: Final[dict[str, Input]] = {
    **dict.fromkeys(("D25", "D46", "D48", "D49", "D50", "D51", "D71", "D72", "D73", "D82", "D95"), "inventory"),
    **dict.fromkeys(("D83", "D84", "D114"), "deployments"),
    **dict.fromkeys(("D12", "D16", "D17", "D23", "D65", "D66"), "manifest"),
}
"""What a row of the detection catalogue cannot be noticed without, besides the logs."""
