"""How a sender proves who it is. Every comparison takes the same time wherever it fails, and every secret is compared.

Sources: GitHub, "Validating webhook deliveries"
(https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries); Azure DevOps, "Webhooks with Azure
DevOps" (https://learn.microsoft.com/azure/devops/service-hooks/services/webhooks); RFC 7617 for basic authentication.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from detector.inventory.evidence.facts import Refused

Secrets = Callable[[], Awaitable[Sequence[str]]]
"""The secrets as they are now, without those that cannot be read."""

_SHA256: Final = "sha256="


class Proof(Protocol):
    """Judges a delivery."""

    @property
    def needs_body(self) -> bool:
        """Whether the body has to be there; without, a stranger is sent away before."""
        ...

    async def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Returns when the delivery is genuine.

        Raises:
            Refused: It is not, or nobody can tell.
        """


class Signature:
    """HMAC-SHA256 over the raw body, in hexadecimal after `sha256=`.

    Args:
        header: Where the signature stands.
        secrets: Any of them may have made it.
    """

    needs_body: Final = True

    def __init__(self, header: str, secrets: Secrets) -> None:
        self._header: Final = header
        self._secrets: Final = secrets

    async def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """See `Proof`."""
        said = headers.get(self._header)
        if said is None:
            raise Refused("unproved", f"The header {self._header} is missing.")
        if not said.startswith(_SHA256):
            raise Refused("wrong_proof", f"The header {self._header} does not begin with {_SHA256}.")
        made = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in await _some(self._secrets)]
        if not _any_equal(made, said.removeprefix(_SHA256).lower()):
            raise Refused("wrong_proof", "The signature is not that of this body.")


class Password:
    """Basic authentication."""

    needs_body: Final = False

    def __init__(self, username: str, passwords: Secrets) -> None:
        self._username: Final = username
        self._passwords: Final = passwords

    async def check(self, headers: Mapping[str, str], body: bytes) -> None:  # noqa: ARG002 -- a password signs nothing
        """See `Proof`."""
        scheme, _, said = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            raise Refused("unproved", "A user name and password are missing.")
        try:
            pair = base64.b64decode(said, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Refused("wrong_proof", "The user name and password cannot be read.") from None
        wanted = [f"{self._username}:{password}" for password in await _some(self._passwords)]
        if not _any_equal(wanted, pair):
            raise Refused("wrong_proof", "The user name or the password is wrong.")


class Token:
    """A secret in a header of its own."""

    needs_body: Final = False

    def __init__(self, header: str, secrets: Secrets) -> None:
        self._header: Final = header
        self._secrets: Final = secrets

    async def check(self, headers: Mapping[str, str], body: bytes) -> None:  # noqa: ARG002 -- a token signs nothing
        """See `Proof`."""
        said = headers.get(self._header)
        if said is None:
            raise Refused("unproved", f"The header {self._header} is missing.")
        if not _any_equal(await _some(self._secrets), said):
            raise Refused("wrong_proof", f"The header {self._header} is wrong.")


class AnyOf:
    """Several ways to prove it, of which one is enough."""

    def __init__(self, proofs: Sequence[Proof]) -> None:
        self._proofs: Final = proofs
        self.needs_body: Final = any(proof.needs_body for proof in proofs)

    async def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """See `Proof`."""
        refusals: list[Refused] = []
        for proof in self._proofs:
            try:
                return await proof.check(headers, body)
            except Refused as refused:
                refusals.append(refused)
        raise next((each for each in refusals if each.reason != "unproved"), refusals[0])


async def _some(secrets: Secrets) -> Sequence[str]:
    found = await secrets()
    if not found:
        raise Refused("secret_unreadable", "The service cannot check this now; try again later.")
    return found


def _any_equal(wanted: Sequence[str], said: str) -> bool:
    given = said.encode(errors="surrogateescape")
    found = False
    for each in wanted:
        found |= hmac.compare_digest(each.encode(), given)
    return found
