"""D05: an agent is at work nearly all of the time for two hours in which it usually is not.

Catches: work at hours that are not its own, beacons; also of sparse agents.
Misses: a burst of minutes (D01), runs between the runs of a schedule (D04), theft at the agent's own busiest hours.
Noisy on: backfills; agents that take up new work.
Reads: busy.
ATT&CK: T1078.004. Runbook: docs/detectors/busy_stretch.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, clock, factor_of_siblings, odds, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyStretch:
    """Thresholds."""

    name: ClassVar[str] = "busy_stretch"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D05",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("busy",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    hours: ClassVar[int] = 2
    """Hours that it looks at."""
    innocent: ClassVar[tuple[str, ...]] = (
        "A backfill or a late run by the owning team.",
        "New work for this agent alone.",
        "A person who tries something out by means of the agent.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "List the sign-ins of the agent in the window by address, resource and key id, and look at the gaps.",
        "Ask the sponsor whether anybody had work done at that time.",
        "If nothing explains it, disable the agent identity and rotate the blueprint's credential.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-4
    """Tail probability that the number of busy periods must fall below."""
    floor: Annotated[int, Gt(0)] = 5
    """Busy periods below which nothing is said."""
    min_days: Annotated[float, Gt(0)] = 5.0
    """Days that the agent must have been known for, one like the day that is judged (working or not) among them."""

    @property
    def ripens(self) -> float:
        """Days of a tenant in which it cannot speak."""
        return self.min_days

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if signal.facts.get("hours") != self.hours or signal.value < self.floor:
            return None
        if signal.seen < self.min_days or signal.p_value >= self.p_value:
            return None
        start, end = signal.window
        possible = self.hours * 6
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title=f"At work in {amount(signal.value)} of {possible} ten-minute periods, usually {amount(signal.usual)}",
            explanation=(
                f"{text(signal.facts.get('agent_name'))} asked for tokens in {amount(signal.value)} of the {possible} "
                f"ten-minute periods from {clock(start)} to {clock(end)} UTC; at these hours usually in "
                f"{amount(signal.usual)}, learned from {amount(signal.seen)} days{factor_of_siblings(signal.facts)} "
                f"({odds(signal.p_value)})."
            ),
            signal=signal,
        )
