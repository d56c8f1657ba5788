"""D09: one agent gets tokens for unusually many resources within an hour.

Catches: sweeps that try what a stolen identity can reach.
Misses: a slow sweep of one resource a day (D10, D107).
Noisy on: agents whose work is to call everything (scanners, brokers) in their first days.
Reads: api_spread.
ATT&CK: T1526, T1087.004. Runbook: docs/detectors/api_spread.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, number, odds, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSpread:
    """Thresholds."""

    name: ClassVar[str] = "api_spread"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D09",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("api_spread",)
    attack: ClassVar[tuple[str, ...]] = ("T1526", "T1087.004")
    innocent: ClassVar[tuple[str, ...]] = (
        "A release that gave the agent several new tools at once.",
        "A health check or integration test that touches every dependency.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "List the resources of the hour and mark those the agent never used before.",
        "Check for a deployment of the agent or its blueprint in the hours before.",
        "If nothing explains it, disable the agent identity and review what the new tokens were used for.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-4
    """Tail probability that the spread must fall below."""
    min_seen: Annotated[float, Gt(0)] = 12.0
    """Active hours the agent must have shown."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if signal.seen < self.min_seen or signal.p_value >= self.p_value:
            return None
        unknown = number(signal.facts.get("unknown"))
        new = f"{amount(unknown)} of them new to it" if unknown else "all of them known to it"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="high" if unknown >= 3 else "medium",
            title=f"{amount(signal.value)} different resources within an hour",
            explanation=(
                f"{text(signal.facts.get('agent_name'))} got tokens for {amount(signal.value)} different resources in "
                f"1 hour, {new}; usually {amount(signal.usual)} in an active hour, learned from "
                f"{amount(signal.seen)} of them ({odds(signal.p_value)})."
            ),
            signal=signal,
        )
