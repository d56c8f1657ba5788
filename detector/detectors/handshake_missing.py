"""D84: an agent worked in production before it had passed the handshake.

Catches: agents that go live without the checks that the manifest demands of them.
Misses: agents whose manifest entry does not say `handshake: required`, or not `environment: production`.
Noisy on: the first day with the manifest: record the handshakes of agents that live already.
Reads: declaration.
ATT&CK: hygiene, no technique. Runbook: docs/detectors/handshake_missing.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import clock, counted, number, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeMissing:
    """Thresholds; who must have passed stands in the manifest."""

    name: ClassVar[str] = "handshake_missing"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D84",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("declaration",)
    attack: ClassVar[tuple[str, ...]] = ()
    innocent: ClassVar[tuple[str, ...]] = (
        "The handshake was passed and its record was not sent.",
        "The agent went live before handshakes were demanded.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the owner for the checklist; send its record if it was passed.",
        "If it was not, disable the agent until it is.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "handshake_missing":
            return None
        severity: Severity = "medium"
        known = counted(number(facts.get("handshakes_known")), "handshake")
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title="In production without the handshake",
            explanation=(
                f"{text(facts.get('agent_name'))} got tokens in production in the hour to {clock(signal.window[1])} "
                f"UTC, and no passed handshake of it had been recorded by then ({known} of agents on record)."
            ),
            signal=signal,
        )
