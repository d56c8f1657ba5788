"""D29: an unusual share of an identity's token requests fails over six hours, however few there are.

Catches: a quiet agent whose requests suddenly fail, probing at low volume.
Misses: what is over within minutes and rare (D28 for bursts).
Noisy on: agents that fail half of the time by design, until that is learned.
Reads: failure_ratio, once a window is final.
ATT&CK: T1110. Runbook: docs/detectors/failure_ratio.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, number, odds, words
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRatio:
    """Thresholds."""

    name: ClassVar[str] = "failure_ratio"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D29",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("failure_ratio",)
    attack: ClassVar[tuple[str, ...]] = ("T1110",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A credential, consent or role assignment that lapsed.",
        "A resource that was retired while the agent keeps asking for it.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Group the failures of the window by error code and resource.",
        "Check credential end dates and recent permission changes of the agent and its blueprint.",
        "If the failing requests come from an address of their own, handle them as an attack.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-6
    """Tail probability that the share must fall below."""
    share: Annotated[float, Gt(0), Lt(1)] = 0.15
    """Least share of failures worth saying."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if signal.p_value >= self.p_value or signal.value < self.share:
            return None
        classes = signal.facts.get("class")
        most = words(classes[0] if isinstance(classes, tuple) and classes else None)
        failures, attempts = number(signal.facts.get("failures")), number(signal.facts.get("attempts"))
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title=f"{signal.value:.0%} of token requests failed",
            explanation=(
                f"{amount(failures)} of {amount(attempts)} token requests failed in 6 hours (mostly {most}); usually "
                f"{signal.usual:.1%} do, learned from {amount(signal.seen)} requests ({odds(signal.p_value)})."
            ),
            signal=signal,
        )
