"""D03: an agent that works regularly falls silent, while its siblings work on.

Catches: a scheduler that was stopped or taken over, a host that died, an agent that was cut off.
Misses: agents without siblings; agents that work seldom or at random (D56 speaks of them after a month).
Noisy on: work that is moved from one agent to another.
Reads: silence.
ATT&CK: T1531. Runbook: docs/detectors/agent_silent.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, lapse, number, odds, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSilent:
    """Thresholds."""

    name: ClassVar[str] = "agent_silent"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D03",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("silence",)
    attack: ClassVar[tuple[str, ...]] = ("T1531",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The job was stopped or moved on purpose, and the agent was not removed.",
        "There is nothing for this agent to do: its customer or its queue is idle.",
        "The host of this agent alone is down.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the sponsor whether the agent was stopped on purpose.",
        "Look at its scheduler, its host and the last token requests before the silence.",
        "If others took over its work, look for whoever changed the scheduler.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-3
    """Probability of so long a pause on a day, that it must fall below."""
    min_days: Annotated[float, Gt(0)] = 5.0
    """Days that the agent must have been known for, a working day and another one among them."""

    @property
    def ripens(self) -> float:
        """Days of a tenant in which it cannot speak."""
        return self.min_days

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if signal.seen < self.min_days or signal.p_value >= self.p_value:
            return None
        lasted = lapse(number(signal.facts.get("hours")) * 3600)
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title=f"Silent for {lasted}",
            explanation=(
                f"{text(signal.facts.get('agent_name'))} has asked for no token for {lasted}, in which it is usually "
                f"at work in {amount(signal.value)} ten-minute periods; the longest pause of a day is usually worth "
                f"{amount(signal.usual)}, learned from {amount(signal.seen)} days ({odds(signal.p_value)}). Its "
                f"siblings are at work."
            ),
            signal=signal,
        )
