"""Addresses of storage accounts and containers, as a person copies them from the portal."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from detector.errors import UsageError

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Address(msgspec.Struct, frozen=True):
    """An account, a container in it, or what begins with a prefix in a container."""

    account: str
    """Address of the account, without a slash at its end."""
    container: str = ""
    """Empty: all containers of the account that hold archived logs."""
    prefix: str = ""
    sas: str = ""
    """Shared access signature out of the address: a secret, shown nowhere."""

    def place(self, container: str, name: str) -> str:
        """How a blob is called in everything that is written."""
        return f"{self.account}/{container}/{name}"


def is_address(path: str) -> bool:
    """Whether a path is the address of a storage account."""
    return path.partition("://")[0].lower() in ("http", "https")


def address_of(text: str) -> Address:
    """Reads an address such as https://account.blob.core.windows.net/insights-logs-auditlogs/tenantId=...

    The emulator and a gateway by number carry the account in the path: http://127.0.0.1:10000/devstoreaccount1.

    Raises:
        UsageError: It is none; the text itself is not quoted, for it may hold a signature.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise UsageError("The address of the storage account cannot be read. Copy it from the portal.") from None
    if not host or parts.username or parts.password:
        raise UsageError("The address of the storage account cannot be read. Copy it from the portal.")
    if parts.scheme.lower() == "http" and host not in _LOOPBACK:
        raise UsageError(f"{host}: Plain http would show the credentials to the network. Use https.")
    netloc = f"[{host}]" if ":" in host else host
    account = f"{parts.scheme.lower()}://{netloc}" + (f":{port}" if port else "")
    segments = [unquote(segment) for segment in parts.path.lstrip("/").split("/")]
    if host == "localhost" or _is_number(host):
        account = f"{account}/{segments.pop(0)}" if segments else account
    container = segments.pop(0) if segments else ""
    return Address(account, container, "/".join(segments), parts.query)


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
