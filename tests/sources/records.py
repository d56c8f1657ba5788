"""Records that say hardly more than when they happened."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from detector.sources.chunk import Chunk
from detector.sources.ordering import records_of

START = datetime(2026, 10, 5, tzinfo=UTC)


def stamp(second: float) -> str:
    return (START + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")


def record(second: float, name: str = "r") -> bytes:
    properties = {"id": f"{name}-{second}", "createdDateTime": stamp(second)}
    document = {"time": stamp(second + 60), "category": "ServicePrincipalSignInLogs", "properties": properties}
    return json.dumps(document).encode()


def message(seconds: Iterable[float]) -> bytes:
    return b'{"records": [' + b", ".join(record(second) for second in seconds) + b"]}"


def seconds_of(chunks: Iterable[Chunk]) -> list[float]:
    """The moments of all records, in the order in which they came."""
    found: list[float] = []
    for chunk in chunks:
        for each in records_of(chunk):
            if isinstance(each, bytes):
                said = re.findall(rb'"createdDateTime": ?"(\d{4}-[01]\d-\d\dT\d\d:\d\d:\d\d[.0-9]*Z)"', each)
                found += [seconds_since_start(text.decode()) for text in said]
            else:
                found.append(seconds_since_start(each["CreatedDateTime"]))
    return found


def seconds_since_start(text: str) -> float:
    return (datetime.fromisoformat(text) - START).total_seconds()
