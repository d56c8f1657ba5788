"""D28: an identity fails to get tokens far more often in an hour than it ever does.

Catches: guessing, probing, a revoked or wrong credential in a loop.
Misses: a few failures among few requests (D29); failures spread over many identities (D32).
Noisy on: broken deployments. Service errors and throttling are left out.
Reads: failure_burst.
ATT&CK: T1110. Runbook: docs/detectors/failure_burst.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, odds, text, words
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureBurst:
    """Thresholds."""

    name: ClassVar[str] = "failure_burst"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D28",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("failure_burst",)
    attack: ClassVar[tuple[str, ...]] = ("T1110",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A deployment with a wrong, expired or not yet replicated credential.",
        "A permission or consent that was withdrawn while the agent keeps asking.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Group the failures of the hour by error code and address.",
        "Compare the address with the agent's usual network: guessing comes from elsewhere.",
        "See whether a success followed from the same address; if so treat the credential as stolen.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-6
    """Tail probability that the burst must fall below."""
    high_count: Annotated[int, Gt(0)] = 100
    """Failures in the hour from which on the alert is high rather than medium."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if signal.p_value >= self.p_value:
            return None
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="high" if signal.value >= self.high_count else "medium",
            title=f"{amount(signal.value)} failed token requests within an hour",
            explanation=(
                f"{amount(signal.value)} token requests failed in 1 hour, the latest with error "
                f"{text(signal.facts.get('error_code'))} ({words(signal.facts.get('class'))}); expected about "
                f"{amount(signal.usual)}, learned from {amount(signal.seen)} active hours ({odds(signal.p_value)})."
            ),
            signal=signal,
        )
