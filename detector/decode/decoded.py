"""What decoding one body gives."""

from __future__ import annotations

from collections import Counter

import msgspec

from detector.domain.events import Event
from detector.domain.quarantine import Quarantined


class Decoded(msgspec.Struct, gc=False):
    """Events in the order of the body, and an account of every record that gave none.

    `received == len(events) + len(quarantined) + filtered.total()`.
    """

    events: list[Event]
    quarantined: list[Quarantined] = []
    filtered: Counter[str] = msgspec.field(default_factory=Counter)
    """By `FilterReason`."""
    unknown: Counter[str] = msgspec.field(default_factory=Counter)
    """Spellings never seen before, e.g. `category:foologs` or `agentType:agenticThing`; few and short."""
    flows: dict[tuple[str, str], set[int]] = {}
    """(tenant id, category) to the ten-minute buckets of event time, since the epoch, in which there are records."""
