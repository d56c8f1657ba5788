"""D06: an agent is at work far more often in 24 hours than on any of its days, or asks for far more tokens on a day.

Catches: a clock that goes faster, extra runs, replayed exchanges; also of agents with a handful of tokens a day.
Misses: slow drift (D107), theft that stays within the agent's own busiest days.
Noisy on: backfills, agents that take up new work.
Reads: busy, drift.
ATT&CK: T1528, T1550.001. Runbook: docs/detectors/busy_day.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, counted, date, factor_of_siblings, odds, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyDay:
    """Thresholds."""

    name: ClassVar[str] = "busy_day"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D06",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("busy", "drift")
    attack: ClassVar[tuple[str, ...]] = ("T1528", "T1550.001")
    hours: ClassVar[int] = 24
    """Hours that it looks at."""
    innocent: ClassVar[tuple[str, ...]] = (
        "A backfill, or a schedule that was changed on purpose.",
        "New work for this agent alone.",
        "A deployment that lost its token cache, or runs on more hosts.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "List the sign-ins of the agent in the window by address, resource and key id, and look at the gaps.",
        "Ask the sponsor whether the schedule or the work of the agent was changed.",
        "If nothing explains it, disable the agent identity and rotate the blueprint's credential.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-4
    """Tail probability that the number of busy periods must fall below."""
    floor: Annotated[int, Gt(0)] = 8
    """Busy periods below which nothing is said."""
    requests: Annotated[int, Gt(0)] = 40
    """Usual token requests of a day (UTC) from which on their number is judged."""
    min_days: Annotated[float, Gt(0)] = 5.0
    """Days that the agent must have been known for, one like the day that is judged (working or not) among them."""

    @property
    def ripens(self) -> float:
        """Days of a tenant in which it cannot speak."""
        return self.min_days

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if signal.seen < self.min_days or signal.p_value >= self.p_value:
            return None
        facts, number, usual = signal.facts, amount(signal.value), amount(signal.usual)
        who = text(facts.get("agent_name"))
        if facts.get("issue") == "heavy_day" and signal.usual >= self.requests:
            # Whenever on the day they were: nothing else speaks of who is always at work.
            sort, title = "requests", f"{number} token requests on a day, usually {usual}"
            told = (
                f"{who} asked for {number} tokens on {date(signal.window[1] - 1)}; {usual} "
                f"were to be expected of such a day, learned from {counted(signal.seen, 'day')}"
            )
        elif facts.get("hours") == self.hours and signal.value >= self.floor:
            sort = ""
            title = f"At work in {number} ten-minute periods of 24 hours, usually {usual}"
            told = (
                f"{who} asked for tokens in {number} different ten-minute periods of 24 hours; on such a "
                f"day usually in {usual}, learned from {amount(signal.seen)} days"
            )
        else:
            return None
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title=title,
            explanation=f"{told}{factor_of_siblings(facts)} ({odds(signal.p_value)}).",
            signal=signal,
            sort=sort,
        )
