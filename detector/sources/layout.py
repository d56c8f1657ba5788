"""What the name of an archived file says: which log, whose, and of which time.

Diagnostic settings archive to a storage account as
`insights-logs-<category>/tenantId=<tenant>/y=2026/m=07/d=16/h=13/m=00/PT1H.json`
(https://learn.microsoft.com/azure/azure-monitor/essentials/resource-logs#send-to-azure-storage), Log Analytics exports
its tables as `am-<table>/WorkspaceResourceId=/.../y=2026/m=07/d=16/h=13/m=05/PT05M.json`, and Event Hubs Capture writes
`<namespace>/<hub>/<partition>/2026/07/16/13/05/27.avro`
(https://learn.microsoft.com/azure/event-hubs/event-hubs-capture-overview). Whether the hour is that of the event or of
its arrival is told differently in different places, so nothing here relies on either.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Final

import msgspec

HOUR: Final = 3600.0
_CONTAINER: Final = re.compile(r"(?:^|/)(?:insights-logs-|am-)([^/]+)/", re.IGNORECASE)
_TENANT: Final = re.compile(r"(?:^|/)tenantid=([^/]+)/", re.IGNORECASE)
_TREE: Final = re.compile(r"(?:^|/)y=(\d{4})(?:/m=(\d\d)(?:/d=(\d\d)(?:/h=(\d\d)(?:/m=(\d\d))?)?)?)?/", re.IGNORECASE)
_CAPTURE: Final = re.compile(r"/\d{1,4}/(\d{4})/(\d\d)/(\d\d)/(\d\d)/(\d\d)/(\d\d)\.avro$", re.IGNORECASE)
_LONGEST_CAPTURE: Final = 900.0
"""Seconds of arrival that a file of Event Hubs Capture holds at most."""


class Slot(msgspec.Struct, frozen=True):
    """What a name says."""

    start: float
    """Beginning of the time that it names, seconds since the epoch, UTC."""
    end: float
    category: str | None = None
    """Name of the log as in the name of the container, lower case."""
    tenant: str | None = None
    """Lower case."""


class Wanted(msgspec.Struct, frozen=True):
    """Which archived files are read. One whose name says nothing is always read."""

    since: float = -inf
    """Event time, seconds since the epoch, UTC."""
    until: float = inf
    categories: Collection[str] = frozenset()
    """Lower case; none: all."""
    tenants: Collection[str] = frozenset()
    """Lower case; none: all."""
    spread: float = 2 * HOUR
    """Seconds before and behind the window whose files are read too: a record lies under the hour of its arrival."""

    def keeps(self, slot: Slot) -> bool:
        """Whether a file may hold something that is wanted."""
        return (
            slot.end > self.since - self.spread
            and slot.start < self.until + self.spread
            and self.keeps_category(slot.category)
            and (not self.tenants or slot.tenant is None or slot.tenant in self.tenants)
        )

    def keeps_category(self, category: str | None) -> bool:
        """Whether this log is wanted."""
        return not self.categories or category is None or category in self.categories


def slot_of(name: str) -> Slot | None:
    """What a path or address says; `None` when it names no time.

    A folder's name, ending in a slash, names all that lies within.
    """
    container, tenant = _CONTAINER.search(name), _TENANT.search(name)
    captured = _CAPTURE.search(name)
    try:
        if captured is not None:
            start = datetime(*map(int, captured.groups()), tzinfo=UTC)  # type: ignore[misc, arg-type]
            end = start + timedelta(seconds=_LONGEST_CAPTURE)
        else:
            tree = _TREE.search(name)
            if tree is None:
                return None
            parts = [int(part) for part in tree.groups() if part is not None]
            start, end = _span(parts)
    except ValueError:
        return None
    return Slot(
        start.timestamp(),
        end.timestamp(),
        category_of(container.group(1)) if container is not None else None,
        tenant.group(1).lower() if tenant is not None else None,
    )


def category_of(container: str) -> str:
    """Name of a log as archives spell it."""
    return container.lower().removeprefix("insights-logs-").removeprefix("am-")


def _span(parts: list[int]) -> tuple[datetime, datetime]:
    """First moment, and the first moment behind, of a year, month, day, hour or minute of an hour."""
    year, month, day, hour, minute = (*parts, *(1, 1, 1, 0, 0)[len(parts) :])
    start = datetime(year, month, day, hour, minute, tzinfo=UTC)
    match len(parts):
        case 1:
            return start, start.replace(year=year + 1)
        case 2:
            return start, (start + timedelta(days=31)).replace(day=1)
        case 3:
            return start, start + timedelta(days=1)
        case _:
            return start, start + timedelta(hours=1)
