"""The `Retry-After` header of HTTP: how long the other end asks to be left alone (RFC 9110 section 10.2.3)."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime


def asked_for(value: str | None, now: float, longest: float) -> float | None:
    """Seconds that the header asks for: a number of seconds or an HTTP date.

    Args:
        value: The header; `None` when there is none.
        now: Seconds since the epoch.
        longest: Seconds that are granted at most.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:10]), longest)
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return min(max(0.0, date.timestamp() - now), longest)
