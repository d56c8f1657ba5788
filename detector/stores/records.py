"""What goes into a store and comes out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from detector.domain.delivery import Position
from detector.domain.findings import Severity
from detector.domain.quarantine import Quarantined

Opening = Literal["new", "kept", "restored", "lost"]
"""How a store came to be open: made now, as it was left, from a snapshot, or empty because nothing was usable."""

DeliveryStatus = Literal["pending", "sent", "dead"]
"""Where an alert stands with one sink; `dead` letters were refused for good."""


class StateRow(NamedTuple):
    """The memory under one key; the store does not look into `payload`."""

    kind: str
    tenant: str
    id: str
    payload: bytes | None
    """`None` deletes the row."""
    version: int = 1
    """Version of the form of `payload`."""


class CoreRow(NamedTuple):
    """Memory that hangs under no key: watermark, what was said, what is parked."""

    name: str
    payload: bytes | None
    """`None` deletes the row."""
    version: int = 1


HELD: Final = 0
"""What stands in the place of a suppression's number for an alert that the engine held back."""


class NewAlert(NamedTuple):
    """An alert that a batch raised."""

    id: str
    time: float
    """Event time, seconds since the epoch, UTC."""
    severity: Severity
    detector: str
    subject: str
    """Id of whom it is about: what suppressions and fairness go by."""
    document: bytes
    """The alert document as JSON, see docs/alert.schema.json."""
    sinks: tuple[str, ...]
    """Names of the sinks that get it."""
    held: bool = False
    """Whether the engine held it back: it is stored and sent to nobody."""


class Inflight(NamedTuple):
    """Messages that were in work when the process died."""

    partition: str
    first: int
    """Sequence number, first and last inclusive."""
    last: int
    crashes: int
    """Times in a row that the process died on this range or one that it was part of."""
    alone: int
    """Times that it died while `first`, as the only message, was in work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """All that one batch changes. Every value is absolute, so a commit that failed can be repeated as it is."""

    state: Sequence[StateRow] = ()
    core: Sequence[CoreRow] = ()
    positions: Mapping[str, Position] = field(default_factory=dict)
    """Per partition. One with a smaller sequence number than the stored one is ignored, and told as a fact."""
    identities: Mapping[str, str] = field(default_factory=dict)
    """Per source, the text by which a hub that was made anew under the same name is told from the old one."""
    digests: Mapping[int, bytes] = field(default_factory=dict)
    """Hour of event time to hashes of record ids seen in this batch, packed little-endian unsigned 64-bit."""
    forget_before: int | None = None
    """Digests of hours before this one are forgotten."""
    counters: Mapping[str, int] = field(default_factory=dict)
    """Accounting and other counts, as totals since ever."""
    alerts: Sequence[NewAlert] = ()
    quarantined: Sequence[Quarantined] = ()


class Committed(NamedTuple):
    """What became of the alerts of a commit."""

    new: tuple[str, ...]
    """Ids stored now that will be sent."""
    suppressed: tuple[str, ...]
    """Ids stored now that will not be sent."""
    known: tuple[str, ...]
    """Ids stored earlier: nothing was done about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """All that an engine needs to go on."""

    opening: Opening
    state: Iterator[StateRow]
    """Streamed: to be used up before the first commit. Raises `StoreCorrupted` for a row that does not check."""
    core: dict[str, CoreRow]
    positions: dict[str, Position]
    identities: dict[str, str]
    digests: dict[int, bytes]
    """Hour to packed hashes; one may be there more than once."""
    counters: dict[str, int]
    inflight: dict[str, Inflight]
    """By partition; only where the process died at work."""


class OutboxRow(NamedTuple):
    """An alert that a sink has to get."""

    alert_id: str
    severity: Severity
    subject: str
    document: bytes
    attempts: int
    """Times that sending it was tried and failed."""
    created: float
    """When it was stored, wall clock, seconds since the epoch."""


class Depth(NamedTuple):
    """How much a sink has waiting."""

    rows: int
    oldest: float
    """When the oldest was stored, wall clock, seconds since the epoch."""


class Dispatch(NamedTuple):
    """Where an alert stands with one sink."""

    sink: str
    status: DeliveryStatus
    attempts: int
    changed: float
    reason: str | None
    """What the sink said when it refused."""


class Acknowledgement(NamedTuple):
    """Somebody has seen to an alert."""

    alert_id: str
    who: str
    at: float
    note: str


class Suppression(NamedTuple):
    """Alerts about one subject that shall be stored and not sent."""

    id: int
    subject: str
    """Object id or app id, exactly."""
    detector: str | None
    """`None`: whichever detector."""
    owner: str
    reason: str
    starts: float
    """Event time from which it applies, seconds since the epoch, UTC."""
    expires: float
    """Event time from which it no longer applies."""
    created: float
    hits: int
    """Alerts that were not sent because of it."""


class InForce(NamedTuple):
    """Suppressions that have not ended."""

    number: int
    expiry: float | None
    """When the first ends of those that were made for more than a week; `None` when there is none."""


class StoredAlert(NamedTuple):
    """An alert with everything that happened to it."""

    id: str
    time: float
    severity: Severity
    detector: str
    subject: str
    suppressed_by: int | None
    created: float
    document: bytes
    acknowledgements: tuple[Acknowledgement, ...]
    dispatches: tuple[Dispatch, ...]
