"""D104: a new agent of an established blueprint uses what none of its siblings does.

Catches: an agent that was made for something else than it seems, and does wrong from its first hour on.
Misses: the first agents of a new blueprint; a newcomer that uses only what its siblings use.
Noisy on: blueprints of which each agent has a task of its own.
Reads: early_life.
ATT&CK: T1136.003. Runbook: docs/detectors/newborn_deviates.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Le, Lt

from detector.detectors.wording import amount, counted, number, odds, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class NewbornDeviates:
    """Thresholds."""

    name: ClassVar[str] = "newborn_deviates"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D104",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("early_life",)
    attack: ClassVar[tuple[str, ...]] = ("T1136.003",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A new tool that this agent is the first to have; its siblings follow.",
        "An agent with a task of its own, made of a blueprint that many share.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask who made the agent and what for: its sponsor, the pipeline, the audit records of its first hour.",
        "Compare its permissions with those of its siblings.",
        "If nobody ordered it, disable it and look for whoever can make agents of this blueprint.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-2
    """Surprise, for the blueprint, from which on a resource is said."""
    young_days: Annotated[float, Gt(0), Le(90)] = 3.0
    """Days after its first record in which an agent is new; its blueprint must be known for twice as long."""
    min_siblings: Annotated[int, Gt(0)] = 3
    """Other agents that the blueprint must have."""

    @property
    def ripens(self) -> float:
        """Days of a tenant in which it cannot speak."""
        return 2 * self.young_days

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        siblings = number(facts.get("siblings"))
        if siblings < self.min_siblings or signal.p_value >= self.p_value:
            return None
        resource = text(facts.get("resource_name"))
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title=f"New agent, and none of its siblings uses {resource}",
            explanation=(
                f"{text(facts.get('agent_name'))}, a new agent of {text(facts.get('blueprint_name'))}, got "
                f"a token for {resource}, which none of its {amount(siblings)} siblings uses: they use "
                f"{counted(number(facts.get('kinds')), 'resource')}, learned from {amount(signal.seen)} active hours "
                f"({odds(signal.p_value)})."
            ),
            signal=signal,
        )
