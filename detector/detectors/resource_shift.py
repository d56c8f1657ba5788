"""D107b: an agent turns to a resource that it hardly ever used, hour after hour.

Catches: other work than its own under a stolen identity, however few tokens it takes, for a resource it knows.
Misses: a resource that is new to it (D10); more of what it does every hour (D01); drift over months (D107).
Noisy on: jobs that run for hours once a month; new work for one agent alone.
Reads: mix.
ATT&CK: T1078.004. Runbook: docs/detectors/resource_shift.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Interval, Lt

from detector.detectors.wording import amount, counted, number, odds, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceShift:
    """Thresholds."""

    name: ClassVar[str] = "resource_shift"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D107b",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("mix",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A job that runs for hours and seldom: month-end, a migration, a backfill.",
        "New work for this agent alone.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "List the sign-ins of the agent for this resource over a month: was there ever such a day?",
        "Ask the sponsor what the agent does there.",
        "Look at what was done with the tokens (Microsoft Graph activity logs, the resource's own log).",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-3
    """Tail probability that the number of hours must fall below."""
    floor: Annotated[int, Interval(ge=2, le=6)] = 4
    """Of the last six hours at work, those with the resource, below which nothing is said."""
    min_seen: Annotated[float, Gt(0), Lt(56)] = 48.0
    """Hours at work, since the agent first used the resource, that "usual" must have been learned from."""

    @property
    def ripens(self) -> float:
        """Days of a tenant in which it cannot speak."""
        return self.min_seen / 24

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if signal.value < self.floor or signal.seen < self.min_seen or signal.p_value >= self.p_value:
            return None
        facts = signal.facts
        hours = counted(number(facts.get("hours")), "hour")
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title=f"A seldom used resource in {amount(signal.value)} of the last {hours} at work",
            explanation=(
                f"{text(facts.get('agent_name'))} got tokens for {text(facts.get('resource_id'))} in "
                f"{amount(signal.value)} of the last {hours} in which it was at work, usually in "
                f"{amount(signal.usual)}, learned from {counted(signal.seen, 'hour')} ({odds(signal.p_value)})."
            ),
            signal=signal,
        )
