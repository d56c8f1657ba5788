"""Instants: RFC 3339 with zero to nine digits of fraction, and the US format of some envelopes.

Time is a float of seconds since the Unix epoch, UTC, at microsecond resolution. The fast path lets msgspec read
RFC 3339 straight into `datetime`; every other spelling is rewritten here to RFC 3339 first, so that one parser and
one formula (`moment`) give the number and copies of a record in different spellings agree to the last bit.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final

import msgspec

EARLIEST: Final = 946_684_800.0
"""2000-01-01T00:00:00Z: no record of Entra is older."""

LATEST: Final = 2_524_608_000.0
"""2050-01-01T00:00:00Z: no record is younger for as long as this program lives."""

CLOCK_SKEW: Final = 300.0
"""Seconds by which the clocks of two machines may disagree."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An RFC 3339 time that states its zone: a time without one could be anywhere within 26 hours."""

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d{1,2}):(\d\d):(\d\d)(\.\d{1,9})?\d* ?(?:([Zz]|UTC)|([+-]\d\d):?(\d\d))?", re.ASCII
)
_US = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4}),? (\d{1,2}):(\d\d):(\d\d)(\.\d{1,9})? ?([AaPp])[Mm](?: ([+-]\d\d:\d\d))?", re.ASCII
)
_MAX_CACHED = 4_096
_SECONDS: Final = {f"{second:02}": float(second) for second in range(60)}


class NotATime(ValueError):  # noqa: N818 -- it names a fate of the text, not a fault of the program
    """The text is not an instant; the message says why, without the text."""


def moment(when: datetime) -> float:
    """Seconds since the epoch of a time with a zone."""
    return when.timestamp()


def rfc3339(value: str) -> str:
    """The text in the form that msgspec reads; raises `NotATime`.

    A time in US form has no zone and means UTC, unless an offset follows (Azure writes both). An ISO time without
    an offset is refused: consumers and producers have been seen to disagree on it.
    """
    value = value.strip()
    iso = _ISO.fullmatch(value)
    if iso:
        date, hour, minute, second, fraction, zulu, hours, minutes = iso.groups()
        if zulu is None and hours is None:
            raise NotATime("has no time zone")
        zone = "Z" if hours is None else f"{hours}:{minutes}"
        return f"{date}T{hour:0>2}:{minute}:{second}{fraction or ''}{zone}"
    us = _US.fullmatch(value)
    if us:
        month, day, year, hour, minute, second, fraction, half, zone = us.groups()
        if not 1 <= int(hour) <= 12:
            raise NotATime("has an hour that a twelve-hour clock does not show")
        hours24 = int(hour) % 12 + (12 if half in "Pp" else 0)
        return f"{year}-{month:0>2}-{day:0>2}T{hours24:02}:{minute}:{second}{fraction or ''}{zone or 'Z'}"
    raise NotATime("is not a time in a known format")


def parse(value: str) -> float:
    """Seconds since the epoch of a time in any accepted spelling; raises `NotATime`."""
    try:
        return moment(msgspec.convert(rfc3339(value), Instant))
    except (msgspec.ValidationError, OverflowError) as error:
        raise NotATime("is not a time that exists") from error


class Received:
    """Envelope times to seconds, remembered by the second: a batch is written within few of them.

    The envelope's time only measures the lag of the source (minutes), so its fraction is not read, and a spelling
    that cannot be read is `None` rather than the loss of the record.
    """

    def __init__(self) -> None:
        self.known: dict[str, float] = {}
        """By the first 19 characters of an RFC 3339 time in UTC."""
        self._minutes: dict[str, float] = {}
        """By the first 17, which end in the colon before the seconds."""
        self._others: dict[str, float | None] = {}

    def get(self, value: str) -> float | None:
        """Seconds since the epoch, whole."""
        if value[-1] == "Z":
            seconds = self.known.get(value[:19]) or self._learn(value[:19])
            if seconds is not None:
                return seconds
        if value not in self._others:
            if len(self._others) >= _MAX_CACHED:
                self._others.clear()
            try:
                self._others[value] = parse(value) // 1
            except NotATime:
                self._others[value] = None
        return self._others[value]

    def _learn(self, prefix: str) -> float | None:
        """The same for the first 19 characters of a time known to be in UTC."""
        try:
            second = _SECONDS.get(prefix[17:]) if prefix[16:17] == ":" else None
            seconds = parse(prefix + "Z") // 1 if second is None else self._minute(prefix[:17]) + second
        except NotATime:
            return None
        if len(self.known) >= _MAX_CACHED:
            self.known.clear()
        self.known[prefix] = seconds
        return seconds

    def _minute(self, prefix: str) -> float:
        """The same for the first 17, without seconds: to read each time costs much more. Raises `NotATime`."""
        minute = self._minutes.get(prefix)
        if minute is None:
            minute = parse(prefix + "00Z") // 1
            if len(self._minutes) >= _MAX_CACHED:
                self._minutes.clear()
            self._minutes[prefix] = minute
        return minute
