"""D04: an agent that runs by the clock works between its runs.

Catches: extra runs of a scheduled agent, a second scheduler beside the first, a clock that goes faster.
Misses: agents that work at any minute; runs at the minutes of the schedule; a few requests.
Noisy on: schedules that are moved, until they have been learned.
Reads: off_schedule.
ATT&CK: T1029, T1071.001. Runbook: docs/detectors/off_schedule.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, clock, factor_of_siblings, listed, odds, several, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class OffSchedule:
    """Thresholds."""

    name: ClassVar[str] = "off_schedule"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D04",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("off_schedule",)
    attack: ClassVar[tuple[str, ...]] = ("T1029", "T1071.001")
    innocent: ClassVar[tuple[str, ...]] = (
        "A backfill: somebody runs the job again for days that were missed.",
        "The schedule was changed, or a second job was given to the agent.",
        "A run that failed and is tried again and again.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "List the sign-ins of the agent in the window by minute, address, resource and key id.",
        "Ask the owner of the scheduler what it ran, and whether its schedule was changed.",
        "If nothing explains it, disable the agent identity and rotate the blueprint's credential.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-4
    """Tail probability that what was done between the runs must fall below."""
    floor: Annotated[int, Gt(0)] = 4
    """Busy periods off the schedule below which nothing is said."""
    min_days: Annotated[float, Gt(0)] = 3.0
    """Days that the agent must have been known for."""

    @property
    def ripens(self) -> float:
        """Days of a tenant in which it cannot speak."""
        return self.min_days

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if signal.value < self.floor or signal.p_value >= self.p_value:
            return None
        start, end = signal.window
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title=f"At work in {amount(signal.value)} ten-minute periods between its runs",
            explanation=(
                f"{text(signal.facts.get('agent_name'))} runs by the clock, in the ten minutes from "
                f"{listed(several(signal.facts.get('at_work_at')), 6)} of an hour. From {clock(start)} to "
                f"{clock(end)} UTC it asked for tokens in {amount(signal.value)} ten-minute periods besides; usually "
                f"in {amount(signal.usual)}, learned from {amount(signal.seen)} hours at "
                f"work{factor_of_siblings(signal.facts)} ({odds(signal.p_value)})."
            ),
            signal=signal,
        )
