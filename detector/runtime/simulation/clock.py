"""Simulated time: whole ticks of 100 nanoseconds since the Unix epoch, UTC, and the two spellings Entra gives them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

SECOND: Final = 10_000_000
"""Ticks in a second: Entra writes up to seven digits of fraction."""
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WEEKDAY_OF_EPOCH: Final = 3  # 1970-01-01 was a Thursday; Monday is 0


def ticks_of(moment: datetime) -> int:
    """Convert an aware moment."""
    past = moment - _EPOCH
    return (past.days * 86_400 + past.seconds) * SECOND + past.microseconds * 10


def hour_of_week(ticks: int) -> int:
    """Give the hour since Monday 00:00 UTC, 0 to 167."""
    hours = ticks // HOUR
    return (hours + _WEEKDAY_OF_EPOCH * 24) % 168


@lru_cache(maxsize=65_536)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def envelope_text(ticks: int) -> str:
    """Spell a moment as the envelope does: seven digits and Z."""
    seconds, fraction = divmod(ticks, SECOND)
    return f"{_second(seconds)}.{fraction:07d}Z"


def property_text(ticks: int) -> str:
    """Spell a moment as sign-in and audit properties do: trailing zeros trimmed, then +00:00."""
    seconds, fraction = divmod(ticks, SECOND)
    if not fraction:
        return f"{_second(seconds)}+00:00"
    digits = f"{fraction:07d}".rstrip("0")
    return f"{_second(seconds)}.{digits}+00:00"


def us_text(ticks: int) -> str:
    """Spell a moment as the envelope of risk records does: `10/6/2026 2:03:03 PM`, UTC, without a zone."""
    moment = _EPOCH + timedelta(seconds=ticks // SECOND)
    half = "AM" if moment.hour < 12 else "PM"
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour % 12 or 12}:{moment:%M:%S} {half}"


def rfc3339(ticks: int) -> str:
    """Spell a moment for a label: milliseconds and Z."""
    seconds, fraction = divmod(ticks, SECOND)
    return f"{_second(seconds)}.{fraction // 10_000:03d}Z"
