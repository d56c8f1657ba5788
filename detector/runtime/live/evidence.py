"""The endpoint for evidence as the configuration describes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from detector.config.build import decoder_settings, pipelines_of
from detector.inventory.evidence.endpoint import Endpoint, Terms
from detector.inventory.evidence.facts import EvidenceFacts, Sender
from detector.inventory.evidence.proofs import AnyOf, Password, Proof, Secrets, Signature, Token
from detector.inventory.evidence.records import Clerk
from detector.runtime.live.archiving import Archive
from detector.sinks.secret_files import SecretFile, SecretUnreadableError

if TYPE_CHECKING:
    from detector.config.evidence import AzureDevOpsSettings, EvidenceSettings
    from detector.config.settings import Settings
    from detector.runtime.live.producing import Producer

GITHUB_SIGNATURE = "X-Hub-Signature-256"
SIGNATURE = "X-Signature-256"


def endpoint_of(
    settings: Settings, producer: Producer, *, now: Callable[[], float], facts: EvidenceFacts
) -> Endpoint | None:
    """The endpoint, not listening yet; `None` when none is configured."""
    block = settings.evidence
    if block is None:
        return None
    return Endpoint(
        Terms(
            host=block.host,
            port=block.port,
            path=block.path,
            max_body_bytes=block.max_body_bytes,
            max_requests=block.max_requests,
            receive_seconds=block.receive_seconds,
            commit_seconds=block.commit_seconds,
        ),
        _proofs(block),
        Clerk(block.tenant_id, decoder_settings(settings), pipelines_of(settings)),
        producer,
        now=now,
        facts=facts,
    )


def archive_of(settings: Settings) -> Callable[[bytes], Awaitable[None]] | None:
    """What writes evidence down for replays; `None` when none is configured."""
    block = settings.evidence
    return None if block is None or block.archive is None else Archive(Path(block.archive)).keep


def _proofs(block: EvidenceSettings) -> dict[Sender, Proof]:
    proofs: dict[Sender, Proof] = {}
    if block.github is not None:
        proofs["github"] = Signature(GITHUB_SIGNATURE, _secrets(block.github.secret_files))
    if block.azure_devops is not None:
        proofs["azure_devops"] = _of_azure_devops(block.azure_devops)
    if block.records is not None:
        proofs["records"] = Signature(SIGNATURE, _secrets(block.records.secret_files))
    return proofs


def _of_azure_devops(block: AzureDevOpsSettings) -> Proof:
    proofs: list[Proof] = []
    if block.username is not None and block.password_files is not None:
        proofs.append(Password(block.username, _secrets(block.password_files)))
    if block.secret_files is not None:
        proofs.append(Token(block.header, _secrets(block.secret_files)))
    return AnyOf(proofs)


def _secrets(files: Iterable[str]) -> Secrets:
    """The secrets in files as they are at each use; one that cannot be read is no secret."""
    secrets = [SecretFile(Path(file)) for file in files]

    async def read() -> list[str]:
        found = []
        for secret in secrets:
            try:
                found.append(await secret.read())
            except SecretUnreadableError:
                continue
        return found

    return read
