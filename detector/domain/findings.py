"""Findings: a signal that a detector judged worth saying."""

from __future__ import annotations

from typing import Literal

import msgspec

from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal

Severity = Literal["info", "low", "medium", "high", "critical"]

SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
"""Rising order."""


class Finding(msgspec.Struct, frozen=True):
    """What one detector concluded from one signal."""

    detector: str
    catalogue_ids: tuple[str, ...]
    subject: Key
    occasion: str
    """With tenant, detector and subject this makes the alert id: a window start, a novel value or a record id."""
    severity: Severity
    title: str
    explanation: str
    """One plain sentence with the numbers."""
    signal: Signal
    facts: dict[str, Fact] = {}
    sort: str = ""
    """Which findings of this detector it is counted with when it is asked how often such come: what a person would call
    the same thing again, like a change of the same kind or a refusal by the same policy."""
