"""How a sink proves who is calling: headers that are added to a request."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from typing import Final, Protocol

from detector.sinks.secret_files import SecretFile, SecretUnreadableError

_PREFIX: Final = "whsec_"


class Authorization(Protocol):
    """Makes headers for one request."""

    async def headers(self, identifier: str, body: bytes) -> dict[str, str]:
        """Headers for a message with an id and a body.

        Raises:
            SecretUnreadableError: A secret cannot be read now.
        """


class Bearer:
    """A bearer token (RFC 6750)."""

    def __init__(self, token: SecretFile) -> None:
        self._token = token

    async def headers(self, identifier: str, body: bytes) -> dict[str, str]:  # noqa: ARG002 -- a token signs nothing
        """The `Authorization` header."""
        return {"Authorization": f"Bearer {_one_line(await self._token.read())}"}


class Basic:
    """A user name and password (RFC 7617), as Alertmanager's own web configuration asks for."""

    def __init__(self, username: str, password: SecretFile) -> None:
        self._username = username
        self._password = password

    async def headers(self, identifier: str, body: bytes) -> dict[str, str]:  # noqa: ARG002 -- a password signs nothing
        """The `Authorization` header."""
        pair = f"{self._username}:{await self._password.read()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}


class Signature:
    """An HMAC-SHA256 signature in the manner of Standard Webhooks 1.0.

    `webhook-signature: v1,<Base64>` over `<webhook-id>.<webhook-timestamp>.<body>`; libraries that verify it exist for
    most languages (https://www.standardwebhooks.com). The time in it lets the receiver refuse an old copy.

    Args:
        secret: `whsec_` and Base64, as the specification has it, or any other text, whose UTF-8 bytes are the key.
        now: Seconds since the epoch.
    """

    def __init__(self, secret: SecretFile, now: Callable[[], float]) -> None:
        self._secret = secret
        self._now = now

    async def headers(self, identifier: str, body: bytes) -> dict[str, str]:
        """The three headers of a signed message."""
        stamp = str(int(self._now()))
        signed = b".".join((identifier.encode(), stamp.encode(), body))
        digest = hmac.new(_key(await self._secret.read()), signed, hashlib.sha256).digest()
        return {
            "webhook-id": identifier,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode('ascii')}",
        }


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise SecretUnreadableError("The secret begins with whsec_ but the rest is not Base64.") from None


def _one_line(secret: str) -> str:
    if not secret.isprintable():
        raise SecretUnreadableError("A token has more than one line.")
    return secret
