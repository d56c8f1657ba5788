"""Who asks for tokens for Azure, where no file lets us in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from detector.errors import SourceError

if TYPE_CHECKING:
    from azure.identity.aio import AzureCliCredential, ManagedIdentityCredential, WorkloadIdentityCredential

Identity = Literal["cli", "workload", "managed"]
"""`az login`, the identity of the pod, or that of the machine."""


def credential(
    identity: Identity, client_id: str | None, *, otherwise: str
) -> AzureCliCredential | ManagedIdentityCredential | WorkloadIdentityCredential:
    """A credential. azure-identity is imported here, when it is needed, and not before.

    Args:
        identity: Whose.
        client_id: Which, when there are several.
        otherwise: What else may be chosen, for the sentence of an error.

    Raises:
        SourceError: The workload identity is not set up in this pod.
    """
    from azure.identity.aio import AzureCliCredential, ManagedIdentityCredential, WorkloadIdentityCredential

    options: dict[str, Any] = {} if client_id is None else {"client_id": client_id}
    if identity == "cli":
        return AzureCliCredential()
    if identity == "managed":
        return ManagedIdentityCredential(**options)
    try:
        return WorkloadIdentityCredential(**options)
    except ValueError:
        raise SourceError(
            "workload identity",
            "The pod has no federated token. Label it azure.workload.identity/use: true, and its service account with "
            f"the client id; or {otherwise}.",
        ) from None
