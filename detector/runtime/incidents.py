"""The incidents of a store: made of the alerts that it keeps, and of what it remembers of the directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any, Final

import msgspec

from detector.domain.alerts import Alert
from detector.domain.findings import SEVERITIES
from detector.domain.incidents import Incident
from detector.engine.incidents import incidents_of
from detector.engine.naming import rfc3339
from detector.engine.state import decoder
from detector.errors import SnapshotError
from detector.features.inventory import ObjectMemory
from detector.features.memory import FleetMemory, TenantMemory
from detector.runtime.replay import moment_of_reading
from detector.stores.alerts import Alerts, Filter
from detector.stores.overview import overview
from detector.stores.records import StateRow

_TABLES: Final[dict[str, tuple[str, Any]]] = {"object": ("objects", ObjectMemory), "fleet": ("fleets", FleetMemory)}
"""Kinds of rows that a blast radius is made of: the field of `TenantMemory`, and the type of its values."""
_DAY: Final = 86_400.0


def stored_incidents(directory: Path, wanted: Filter) -> list[Incident]:
    """The incidents of a store, in order of their first alert; a service may be at work on it.

    Args:
        directory: Of the store.
        wanted: `since` and `until` choose incidents that have an alert in between, told whole; `least` those of at
            least that severity; the rest chooses alerts.

    Raises:
        StoreError: There is no store, or it cannot be read.
        SnapshotError: It holds memory in a form that this release does not read.
    """
    whole = replace(wanted, least="info", since=_start(wanted.since), until=-_start(-wanted.until))
    with Alerts.open(directory, now=moment_of_reading) as alerts:
        found = [alert for alert in (_alert(stored.document) for stored in alerts.find(whole)) if alert is not None]
    tenants = tenants_of(overview(directory, _TABLES).rows)
    since = "" if wanted.since == -inf else rfc3339(wanted.since)
    until = "~" if wanted.until == inf else rfc3339(wanted.until)
    floor = SEVERITIES.index(wanted.least)
    return [
        incident
        for incident in incidents_of(found, tenants)
        if SEVERITIES.index(incident.severity) >= floor and since <= incident.last and incident.first < until
    ]


def tenants_of(rows: list[StateRow]) -> Mapping[str, TenantMemory]:
    """The part of memory that these rows are.

    Raises:
        SnapshotError: A row is none that this release writes.
    """
    tenants: dict[str, TenantMemory] = {}
    for row in rows:
        table, kind = _TABLES[row.kind]
        assert row.payload is not None, "a deleted row is not stored"
        try:
            value = decoder(kind).decode(row.payload)
        except msgspec.MsgspecError as error:
            raise SnapshotError(f"A row of the kind {row.kind!r} cannot be read: {error}.") from None
        getattr(tenants.setdefault(row.tenant, TenantMemory()), table)[row.id] = value
    return tenants


def _start(time: float) -> float:
    """The start of the day of a time."""
    return time if abs(time) == inf else time // _DAY * _DAY


def _alert(document: bytes) -> Alert | None:
    """The alert of a document; `None` when it is of another release."""
    try:
        return msgspec.json.decode(document, type=Alert)
    except msgspec.MsgspecError:
        return None
