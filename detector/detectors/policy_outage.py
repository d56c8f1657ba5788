"""D36: an edit of Conditional Access starts to block agents that were not blocked before.

Catches: a broad policy that takes agents down by accident, or somebody who shuts them out.
Misses: edits whose effect shows later than two hours; agents that the policy blocked the day before already.
Noisy on: nothing known; a planned block of many agents is said like an accident.
Reads: policy_outage.
ATT&CK: T1531. Runbook: docs/detectors/policy_outage.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt

from detector.detectors.wording import actor, address, counted, duration, listed, number, several, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOutage:
    """Thresholds."""

    name: ClassVar[str] = "policy_outage"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D36",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("policy_outage",)
    attack: ClassVar[tuple[str, ...]] = ("T1531",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A policy that is meant to block these agents from now on.",
        "A policy for people that was made wider than anybody meant.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Call whoever made the edit: the agents named here are down since.",
        "Set the policy to report-only, or exclude the agents, until it is put right.",
        "If nobody owns the edit, treat the actor's account as compromised.",
    )

    enabled: bool = True
    min_agents: Annotated[int, Gt(0)] = 3
    """Agents newly blocked within two hours of the edit."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if signal.value < self.min_agents:
            return None
        thing = "named location" if facts.get("location") else "Conditional Access policy"
        names = several(facts.get("agents"))
        plural = "was" if signal.value == 1 else "were"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="high",
            title=f"An edit of Conditional Access blocks agents: {text(facts.get('policy_name'))}",
            explanation=(
                f"{actor(facts)} edited the {thing} {text(facts.get('policy_name'))} ({text(facts.get('activity'))}) "
                f"from {address(facts)}; since then {counted(signal.value, 'agent')} {plural} blocked that had not "
                f"been before, the first {duration(number(facts.get('after')))} after it: {listed(names, 5)}."
            ),
            signal=signal,
        )
