"""In which ten minutes of event time a body has records of each log category: what shows that one has run dry.

Categories are told by the structure that a record was read into, so their number is bounded. The product's own
categories are left out: they flow whether the export of the logs does or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Final

from detector.domain.events import Access, Event

BUCKET: Final = 600
"""Seconds."""

OWN: Final = frozenset({"AgentInventory", "DeploymentRecords"})

_tenant_of: Final = attrgetter("tenant_id")

Flows = dict[tuple[str, str], set[int]]
"""(tenant id, category) to buckets since the epoch."""


def category_of(kind: Any) -> str:  # noqa: ANN401 -- a structure of records
    """The diagnostic category whose records are read into a structure."""
    return str(kind.__struct_config__.tag)


def flow_of_sign_ins(flows: Flows, category: str, times: Sequence[float], accesses: Sequence[Access]) -> None:
    """Notes a run of sign-ins; most often they are of one tenant."""
    tenants = set(map(_tenant_of, accesses))
    if len(tenants) > 1:
        for access, time in zip(accesses, times, strict=True):
            flows.setdefault((access.tenant_id, category), set()).add(int(time) // BUCKET)
        return
    flow_of_tenant(flows, tenants.pop(), category, times, min(times), max(times))


def flow_of_tenant(
    flows: Flows, tenant_id: str, category: str, times: Sequence[float], earliest: float, latest: float
) -> None:
    """Notes a run of sign-ins of one tenant; most often they are of the same ten minutes."""
    first, last = int(earliest) // BUCKET, int(latest) // BUCKET
    buckets = flows.setdefault((tenant_id, category), set())
    if last - first <= 1:
        buckets.update((first, last))
    else:
        buckets.update({int(time) // BUCKET for time in times})


def flow_of_others(flows: Flows, category: str, events: Iterable[Event]) -> None:
    """Notes a run of records of another category."""
    if category not in OWN:
        for event in events:
            flows.setdefault((event.tenant_id, category), set()).add(int(event.time) // BUCKET)  # type: ignore[union-attr]
