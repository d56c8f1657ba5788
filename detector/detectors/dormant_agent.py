"""D56: an agent that used to work has been granted no token for a long time.

Catches: forgotten identities, whose permissions wait for whoever finds them.
Misses: agents that were never seen at work; those that were switched off, which is as it should be.
Noisy on: nothing: a pause is measured in the agent's own usual pauses, so a yearly job is not asleep.
Reads: dormancy.
ATT&CK: T1078.004. Runbook: docs/detectors/dormant_agent.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from annotated_types import Ge

from detector.detectors.wording import amount, counted, lapse, number, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind

_TRYING: Final = "still asks"


@dataclass(frozen=True, slots=True, kw_only=True)
class DormantAgent:
    """Thresholds."""

    name: ClassVar[str] = "dormant_agent"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D56",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("dormancy",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    sorts: ClassVar[tuple[str, ...]] = (_TRYING,)
    innocent: ClassVar[tuple[str, ...]] = (
        "A project that is over, and whose agent was not removed.",
        "A job that was moved to another agent.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the sponsor whether the agent is still needed.",
        "If not, disable it now and delete it after a month.",
        "If so, see whether it needs all the permissions that it holds.",
    )

    enabled: bool = True
    min_days: Annotated[float, Ge(7)] = 30.0
    """Days that the pause lasts at least."""
    min_usual_pauses: Annotated[float, Ge(1)] = 20.0
    """How many of the agent's usual pauses it is as long as, at least."""
    min_seen: Annotated[float, Ge(2)] = 4.0
    """Active hours the agent must have shown before."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("stage") != "asleep" or facts.get("switched_off") or signal.seen < self.min_seen:
            return None
        usual = number(facts.get("usual_hours"))
        if signal.value < self.min_days or number(facts.get("usual_pauses")) < self.min_usual_pauses:
            return None
        trying = bool(facts.get("still_trying"))
        remark = ", though it still asks" if trying else ""
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="low",
            title=f"Asleep for {amount(signal.value // 1)} days",
            explanation=(
                f"{text(facts.get('agent_name'))} has been granted no token for {lapse(signal.value * 86_400)}"
                f"{remark}; before, it was at work every {counted(usual, 'hour')} or so (learned from "
                f"{amount(signal.seen)} active hours)."
            ),
            signal=signal,
            sort=_TRYING if trying else "",
        )
