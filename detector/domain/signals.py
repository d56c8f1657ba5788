"""Signals: what a feature says when something changed, and nothing otherwise."""

from __future__ import annotations

from typing import Literal

import msgspec

from detector.domain.events import Event
from detector.domain.keys import Key

SignalKind = Literal[
    "token_rate",
    "busy",
    "off_schedule",
    "silence",
    "together",
    "mix",
    "drift",
    "api_spread",
    "api_novelty",
    "early_life",
    "network_novelty",
    "failure_burst",
    "failure_ratio",
    "credential_failure",
    "success_after_failures",
    "secret_spray",
    "change",
    "credential_use",
    "flow",
    "concurrency",
    "policy_block",
    "policy_outage",
    "risk",
    "sequence",
    "dormancy",
    "disabled_use",
    "inventory",
    "declaration",
    "deployment",
    "log_gap",
    "unusual_hour",
]

Fact = str | int | float | bool | None | tuple[str, ...]


class Signal(msgspec.Struct, frozen=True):
    """One observation that departs from what the feature remembers of its key."""

    kind: SignalKind
    key: Key
    """Whose memory spoke: the subject of any finding."""
    time: float
    """Event time of the event that tipped it, seconds since the epoch, UTC."""
    window: tuple[float, float]
    """Start and end (exclusive) of the bucket judged, seconds since the epoch; equal for a single record."""
    occasion: str
    """What makes this signal the same one when told again: a window, a value or a record id; never a clock."""
    value: float
    """What was seen, in `unit`."""
    usual: float
    """What the baseline expects, in `unit`."""
    unit: str
    p_value: float
    """Probability of a value at least this extreme if nothing is wrong, in (0, 1]; 1.0 where no model speaks."""
    seen: float
    """Experience behind `usual`: buckets or events of this key that the baseline had learned from."""
    event: Event | None
    """The event that tipped it; `None` for a signal that a tick produced."""
    facts: dict[str, Fact] = {}
    """Further numbers and names for the explanation and the evidence."""
    record_ids: tuple[str, ...] = ()
    """Records that support it, the tipping one last; bounded."""
    addresses: tuple[str, ...] = ()
    """Where it came from, if there is no `event` that says so."""
    patient: bool = False
    """Whether nothing is lost by waiting until no earlier record of the same occasion can come."""
    first_seen: float | None = None
    """Event time of the earliest record that belongs to it."""
    last_seen: float | None = None


def occurrence(
    kind: SignalKind,
    key: Key,
    time: float,
    occasion: str,
    unit: str,
    facts: dict[str, Fact],
    event: Event | None,
    *,
    patient: bool = False,
) -> Signal:
    """A signal that something happened at `time` which is worth a word by itself: no model and no experience speak."""
    return Signal(
        kind=kind,
        key=key,
        time=time,
        window=(time, time),
        occasion=occasion,
        value=1,
        usual=0,
        unit=unit,
        p_value=1.0,
        seen=0,
        event=event,
        facts=facts,
        patient=patient,
    )
