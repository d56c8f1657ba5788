"""Tokens for Microsoft Graph, out of the identity that the configuration names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from detector.config.secret_files import read_secret
from detector.errors import SourceError
from detector.inventory.problems import RequestFailed

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.credentials_async import AsyncTokenCredential

    from detector.config.inventory import InventorySettings

_EARLY: Final = 300.0
"""Seconds before its end at which a token is replaced."""


class Tokens:
    """Keeps one token and gets another when it ends or is refused.

    Args:
        credential: Who asks; closed by `close`.
        scope: What for, like https://graph.microsoft.com/.default.
        now: Wall clock, seconds since the epoch.
    """

    def __init__(self, credential: AsyncTokenCredential, scope: str, now: Callable[[], float]) -> None:
        self._credential: Final = credential
        self._scope: Final = scope
        self._now: Final = now
        self._one_by_one: Final = asyncio.Lock()
        self._kept: AccessToken | None = None

    async def header(self) -> str:
        """The `Authorization` header.

        Raises:
            RequestFailed: There is no token to be had.
        """
        from azure.core.exceptions import AzureError

        async with self._one_by_one:
            if self._kept is None or self._kept.expires_on - self._now() < _EARLY:
                try:
                    self._kept = await self._credential.get_token(self._scope)
                except (AzureError, OSError, ValueError):
                    raise RequestFailed("credential_failed") from None
            return f"Bearer {self._kept.token}"

    def refused(self) -> None:
        """Graph does not accept the token: the next one is a new one."""
        self._kept = None

    async def close(self) -> None:
        """Closes the credential."""
        await self._credential.close()


def credential_of(settings: InventorySettings) -> AsyncTokenCredential:
    """The credential of the configured identity. azure-identity is imported here, when it is needed, and not before.

    Raises:
        SourceError: The workload identity is not set up in this pod, or the file of the secret cannot be read.
    """
    from azure.identity.aio import (
        AzureCliCredential,
        ClientSecretCredential,
        ManagedIdentityCredential,
        WorkloadIdentityCredential,
    )

    authority = settings.token_authority
    if settings.client_secret_file is not None:
        assert settings.client_id is not None
        secret = read_secret(settings.client_secret_file)
        return ClientSecretCredential(settings.tenant_id, settings.client_id, secret, authority=authority)
    options: dict[str, Any] = {} if settings.client_id is None else {"client_id": settings.client_id}
    if settings.identity == "cli":
        return AzureCliCredential(tenant_id=settings.tenant_id)
    if settings.identity == "managed":
        return ManagedIdentityCredential(**options)
    try:
        return WorkloadIdentityCredential(tenant_id=settings.tenant_id, authority=authority, **options)
    except ValueError:
        raise SourceError(
            "inventory",
            "The pod has no federated token. Label it azure.workload.identity/use: true, and its service account with "
            "the client id; or set `inventory.identity`.",
        ) from None
