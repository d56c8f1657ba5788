"""A guarded way out: the address that is checked is the address that is connected to."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from detector.sinks.addresses import AddressRefusedError, Network, literal, refused

CONNECT_SECONDS: Final = 3.0
TOTAL_SECONDS: Final = 10.0
_MOST_CONNECTIONS: Final = 16


class Guard:
    """Decides which URLs and addresses may be reached.

    Args:
        allow_networks: Networks that may be reached although they are not part of the public Internet.
        allow_insecure: Whether plain http is allowed.
    """

    def __init__(self, allow_networks: Iterable[Network] = (), *, allow_insecure: bool = False) -> None:
        self._networks = tuple(allow_networks)
        self._insecure = allow_insecure

    def checked(self, url: str) -> URL:
        """A URL that may be reached as far as can be told without resolving its name.

        Raises:
            AddressRefusedError: Its scheme, or the address that it spells out, is not allowed.
        """
        try:
            parsed = URL(url)
            host, port = parsed.host, parsed.port
        except ValueError:
            raise AddressRefusedError("The URL cannot be read.") from None
        if parsed.scheme != "https" and not (self._insecure and parsed.scheme == "http"):
            raise AddressRefusedError("The URL is not https.")
        if not host or port is None or parsed.user is not None or parsed.password is not None:
            raise AddressRefusedError("The URL has no host, or it holds a user.")
        address = literal(host)
        if address is not None and refused(address, self._networks):
            raise AddressRefusedError("The URL spells out an address that is not allowed.")
        return parsed

    def require(self, address: str) -> None:
        """Raises `AddressRefusedError` unless this address may be connected to."""
        if refused(ip_address(address.partition("%")[0]), self._networks):
            raise AddressRefusedError("The name stands for an address that is not allowed.")


class GuardedResolver(AbstractResolver):
    """Resolves with another resolver and refuses a name when any of its addresses is not allowed."""

    def __init__(self, guard: Guard, inner: AbstractResolver) -> None:
        self._guard = guard
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host, all of them checked."""
        found = await self._inner.resolve(host, port, family)
        for each in found:
            self._guard.require(each["host"])
        return found

    async def close(self) -> None:
        """Closes the resolver inside."""
        await self._inner.close()


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """How a sink gets out: what it may reach, whom it trusts, how long it waits."""

    guard: Guard
    ca_file: Path | None = None
    """PEM file of the only authorities that are trusted; `None` for those of the system."""
    resolver: AbstractResolver | None = None
    """Resolves names; `None` for the resolver of the system."""
    connect: float = CONNECT_SECONDS
    """Seconds in which a connection must stand."""
    total: float = TOTAL_SECONDS
    """Seconds in which everything must be over."""

    def session(self) -> aiohttp.ClientSession:
        """A session that reaches allowed addresses only; to be made inside the event loop and closed.

        Names are resolved once for a connection, every answer is checked, and what was checked is connected to, so
        an answer that changes in between (DNS rebinding) has no effect. The check is repeated where the socket is
        made, which also covers URLs with an address in them. Proxies of the environment are not used, cookies are
        not kept, bodies are not unpacked.

        Raises:
            ssl.SSLError: The authorities cannot be read, whatever the reason.
        """
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._context(),
                resolver=GuardedResolver(self.guard, self.resolver or aiohttp.ThreadedResolver()),
                use_dns_cache=False,
                socket_factory=self._socket,
                limit=_MOST_CONNECTIONS,
            ),
            timeout=aiohttp.ClientTimeout(total=self.total, sock_connect=self.connect),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"User-Agent": "entra-agent-detector"},
        )

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        except ssl.SSLError:
            raise
        except OSError as error:
            raise ssl.SSLError(f"The file of authorities cannot be read ({error.strerror}).") from None

    def _socket(self, info: Any) -> socket.socket:  # noqa: ANN401 -- the tuple of getaddrinfo
        family, kind, protocol, _, address = info
        self.guard.require(address[0])
        return socket.socket(family, kind, protocol)
