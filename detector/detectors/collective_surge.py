"""D108: several agents of a blueprint are busier than usual in the same two or six hours.

Catches: a stolen credential of the blueprint that is used for many of its agents, a little for each.
Misses: what is over within minutes; blueprints with fewer than three agents at work.
Noisy on: autoscaling, backfills and releases of a whole blueprint.
Reads: together.
ATT&CK: T1078.004. Runbook: docs/detectors/collective_surge.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt

from detector.detectors.wording import amount, clock, listed, number, odds, several, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectiveSurge:
    """Thresholds."""

    name: ClassVar[str] = "collective_surge"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D108",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("together",)
    sorts: ClassVar[tuple[str, ...]] = ("2 hours", "6 hours")
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A release, a backfill or a load test of the whole blueprint.",
        "Autoscaling: more work than usual for all of its agents.",
        "A failure elsewhere that all of them retry.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "List the sign-ins of the blueprint's agents in the window by agent, address, resource and key id.",
        "Check for a deployment of the blueprint in the hours before.",
        "If nothing explains it, disable the blueprint, which blocks all its agents, and rotate its credential.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-5
    """Probability that the agents are so busy at once, that it must fall below."""
    min_agents: Annotated[int, Ge(2)] = 3
    """Agents that must be busier than usual."""
    min_days: Annotated[float, Gt(0)] = 5.0
    """Days that agents must have been known for to count."""

    @property
    def ripens(self) -> float:
        """Days of a tenant in which it cannot speak."""
        return self.min_days

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        agents = number(facts.get("agents"))
        if agents < self.min_agents or signal.seen < self.min_days or signal.p_value >= self.p_value:
            return None
        start, end = signal.window
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title=f"{amount(agents)} agents of one blueprint busier than usual at once",
            explanation=(
                f"The agents of {text(facts.get('blueprint_name'))} asked for tokens in {amount(signal.value)} "
                f"ten-minute periods, summed up, from {clock(start)} to {clock(end)} UTC; at these hours usually in "
                f"{amount(signal.usual)}. {amount(agents)} of {amount(number(facts.get('agents_known')))} are busier "
                f"than usual, most of all {listed(several(facts.get('busiest')))} ({odds(signal.p_value)})."
            ),
            signal=signal,
            sort=f"{amount(number(facts.get('hours')))} hours",
        )
