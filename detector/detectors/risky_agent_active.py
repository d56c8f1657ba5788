"""D39: an agent at risk still gets tokens, so no policy stops it.

Catches: a missing or report-only policy for risky agents; a compromised agent that goes on working.
Misses: agents at low risk; agents' user accounts, whose tokens are logged under the user.
Noisy on: risks that nobody ever dismisses, once a day that they are raised.
Reads: sequence.
ATT&CK: T1078.004. Runbook: docs/detectors/risky_agent_active.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import duration, number, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind
from detector.features.timeline import DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskyAgentActive:
    """Thresholds."""

    name: ClassVar[str] = "risky_agent_active"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D39",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("sequence",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A false detection that nobody has dismissed yet.",
        "A policy for risky agents that only reports, on purpose.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Decide on the risk now: disable the agent, or dismiss the detection.",
        "Check that an enforced Conditional Access policy blocks agents at this level of risk.",
        "List what the agent got tokens for since the risk was raised.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        sequence = facts.get("sequence")
        if sequence not in {"risky_agent_active", "compromised_agent_active"}:
            return None
        sure = sequence == "compromised_agent_active"
        raised = number(facts.get("step_1_time"))
        place = f" from {text(facts.get('step_2_address'))}" if facts.get("step_2_address") else ""
        level = "was confirmed to be compromised" if sure else f"was held at {text(facts.get('step_1_detail'))} risk"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=f"{sequence}:{int(raised) // DAY * DAY}",
            severity="critical" if sure else "high",
            title=f"{'Compromised' if sure else 'At risk'} and still gets tokens: {text(facts.get('target_name'))}",
            explanation=(
                f"{text(facts.get('target_name'))} was granted a token{place} "
                f"{duration(number(facts.get('step_2_time')) - raised)} after it {level}; the risk had been neither "
                "remediated nor dismissed."
            ),
            signal=signal,
        )
