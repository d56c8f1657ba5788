"""Event times read off undecoded records: good enough to put records in order, and far cheaper than decoding them.

The decoder alone says what the time of an event is. Here a time that is not found or not understood is `None`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from detector.decode.times import NotATime, parse

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES: Final = (
    "createdDateTime",
    "detectedDateTime",
    "activityDateTime",
    "riskLastUpdatedDateTime",
    "riskLastModifiedDateTime",
    "timeGenerated",
    "CreatedDateTime",
    "DetectedDateTime",
    "ActivityDateTime",
    "TimeGenerated",
    "observedDateTime",
    "recordedDateTime",
)
"""Members that hold event time, the first one found in a record counts."""
_KEYS: Final = tuple(f'"{name}"'.encode() for name in (*_NAMES, "TimeGenerated [UTC]"))
_COLUMNS: Final = tuple(dict.fromkeys(name.casefold() for name in _NAMES))
_PROPERTIES: Final = "properties"
"""Column of rows in the shape of a message: JSON, which says the time."""
TIME_COLUMNS: Final = frozenset({*_COLUMNS, *(f"{name} [utc]" for name in _COLUMNS), _PROPERTIES})
"""Columns that `row_time` looks at, in small letters."""
_INVENTORY: Final = b'"AgentInventory"'
_SEEN: Final = b'"observedDateTime"'
"""When an inventory saw an object; what else it says of times is about the object, above all when it was created."""
_HEAD: Final = 256
"""Bytes at the beginning of a record in which its category is looked for."""
_VALUE: Final = re.compile(rb'\s*+:\s*+"([^"\\]{8,48})"')


def instant(text: bytes | str) -> float | None:
    """Seconds since the epoch, UTC, of a time in any spelling that the logs use; without a zone it means UTC."""
    said = text.decode("latin-1") if isinstance(text, bytes) else text
    try:
        when = datetime.fromisoformat(said)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return (when - _EPOCH).total_seconds()
    except ValueError:
        try:
            return parse(said)
        except NotATime:
            return None


def time_of(record: bytes) -> float | None:
    """Event time of one record, JSON."""
    for key in _KEYS if record.find(_INVENTORY, 0, _HEAD) < 0 else (_SEEN,):
        at = record.find(key)
        if at >= 0 and (value := _VALUE.match(record, at + len(key))):
            return instant(value.group(1))
    return None


def row_time(row: Mapping[str, str]) -> float | None:
    """Event time of one row of a table."""
    said = {name.casefold().removesuffix(" [utc]"): value for name, value in row.items() if name and value}
    for column in _COLUMNS:
        if column in said:
            return instant(said[column])
    return _time_in(said[_PROPERTIES].encode()) if _PROPERTIES in said else None


def _time_in(properties: bytes) -> float | None:
    """Event time in the JSON of a row. Some jobs of Stream Analytics write the names in small letters."""
    time = time_of(properties)
    if time is not None:
        return time
    small = properties.lower()
    for name in _COLUMNS:
        key = f'"{name}"'.encode()
        at = small.find(key)
        if at >= 0 and (value := _VALUE.match(properties, at + len(key))):
            return instant(value.group(1))
    return None


class Glance:
    """First and last time in a chunk of many records; remembers which member the file uses, so as to look once."""

    def __init__(self) -> None:
        self._keys = list(_KEYS)

    def first(self, data: bytes) -> float | None:
        """Time of about the first record."""
        if data.find(_INVENTORY, 0, _HEAD) >= 0:
            return time_of(data)
        for number, key in enumerate(self._keys):
            at = data.find(key)
            if at >= 0:
                if number:
                    self._keys.insert(0, self._keys.pop(number))
                value = _VALUE.match(data, at + len(key))
                return instant(value.group(1)) if value else None
        return None

    def last(self, data: bytes) -> float | None:
        """Time of about the last record."""
        for key in self._keys if data.find(_INVENTORY, 0, _HEAD) < 0 else (_SEEN,):
            at = data.rfind(key)
            if at >= 0:
                value = _VALUE.match(data, at + len(key))
                return instant(value.group(1)) if value else None
        return None
