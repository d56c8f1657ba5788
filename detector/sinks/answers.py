"""What the answer of an HTTP server, or its absence, means for an alert."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp

from detector.domain.retry_after import asked_for
from detector.sinks.addresses import AddressRefusedError
from detector.sinks.outcome import DELIVERED, Fate, Refused, Retry, RetryReason

LONGEST_AFTER: Final = 3600.0
"""Longest time that the other end may ask to be left alone, seconds."""

_STATUS: Final[dict[int, RetryReason]] = {
    401: "unauthorized",
    403: "unauthorized",
    404: "not_found",
    405: "not_found",
    407: "unauthorized",
    408: "timed_out",
    410: "not_found",
    425: "throttled",
    429: "throttled",
}


def fate_of(status: int, headers: Mapping[str, str], now: float) -> Fate:
    """The fate of what was posted, by the status code of the answer (RFC 9110 section 15)."""
    if 200 <= status < 300:
        return DELIVERED
    if status in _STATUS:
        return Retry(_STATUS[status], retry_after(headers.get("Retry-After"), now))
    if status >= 500:
        return Retry("unavailable", retry_after(headers.get("Retry-After"), now))
    if 300 <= status < 400:
        # A redirect is never followed: it could lead anywhere.
        return Retry("redirected")
    if status == 413:
        return Refused("too_large")
    return Refused("rejected") if status >= 400 else Retry("answer_not_understood")


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for, at most `LONGEST_AFTER`; `now` is seconds since the epoch."""
    return asked_for(value, now, LONGEST_AFTER)


def reason_of(error: BaseException) -> RetryReason:
    """Why a request came to nothing."""
    if _was_refused(error):
        return "address_refused"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError | ssl.SSLError):
        return "tls_failed"
    if isinstance(error, TimeoutError):
        return "timed_out"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "name_not_resolved"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "connect_failed"
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | OSError):
        return "connection_lost"
    return "answer_not_understood"


def _was_refused(error: BaseException) -> bool:
    """Whether the guard is behind an error: connecting wraps it, and gathers the errors of several addresses."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        if isinstance(each, AddressRefusedError):
            return True
        seen.add(id(each))
        waiting += [each.__cause__, each.__context__, getattr(each, "os_error", None)]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
    return False
