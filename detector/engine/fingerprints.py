"""By what a record is recognised when it comes again: a 64-bit hash of its id."""

from __future__ import annotations

from typing import Final

from xxhash import xxh3_64_intdigest

from detector.domain.events import Change, Deployment, Event, GraphActivity, InventoryObject, Risk

SEEDS: Final[dict[type, int]] = {Change: 1, Risk: 2, GraphActivity: 3, InventoryObject: 4, Deployment: 5}
"""Record ids of different families of records never meet; all sign-in categories share one family, 0."""


def fingerprint(event: Event) -> int:
    """The hash under which `Admission` remembers a record; the engine's loop has the same written out in place."""
    return xxh3_64_intdigest(event.record_id.encode(), SEEDS.get(type(event), 0))
