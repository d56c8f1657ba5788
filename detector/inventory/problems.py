"""What can go wrong with a request, and what the answer of a server, or its absence, means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aiohttp

from detector.domain.retry_after import asked_for
from detector.inventory.facts import Reason

LONGEST_AFTER: Final = 600.0
"""Longest time that Graph may ask to be left alone, seconds."""

_STATUS: Final[dict[int, Reason]] = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    408: "timed_out",
    410: "gone",
    429: "throttled",
}

PASSING: Final[frozenset[Reason]] = frozenset(
    {"connection_lost", "credential_failed", "malformed", "throttled", "timed_out", "unauthorized", "unavailable"}
)
"""Reasons that another try may mend."""


class RequestFailed(Exception):  # noqa: N818 -- what happened, as in the facts
    """A request came to nothing.

    Args:
        reason: Why.
        after: Seconds that the other end asked to be left alone; `None` when it did not say.
    """

    def __init__(self, reason: Reason, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason: Final = reason
        self.after: Final = after


def refusal(status: int, headers: Mapping[str, str], now: float) -> RequestFailed | None:
    """What a status code other than success means (RFC 9110 section 15); `None` for success.

    Microsoft Graph answers 429 when it throttles and 410 when a delta token is too old:
    https://learn.microsoft.com/graph/errors.
    """
    if 200 <= status < 300:
        return None
    after = retry_after(headers.get("Retry-After"), now)
    if status in _STATUS:
        return RequestFailed(_STATUS[status], after)
    if status == 501:
        return RequestFailed("rejected")
    if status >= 500:
        return RequestFailed("unavailable", after)
    return RequestFailed("redirected" if status < 400 else "rejected")


def reason_of(error: BaseException) -> Reason:
    """Why there was no answer."""
    if isinstance(error, TimeoutError):
        return "timed_out"
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientConnectionError | OSError):
        return "connection_lost"
    return "malformed"


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for, at most `LONGEST_AFTER`; `now` is seconds since the epoch."""
    return asked_for(value, now, LONGEST_AFTER)
