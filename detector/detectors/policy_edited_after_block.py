"""D103: a policy blocked an agent, the policy or a security attribute of the agent was edited, and the agent got in.

Catches: somebody who is stopped by a policy and has the means to change it, or the attribute that it looks at.
Misses: edits more than a day after the block, or a token more than a day after the edit; edits of groups.
Noisy on: an outage that is put right: the block was the mistake and the edit is the repair.
Reads: sequence.
ATT&CK: T1556.009. Runbook: docs/detectors/policy_edited_after_block.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import duration, number, policy_of, text
from detector.domain.findings import Finding
from detector.domain.signals import Fact, Signal, SignalKind
from detector.features.timeline import DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEditedAfterBlock:
    """Thresholds."""

    name: ClassVar[str] = "policy_edited_after_block"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D103",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("sequence",)
    attack: ClassVar[tuple[str, ...]] = ("T1556.009",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The block was a mistake, and whoever owns the policy repaired it.",
        "An agent is promoted to production, and its attribute with it.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask whoever made the edit what it was for; look for a ticket of the agent's owner.",
        "Compare the actor with the agent's owners and with who added its credentials.",
        "If nobody owns the edit, undo it, disable the agent and list its tokens since.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        sequence = facts.get("sequence")
        if sequence not in {"policy_edited_after_block", "attribute_edited_after_block"}:
            return None
        blocked, edited = number(facts.get("step_1_time")), number(facts.get("step_2_time"))
        who = text(facts.get("step_2_name") or facts.get("step_2_who"))
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=f"{sequence}:{int(blocked) // DAY * DAY}",
            severity="low" if facts.get("step_2_by") == "pipeline" else "high",
            title=f"Blocked, then let in by an edit: {text(facts.get('target_name'))}",
            explanation=(
                f"{text(facts.get('target_name'))} was refused a token for {text(facts.get('step_1_name'))} "
                f"{policy_of(facts.get('step_1_by'))}; {duration(edited - blocked)} later {who} edited {_what(facts)}, "
                f"and {duration(number(facts.get('step_3_time')) - edited)} after that it was granted a token."
            ),
            signal=signal,
        )


def _what(facts: Mapping[str, Fact]) -> str:
    if facts.get("step_2") == "attribute_changed":
        return "a security attribute of it"
    name = facts.get("step_2_detail")
    return f"the policy or location {text(name)}" if name else "a policy"
