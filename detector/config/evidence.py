"""Settings of the endpoint that takes deployment evidence."""

from __future__ import annotations

from typing import Annotated, Self

from annotated_types import Ge, Le, MinLen
from pydantic import StringConstraints, model_validator

from detector.config.blocks import Block
from detector.config.event_hubs import FilePath
from detector.config.fields import Guid, Name, wrong

Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,99}$")]
Path = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/_.-]{0,200}$")]
Files = Annotated[tuple[FilePath, ...], MinLen(1)]
"""Mounted files with a secret each. Two during a rotation: either is good."""


class SignedSettings(Block):
    """A sender that signs what it sends with HMAC-SHA256."""

    secret_files: Files
    """Mounted files with a secret each, read again for every delivery; two during a rotation: either is good."""


class AzureDevOpsSettings(Block):
    """Azure DevOps, which signs nothing: a password, or a secret in a header. Either is good when both are set."""

    username: Name | None = None
    """User name of the service hook's basic authentication."""
    password_files: Files | None = None
    """Mounted files with a password each, read again for every delivery; two during a rotation: either is good."""
    header: Header = "X-Evidence-Secret"
    """Name of the header that brings the secret."""
    secret_files: Files | None = None
    """Mounted files with the secret of that header."""

    @model_validator(mode="after")
    def _proves(self) -> Self:
        if (self.username is None) != (self.password_files is None):
            raise wrong("username and password_files belong together, and one of them is missing.")
        if self.password_files is None and self.secret_files is None:
            raise wrong(
                "Azure DevOps could not prove who it is.", "Set username and password_files, or secret_files, or all."
            )
        return self


class EvidenceSettings(Block):
    """The endpoint of `run` that takes deployment evidence."""

    tenant_id: Guid
    """Id of the tenant that the pipelines deploy to: webhooks do not say."""
    host: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=253)] = "127.0.0.1"
    """Address to listen on; in a container 0.0.0.0 or ::. TLS is the business of the ingress."""
    port: Annotated[int, Ge(0), Le(65_535)] = 9465
    """Port to listen on; 0 for any free one, which the log then names."""
    path: Path = "/evidence"
    """Under which the senders have their addresses: /evidence/github, /evidence/azure-devops, /evidence/records."""
    github: SignedSettings | None = None
    """Webhooks of GitHub; null for none."""
    azure_devops: AzureDevOpsSettings | None = None
    """Service hooks of Azure DevOps; null for none."""
    records: SignedSettings | None = None
    """Records that pipelines write themselves; null for none."""
    archive: FilePath | None = None
    """File that records are appended to before they are judged, for replays; null for none."""
    max_body_bytes: Annotated[int, Ge(16 * 2**10), Le(25 * 2**20)] = 2**20
    """Longest body that is read."""
    max_requests: Annotated[int, Ge(1), Le(1_000)] = 64
    """Deliveries that are handled at once."""
    receive_seconds: Annotated[float, Ge(0.1), Le(120)] = 10.0
    """How long a sender may take to send its body."""
    commit_seconds: Annotated[float, Ge(0.1), Le(120)] = 8.0
    """How long a sender waits for the store; GitHub gives up after 10 s."""

    @model_validator(mode="after")
    def _for_somebody(self) -> Self:
        if self.github is None and self.azure_devops is None and self.records is None:
            raise wrong("Nobody may send anything.", "Set github, azure_devops or records, or leave the block out.")
        return self
