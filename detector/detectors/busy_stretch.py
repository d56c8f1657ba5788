"""D05: for two hours an agent is at work nearly all of the time, or asks for far more tokens, when it usually does not.

Catches: work at hours that are not its own, beacons; also of sparse agents.
Misses: a burst of minutes (D01), runs between the runs of a schedule (D04), theft in bursts at its own busiest hours.
Noisy on: backfills; agents that take up new work.
Reads: busy.
ATT&CK: T1078.004. Runbook: docs/detectors/busy_stretch.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, clock, factor_of_siblings, number, odds, text
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
    """Tail probability that the busy periods, or the requests in them, must fall below."""
    floor: Annotated[int, Gt(0)] = 5
    """Busy periods below which nothing is said."""
    requests: Annotated[int, Gt(0)] = 8
    """Token requests beside bursts, at hours of little work, below which nothing is said."""
    least: Annotated[int, Gt(0)] = 4
    """Token requests in nearly every ten minutes below which nothing is said."""
    min_days: Annotated[float, Gt(0)] = 5.0
    """Days that the agent must have been known for, one like the day that is judged (working or not) among them."""

    @property
    def ripens(self) -> float:
        """Days of a tenant in which it cannot speak."""
        return self.min_days

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts, value, usual = signal.facts, amount(signal.value), amount(signal.usual)
        issue, total = str(facts.get("issue", "periods")), amount(number(facts.get("total")))
        floor = {"requests": self.requests, "steady": self.least}.get(issue, self.floor)
        if facts.get("hours") != self.hours or signal.value < floor:
            return None
        if signal.seen < self.min_days or signal.p_value >= self.p_value:
            return None
        start, end = signal.window
        possible, who = self.hours * 6, text(facts.get("agent_name"))
        when = f"from {clock(start)} to {clock(end)} UTC"
        if issue == "requests":
            title = f"{total} token requests in {self.hours} hours in which it does little"
            told = (
                f"{who} asked for {total} tokens {when}, {value} of them beside the fullest half hour; at these hours "
                f"usually for {usual} in all, learned from {amount(signal.seen)} days"
            )
        elif issue == "steady":
            title = f"At least {value} token requests in nearly every ten minutes, usually {usual}"
            evenly = ", hardly more in one than in another" if facts.get("even") else ""
            told = (
                f"{who} asked for at least {value} tokens in {possible - 2} of the {possible} ten-minute periods {when}"
                f"{evenly}, {total} in all; when it works on end usually for at least {usual}, learned from "
                f"{amount(number(facts.get('stretches')))} such stretches"
            )
        else:
            title = f"At work in {value} of {possible} ten-minute periods, usually {usual}"
            told = (
                f"{who} asked for tokens in {value} of the {possible} ten-minute periods {when}; at these hours "
                f"usually in {usual}, learned from {amount(signal.seen)} days"
            )
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title=title,
            explanation=f"{told}{factor_of_siblings(facts)} ({odds(signal.p_value)}).",
            signal=signal,
            sort=issue,
        )
