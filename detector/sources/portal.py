"""CSV of sign-ins as the Entra admin center downloads it: its columns are named for people.

They are given the names of the tables of Log Analytics, which the decoder reads:
https://learn.microsoft.com/entra/identity/monitoring-health/howto-download-logs. What is only in the download (device,
details of multifactor authentication) is left out. It does not say which sign-ins are of agents: other inputs have to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_NAMES: Final = {
    "date (utc)": "CreatedDateTime",
    "request id": "Id",
    "correlation id": "CorrelationId",
    "user agent": "UserAgent",
    "user id": "UserId",
    "user": "UserDisplayName",
    "username": "UserPrincipalName",
    "unique token identifier": "UniqueTokenIdentifier",
    "client credential type": "ClientCredentialType",
    "service principal id": "ServicePrincipalId",
    "service principal name": "ServicePrincipalName",
    "credential key id": "ServicePrincipalCredentialKeyId",
    "credential thumbprint": "ServicePrincipalCredentialThumbprint",
    "application": "AppDisplayName",
    "application id": "AppId",
    "app owner tenant id": "AppOwnerTenantId",
    "resource": "ResourceDisplayName",
    "resource id": "ResourceIdentity",
    "resource tenant id": "ResourceTenantId",
    "resource owner tenant id": "ResourceOwnerTenantId",
    "home tenant id": "HomeTenantId",
    "ip address": "IPAddress",
    "location": "Location",
    "sign-in error code": "ResultType",
    "failure reason": "ResultDescription",
    "autonomous system number": "AutonomousSystemNumber",
    "session id": "SessionId",
    "conditional access": "ConditionalAccessStatus",
}
_SURE: Final = frozenset({"date (utc)", "request id", "application id"})
_CONDITIONAL: Final = {"success": "success", "failure": "failure", "not applied": "notApplied"}


def is_portal(columns: Sequence[str]) -> bool:
    """Whether these are the columns of a download of sign-ins."""
    return {_folded(column) for column in columns} >= _SURE


def renamed(columns: Sequence[str]) -> list[str]:
    """The columns under the names of Log Analytics; `""` for those that are left out."""
    return [_NAMES.get(_folded(column), "") for column in columns]


def adapt(row: dict[str, str]) -> None:
    """Puts values into the form of Log Analytics: the country of a place, the spelling of a verdict."""
    if row.get("Location"):
        row["Location"] = row["Location"].rpartition(",")[2].strip()
    verdict = row.get("ConditionalAccessStatus", "").casefold()
    if verdict:
        row["ConditionalAccessStatus"] = _CONDITIONAL.get(verdict, row["ConditionalAccessStatus"])


def _folded(column: str) -> str:
    return " ".join(column.casefold().split())
