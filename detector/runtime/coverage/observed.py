"""Which log categories came, and when last: as a store remembers it, or as an archive shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from detector.decode.decoded import Decoded
from detector.decode.decoder import Decoder
from detector.decode.flows import BUCKET
from detector.domain.events import Deployment, InventoryObject
from detector.errors import SnapshotError
from detector.features.flow import Flow
from detector.features.inventory import Stamp
from detector.features.runs import Run
from detector.runtime.replay import decode_chunk
from detector.sources.chunk import Chunk
from detector.stores.overview import Raised, overview
from detector.stores.records import StateRow


class _Object(msgspec.Struct):
    """Of the memory of a directory object: when it was observed last."""

    seen: Stamp


_OWN: Final[dict[type, str]] = {InventoryObject: "AgentInventory", Deployment: "DeploymentRecords"}
_FORMS: Final[dict[str, Any]] = {"flow": Flow, "object": _Object, "run": Run, "handshake": float}
"""Kinds of rows that tell what came, and how to read them."""


@dataclass(slots=True)
class Observed:
    """What came."""

    latest: dict[str, float] = field(default_factory=dict)
    """Log category to the event time of its newest record, seconds since the epoch; of logs to ten minutes."""
    raised: Mapping[str, Raised] | None = None
    """Stored alerts by detector; `None` when there is no store."""
    counters: Mapping[str, int] | None = None
    """The account of the store."""

    @property
    def newest(self) -> float | None:
        """Event time of the newest record of all."""
        return max(self.latest.values(), default=None)

    def note(self, category: str, time: float) -> None:
        """A record of a category came."""
        self.latest[category] = max(self.latest.get(category, time), time)


def from_store(directory: Path, observed: Observed) -> None:
    """Adds what a store remembers, whether a service is at work on it or not.

    Raises:
        StoreError: There is no store, or it cannot be read.
        SnapshotError: It holds memory in a form that this release does not read.
    """
    found = overview(directory, _FORMS)
    observed.counters, observed.raised = found.counters, found.raised
    for row in found.rows:
        time = _time_of(row)
        if time is not None:
            observed.note(row.id if row.kind == "flow" else _category(row.kind), time)


def from_archive(
    source: Iterable[Chunk], decoder: Decoder, observed: Observed, on_progress: Callable[[], None] | None = None
) -> None:
    """Adds what archived records are; nothing is judged."""
    for chunk in source:
        decoded = decode_chunk(decoder, chunk)
        for (_, category), buckets in decoded.flows.items():
            observed.note(category, float(max(buckets) * BUCKET))
        _note_own(decoded, observed)
        if on_progress is not None:
            on_progress()


def _note_own(decoded: Decoded, observed: Observed) -> None:
    kinds = set(map(type, decoded.events))
    for kind, category in _OWN.items():
        if kind in kinds:
            observed.note(category, max(event.time for event in decoded.events if type(event) is kind))


def _category(kind: str) -> str:
    return "AgentInventory" if kind == "object" else "DeploymentRecords"


def _time_of(row: StateRow) -> float | None:
    """When the newest record came that a row tells of; `None` for a row that tells of none."""
    assert row.payload is not None, "a deleted row is not stored"
    try:
        value = msgspec.msgpack.decode(row.payload, type=_FORMS[row.kind])
    except msgspec.MsgspecError as error:
        raise SnapshotError(f"A row of the kind {row.kind!r} cannot be read: {error}.") from None
    match value:
        case Flow():
            bucket = max(value.last, *value.waiting[-1:], -1) if row.id else -1
            return None if bucket < 0 else float(bucket * BUCKET)
        case _Object():
            return value.seen[0]
        case Run():
            return max((word.time for word in value.words), default=None)
        case _:
            return float(value)
