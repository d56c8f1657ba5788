"""D38: Identity Protection holds an agent to be at risk.

Catches: what Microsoft's own detections say of agents and service principals.
Misses: what happened in the hours or days that these detections take; agents too young or idle for them.
Noisy on: nothing known; a low level with the state none, which nearly every workload shows, is not said.
Reads: risk.
ATT&CK: T1078.004. Runbook: docs/detectors/risk_raised.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from detector.detectors.wording import duration, number, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind

_SEVERITIES: Final[dict[str, Severity]] = {"low": "low", "medium": "medium", "high": "high", "confirmed": "critical"}
_GRADES: Final = {
    "low": "at risk",
    "medium": "at medium risk",
    "high": "at high risk",
    "confirmed": "confirmed to be compromised",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRaised:
    """Thresholds."""

    name: ClassVar[str] = "risk_raised"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D38",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("risk",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A release that made the agent busier, or gave it new resources.",
        "A test of the response to risk.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Open the detection in the portal: it shows the sign-ins behind it.",
        "Look at what this detector said of the agent in the hours before the activity.",
        "If it is not explained, disable the agent; if it is, dismiss the risk there.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        grade = str(facts.get("grade"))
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=_SEVERITIES[grade],
            title=f"{_GRADES[grade].capitalize()}: {text(facts.get('target_name'))}",
            explanation=(
                f"Identity Protection says that {text(facts.get('target_name'))} is {_GRADES[grade]}{_why(facts)}."
            ),
            signal=signal,
        )


def _why(facts: Mapping[str, Fact]) -> str:
    """What was seen, and how long before it was said."""
    if not facts.get("words"):
        return ""
    behind = number(facts.get("behind"))
    when = f", {duration(behind)} before it said so" if behind >= 1.0 else ""
    return f": it saw {text(facts.get('words'))}{when}"
