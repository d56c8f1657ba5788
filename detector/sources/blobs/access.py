"""Who reads: an identity, a shared access signature, or a connection string out of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from detector.config.secret_files import read_secret
from detector.errors import SourceError, UsageError
from detector.sources.blobs.address import Address
from detector.sources.identity import Identity, credential

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.blob.aio import BlobServiceClient

_PATIENCE: Final = 60.0
"""Seconds that a connection or an answer may take."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How to be let in. A file counts more than an identity, a signature in the address more than anything."""

    identity: Identity = "cli"
    """cli (`az login`), workload (identity of the pod), managed (identity of the machine)."""
    client_id: str | None = None
    sas_file: Path | None = None
    """File with a shared access signature."""
    connection_string_file: Path | None = None
    """File with a connection string of the storage account."""

    def credential(self) -> AsyncTokenCredential | None:
        """What asks for tokens; `None` when a file lets us in.

        Raises:
            SourceError: There is no workload identity here.
        """
        if self.sas_file is not None or self.connection_string_file is not None:
            return None
        return credential(self.identity, self.client_id, otherwise="choose another --identity")


def service_of(address: Address, access: Access, credential: AsyncTokenCredential | None) -> BlobServiceClient:
    """A client of a storage account.

    Raises:
        SourceError: A file cannot be read, or holds nothing that lets anybody in.
        UsageError: The connection string is for another account.
    """
    from azure.storage.blob.aio import BlobServiceClient

    options: dict[str, Any] = {
        "connection_timeout": _PATIENCE,
        "read_timeout": _PATIENCE,
        # A response is hashed by the service as it is; the manifest has hashes of our own.
        "validate_content": False,
    }
    if address.sas:
        return BlobServiceClient(f"{address.account}?{address.sas}", **options)
    if access.sas_file is not None:
        return BlobServiceClient(f"{address.account}?{read_secret(access.sas_file).lstrip('?')}", **options)
    if access.connection_string_file is not None:
        return _by_connection_string(address, access.connection_string_file, options)
    return BlobServiceClient(address.account, credential=credential, **options)


def _by_connection_string(address: Address, file: Path, options: dict[str, Any]) -> BlobServiceClient:
    from azure.storage.blob.aio import BlobServiceClient

    try:
        service = BlobServiceClient.from_connection_string(read_secret(file), **options)
    except ValueError:
        raise SourceError(
            str(file), "It is no storage connection string. Copy it from the portal, on one line."
        ) from None
    if service.url.partition("?")[0].rstrip("/").lower() != address.account.lower():
        raise UsageError(f"{file}: The connection string is for another account than {address.account}.")
    return service


def refusal(error: BaseException) -> str:
    """What an error of the storage means, and what to do. Nothing of its text, which may hold a secret."""
    from azure.core.exceptions import (
        ClientAuthenticationError,
        HttpResponseError,
        ResourceNotFoundError,
        ServiceRequestError,
        ServiceResponseError,
    )

    match error:
        case ClientAuthenticationError():
            return "The storage account does not know who asks. Log in (az login), or give --sas-file or --identity."
        case ResourceNotFoundError():
            return "There is no such container or blob. Check the address."
        case HttpResponseError(status_code=403):
            return "The storage account refuses. Who asks needs the role Storage Blob Data Reader, or a SAS with rl."
        case HttpResponseError(status_code=412):
            return "The blob was changed while it was read. Replay again."
        case HttpResponseError(status_code=int(status)):
            return f"The storage account answered {status}. Try again."
        case ServiceRequestError() | ServiceResponseError():
            return "The storage account cannot be reached, or broke off. Check the network and the address; try again."
        case _:
            return f"The blob cannot be read ({type(error).__name__}). Try again."
