"""D92: a log category has been silent for longer than ever while others flow.

Catches: a diagnostic setting that was switched off or narrowed, an export that stalls or lags by hours, category by
category.
Misses: an export that stops as a whole (the metrics of the source tell of that); categories younger than a week.
Noisy on: categories with a few records a week, until their longest silence is known.
Reads: log_gap.
ATT&CK: T1562.008. Runbook: docs/detectors/log_gap.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from detector.detectors.wording import duration, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGap:
    """Thresholds."""

    name: ClassVar[str] = "log_gap"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D92",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("log_gap",)
    attack: ClassVar[tuple[str, ...]] = ("T1562.008",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A disturbance of the export on Microsoft's side.",
        "A quiet time that comes rarely, such as a holiday.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Look at the diagnostic settings of the tenant: is the category still exported, and who changed that?",
        "Compare with the sign-in and audit logs in the portal for the same hours.",
        "Treat what happened in the gap as unseen: read it from the portal or Graph, and replay it here.",
    )

    enabled: bool = True
    shortest: Annotated[float, Ge(3600)] = 3600.0
    """Seconds of silence below which nothing is said; at least an hour."""
    ratio: Annotated[float, Ge(1)] = 5.0
    """How many times the longest usual silence it must have lasted."""
    min_seen: Annotated[float, Ge(1)] = 1008.0
    """Ten-minute stretches with records since the category was first seen; 1008 are a week."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if signal.seen < self.min_seen or signal.value <= max(self.shortest, self.ratio * signal.usual):
            return None
        usual = f"it was never silent for more than {duration(signal.usual)}" if signal.usual else "it was never silent"
        came = "came for" if facts.get("over") else "has come for"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title=f"No records of {text(facts.get('category'))}",
            explanation=(
                f"No record of {text(facts.get('category'))} {came} {duration(signal.window[1] - signal.window[0])} "
                f"while other categories flowed; in the weeks before, {usual}."
            ),
            signal=signal,
        )
