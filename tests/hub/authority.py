"""Who may do what: tokens that clients put at `$cbs` (claims-based security)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote_plus, urlsplit

from tests.hub import clock

SAS_TYPE = "servicebus.windows.net:sastoken"
JWT_TYPES = frozenset({"jwt", "amqp:jwt"})

_SAS_PREFIX = "SharedAccessSignature "

Authorise = Callable[[str, str], bool]
"""Is this token (a JSON web token) good for this audience?"""


class Grant(NamedTuple):
    """A right that a token gave to a connection."""

    path: str
    """The entity, or the empty text for the whole namespace."""
    expires: float
    """Wall clock, seconds since the epoch."""


class DeniedError(Exception):
    """The token gives no right; its text is the status description."""


class Authority:
    """Checks tokens.

    With no keys and no callable every token is taken, as long as one is put.
    """

    def __init__(
        self,
        keys: Mapping[str, str] | None = None,
        authorise: Authorise | None = None,
        *,
        now: Callable[[], float] = clock.wall,
    ) -> None:
        """An authority.

        Args:
            keys: Shared access keys by policy name; a SAS token must carry the HMAC-SHA256 of one of them.
            authorise: Judges JSON web tokens.
            now: Wall clock in seconds since the epoch.
        """
        self._keys = None if keys is None else dict(keys)
        self._authorise = authorise
        self.now = now

    def grant(self, token: str, kind: str, audience: str, expires: float | None) -> Grant:
        """What the token is good for.

        Raises:
            DeniedError: Wrong signature, expired, unknown policy, wrong audience or refused by the callable.
        """
        path = entity_path(audience)
        if kind == SAS_TYPE:
            return self._shared_access(token, path)
        if kind not in JWT_TYPES:
            raise DeniedError(f"UnsupportedTokenType: {kind}")
        if self._authorise is None:
            if self._keys is not None:
                raise DeniedError("InvalidToken: this namespace takes shared access signatures only")
        elif not self._authorise(token, audience):
            raise DeniedError("InvalidToken: the token gives no right to this audience")
        return Grant(path, float("inf") if expires is None else expires)

    def _shared_access(self, token: str, path: str) -> Grant:
        fields = dict(part.split("=", 1) for part in token.removeprefix(_SAS_PREFIX).split("&") if "=" in part)
        try:
            resource, signature, expiry = fields["sr"], unquote_plus(fields["sig"]), int(fields["se"])
        except (KeyError, ValueError):
            raise DeniedError("InvalidToken: not a shared access signature") from None
        if self._keys is not None:
            key = self._keys.get(unquote_plus(fields.get("skn", "")))
            wanted = "" if key is None else sign(resource, expiry, key)
            if key is None or not hmac.compare_digest(signature, wanted):
                raise DeniedError("InvalidSignature: The token has an invalid signature.")
        if expiry <= self.now():
            raise DeniedError("ExpiredToken: The token is expired.")
        granted = entity_path(unquote_plus(resource))
        if not covers(granted, path):
            raise DeniedError("InvalidAudience: The token is for another entity.")
        return Grant(granted, float(expiry))


def sign(encoded_resource: str, expiry: int, key: str) -> str:
    """Signature of a SAS token: base64 of HMAC-SHA256 over the encoded resource, a line feed and the expiry."""
    digest = hmac.new(key.encode(), f"{encoded_resource}\n{expiry}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def entity_path(address: str) -> str:
    """The path of an address without scheme, host and slashes at the ends: `sb://h:1/hub/` is `hub`."""
    path = urlsplit(address).path if "://" in address else address
    return path.strip("/").lower()


def covers(granted: str, path: str) -> bool:
    """Does a right on `granted` reach `path`?"""
    return not granted or path == granted or path.startswith(granted + "/")
