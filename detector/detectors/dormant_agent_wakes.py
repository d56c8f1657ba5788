"""D57: an agent was granted a token, the first after a very long pause.

Catches: a forgotten identity that somebody found.
Misses: agents whose history the detector has not seen.
Noisy on: projects that are taken up again.
Reads: dormancy.
ATT&CK: T1078.004. Runbook: docs/detectors/dormant_agent_wakes.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from detector.detectors.wording import address, amount, counted, lapse, number, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DormantAgentWakes:
    """Thresholds."""

    name: ClassVar[str] = "dormant_agent_wakes"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D57",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("dormancy",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A project that was taken up again.",
        "A test or an exercise that uses an old agent.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the sponsor, over another channel, whether the agent is in use again.",
        "Look at which credential was used, when it was added and by whom.",
        "If nobody knows of it, disable the agent and list what it did since.",
    )

    enabled: bool = True
    min_days: Annotated[float, Ge(7)] = 30.0
    """Days that the pause lasted at least."""
    min_usual_pauses: Annotated[float, Ge(1)] = 20.0
    """How many of the agent's usual pauses it is as long as, at least."""
    min_seen: Annotated[float, Ge(2)] = 4.0
    """Active hours the agent must have shown before."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("stage") != "awake" or signal.seen < self.min_seen:
            return None
        if signal.value < self.min_days or number(facts.get("usual_pauses")) < self.min_usual_pauses:
            return None
        new_network, new_resource = facts.get("new_network"), facts.get("new_resource")
        where = " (a network never seen before)" if new_network else ""
        what = ", which it never used before" if new_resource else ""
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="high" if new_network or new_resource else "medium",
            title=f"Awake after {amount(signal.value // 1)} days",
            explanation=(
                f"{text(facts.get('agent_name'))} was granted a token from {address(facts)}{where} for "
                f"{text(facts.get('resource_name'))}{what}, the first after {lapse(signal.value * 86_400)}; before, it "
                f"was at work every {counted(number(facts.get('usual_hours')), 'hour')} or so (learned from "
                f"{amount(signal.seen)} active hours)."
            ),
            signal=signal,
        )
