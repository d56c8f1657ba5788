"""How far the way to a host is open: name, port, TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, NamedTuple

from detector.runtime.doctor.results import Result


class Place(NamedTuple):
    """Where something listens."""

    host: str
    port: int
    tls: bool
    ca_file: str | None = None
    """PEM file of the authorities to trust; `None` for those that the Azure SDK brings along."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class _Closed(Exception):  # noqa: N818 -- an answer rather than an error
    """The way ends here."""

    def __init__(self, found: str, meaning: str, advice: str, **details: Any) -> None:  # noqa: ANN401 -- as JSON
        super().__init__(found)
        self.found, self.meaning, self.advice, self.details = found, meaning, advice, details


async def reach(check: str, place: Place, seconds: float) -> Result:
    """Resolves a name, connects and shakes hands; the first step that fails is the result."""
    details: dict[str, Any] = {"host": place.host, "port": place.port, "tls": place.tls}
    try:
        async with asyncio.timeout(seconds):
            details["addresses"] = addresses = await _resolved(place)
            await _connected(place)
            if place.tls:
                details["tls_version"] = await _shaken(place)
    except _Closed as end:
        return Result(
            check=check,
            verdict="failed",
            found=end.found,
            meaning=end.meaning,
            advice=end.advice,
            details={**details, **end.details},
        )
    except TimeoutError:
        name = "addresses" in details
        return Result(
            check=check,
            verdict="failed",
            found=f"{place} did not answer within {seconds:.0f} s."
            if name
            else f"The name {place.host} was not resolved within {seconds:.0f} s.",
            meaning="Something on the way swallows what is sent: a firewall, a network policy, or a missing route."
            if name
            else "The name server does not answer.",
            advice=_OPEN if name else "Check the name service of the machine or cluster.",
            details=details,
        )
    shown = f", {details['tls_version']}" if place.tls else ", without TLS"
    return Result(check=check, verdict="ok", found=f"{place} answers ({addresses[0]}{shown}).", details=details)


_OPEN = (
    "Open the port for outgoing connections (5671 for AMQP), or set `transport: websocket` to use 443. With a private "
    "endpoint, check that the name resolves to it."
)


async def _resolved(place: Place) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except OSError:
        raise _Closed(
            f"The name {place.host} cannot be resolved.",
            "Nothing can be connected to.",
            "Check the name for a slip, and the name service of the machine or cluster; with a private endpoint, its "
            "private DNS zone.",
        ) from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


async def _connected(place: Place) -> None:
    try:
        _, writer = await asyncio.open_connection(place.host, place.port)
    except OSError as error:
        raise _Closed(
            f"{place} cannot be connected to ({_reason(error)}).",
            "Nothing listens there, or a firewall refuses.",
            _OPEN,
        ) from None
    writer.transport.abort()


async def _shaken(place: Place) -> str:
    try:
        context = context_of(place.ca_file)
    except OSError:
        raise _Closed(
            f"The authorities in {place.ca_file} cannot be read.",
            "No certificate can be checked.",
            "Check the mount; the file holds certificates in PEM form.",
        ) from None
    try:
        _, writer = await asyncio.open_connection(place.host, place.port, ssl=context, server_hostname=place.host)
    except ssl.SSLCertVerificationError as error:
        raise _Closed(
            f"The certificate of {place} is not trusted ({error.verify_message.rstrip('.')}).",
            "Somebody else answers under this name, a device on the way opens TLS, or a private authority signed it.",
            "Where a private authority or an inspecting proxy is meant to be there, name its PEM file in `ca_file`.",
        ) from None
    except (OSError, ssl.SSLError) as error:
        raise _Closed(
            f"{place} accepts connections, but the TLS handshake fails ({_reason(error)}).",
            "What listens there does not speak TLS, or a device on the way interferes.",
            "Check host and port.",
        ) from None
    session = writer.get_extra_info("ssl_object")
    version = session.version() if session is not None else None
    writer.transport.abort()
    return str(version)


def context_of(ca_file: str | None) -> ssl.SSLContext:
    """What a TLS client trusts.

    Raises:
        OSError: The file cannot be read.
    """
    if ca_file is None:
        # What the SDK trusts; it reads neither the store of the system nor SSL_CERT_FILE.
        import certifi

        ca_file = certifi.where()
    return ssl.create_default_context(cafile=ca_file)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no reason given").replace("_", " ").lower()
    return error.strerror or type(error).__name__
