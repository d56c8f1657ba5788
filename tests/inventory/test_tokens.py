"""Identities and tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import (
    AzureCliCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from detector.config.inventory import InventorySettings
from detector.errors import SourceError
from detector.inventory.problems import RequestFailed
from detector.inventory.tokens import Tokens, credential_of

TENANT = "33333333-4444-5555-6666-777777777777"


def settings(**values: Any) -> InventorySettings:
    return InventorySettings.model_validate({"tenant_id": TENANT, **values})


class Issuer:
    """Issues tokens with names that tell how many there were."""

    def __init__(self, lasts: float) -> None:
        self.lasts = lasts
        self.now = 1_000.0
        self.issued = 0
        self.fails: Exception | None = None

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        if self.fails is not None:
            raise self.fails
        self.issued += 1
        return AccessToken(f"t{self.issued}", int(self.now + self.lasts))

    async def close(self) -> None:
        pass


def tokens(issuer: Issuer) -> Tokens:
    return Tokens(issuer, "https://graph.microsoft.com/.default", lambda: issuer.now)  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    issuer = Issuer(lasts=3600)
    kept = tokens(issuer)
    assert await kept.header() == "Bearer t1"
    issuer.now += 3600 - 300
    assert await kept.header() == "Bearer t1"
    issuer.now += 1
    assert await kept.header() == "Bearer t2"


@pytest.mark.asyncio
async def test_a_token_that_was_refused_is_not_used_again() -> None:
    kept = tokens(Issuer(lasts=3600))
    assert await kept.header() == "Bearer t1"
    kept.refused()
    assert await kept.header() == "Bearer t2"


@pytest.mark.asyncio
@pytest.mark.parametrize("error", [ClientAuthenticationError("parrot"), OSError("parrot"), ValueError("parrot")])
async def test_no_token_is_a_failure_that_does_not_repeat_what_it_was_told(error: Exception) -> None:
    issuer = Issuer(lasts=3600)
    issuer.fails = error
    with pytest.raises(RequestFailed) as caught:
        await tokens(issuer).header()
    assert caught.value.reason == "credential_failed"
    assert "parrot" not in str(caught.value)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("chosen", "kind"),
    [({"identity": "managed"}, ManagedIdentityCredential), ({"identity": "cli"}, AzureCliCredential)],
)
async def test_the_identity_is_the_configured_one(chosen: dict[str, str], kind: type) -> None:
    credential = credential_of(settings(**chosen))
    assert isinstance(credential, kind)
    await credential.close()


@pytest.mark.asyncio
async def test_the_workload_identity_is_that_of_the_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    credential = credential_of(settings(client_id="11111111-2222-3333-4444-555555555555"))
    assert isinstance(credential, WorkloadIdentityCredential)
    await credential.close()
    monkeypatch.delenv("AZURE_FEDERATED_TOKEN_FILE")
    with pytest.raises(SourceError, match="no federated token"):
        credential_of(settings(client_id="11111111-2222-3333-4444-555555555555"))


@pytest.mark.asyncio
async def test_a_client_secret_comes_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("parrot\n")
    chosen = settings(client_id="11111111-2222-3333-4444-555555555555", client_secret_file=str(file))
    credential = credential_of(chosen)
    assert isinstance(credential, ClientSecretCredential)
    await credential.close()
    file.write_text(" \n")
    with pytest.raises(SourceError, match="is empty"):
        credential_of(chosen)
    file.unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        credential_of(chosen)
