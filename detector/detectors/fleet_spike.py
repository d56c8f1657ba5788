"""D02: the agents of one blueprint together ask for far more tokens than they ever do.

Catches: a stolen blueprint credential spread over many agents, each only a little busier.
Misses: what a few quiet agents add to a busy fleet; what one agent does alone is token_spike's.
Noisy on: customer growth within days, product launches.
Reads: token_rate of a blueprint's agents together.
ATT&CK: T1078.004, T1496.004. Runbook: docs/detectors/fleet_spike.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt

from detector.detectors.wording import amount, number, span
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSpike:
    """Thresholds; what counts as a spike at all is set under `rates`."""

    name: ClassVar[str] = "fleet_spike"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D02",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("token_rate",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004", "T1496.004")
    innocent: ClassVar[tuple[str, ...]] = (
        "A launch, a campaign or month-end: many users of the product at once.",
        "A deployment that restarted every replica and emptied their token caches.",
        "An outage of a resource that made every agent retry.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Compare the agents of the blueprint: did all rise alike (launch) or from one address or key id (theft)?",
        "List the blueprint's credentials used in the window and where from.",
        "If the credential is not where it should be, disable the blueprint: that stops every agent at once.",
    )

    enabled: bool = True
    high_ratio: Annotated[float, Gt(1)] = 30.0
    """Multiple of the expected count from which on the alert is high rather than medium."""
    high_days: Annotated[float, Ge(0)] = 3.0
    """Days that the blueprint must have been known for, for that: three days hold a working day."""
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-7
    """Tail probability that a spike must fall below to be said."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if not signal.facts.get("fleet") or signal.p_value >= self.p_value:
            return None
        seconds = number(signal.facts.get("span"))
        known = number(signal.facts.get("known_days")) >= self.high_days
        window, hour = span(seconds), " at this hour" if seconds <= 3600 else ""
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="high" if known and signal.value >= self.high_ratio * signal.usual else "medium",
            title=f"Token-request spike of a whole blueprint: {amount(signal.value)} in {window}",
            explanation=(
                f"The agents of this blueprint made {amount(signal.value)} token requests in {window}, besides "
                f"{amount(number(signal.facts.get('busiest_agent')))} of the busiest one; expected of all about "
                f"{amount(signal.usual)}{hour}, learned from {amount(signal.seen)} active periods of {window}."
            ),
            signal=signal,
            sort=window,
        )
