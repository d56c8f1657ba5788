"""D51, D52: a sponsor or owner of an agent was disabled or deleted, or the last one was removed.

Catches: agents that are orphaned when people leave, within seconds of the audit record; the quiet removal of the last
person who would be asked.
Misses: sponsors and owners that are groups or service principals; the same person lost a second time.
Noisy on: people who answer for hundreds of agents: one alert for each, low where others are left.
Reads: inventory.
ATT&CK: T1098. Runbook: docs/detectors/accountability_lost.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, counted, listed, number, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountabilityLost:
    """Thresholds."""

    name: ClassVar[str] = "accountability_lost"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D51", "D52")
    reads: ClassVar[tuple[SignalKind, ...]] = ("inventory",)
    attack: ClassVar[tuple[str, ...]] = ("T1098",)
    innocent: ClassVar[tuple[str, ...]] = (
        "Somebody left the company, and their successor is not entered yet.",
        "A hand-over in which the old name was removed before the new one was added.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the team of the person who takes over, and enter them as sponsor or owner.",
        "Look for credentials and grants that were added to the agent since.",
        "If nobody takes over, disable the agent.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") == "person_lost":
            return self._person(signal)
        return self._removed(signal) if facts.get("issue") == "last_removed" else None

    def _person(self, signal: Signal) -> Finding:
        facts = signal.facts
        role, why, left = text(facts.get("role")), text(facts.get("why")), number(facts.get("left"))
        person = text(facts.get("person_name") or facts.get("person_id"))
        severity: Severity = "low" if left or facts.get("enabled") is False else "high"
        which = f"{'an' if role == 'owner' else 'a'} {role}" if left else f"the last {role}"
        rest = f"{counted(left, 'other ' + role)} {'is' if left == 1 else 'are'} left" if left else _orphaned(facts)
        if "actor_id" in facts or "actor_name" in facts:
            done = f"{actor(facts)} {why} the account of {person} from {address(facts)}"
        else:
            done = f"The account of {person} is {why}, as the inventory shows"
        return Finding(
            detector=self.name,
            catalogue_ids=("D51",),
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=f"{which[0].upper()}{which[1:]} was {why}",
            explanation=f"{done}, {which} of {text(facts.get('target_name'))}; {rest}.",
            signal=signal,
        )

    def _removed(self, signal: Signal) -> Finding:
        facts = signal.facts
        role, shown = text(facts.get("role")), bool(facts.get("shown"))
        severity: Severity = "high" if shown else "medium"
        doubt = "" if shown else "; no inventory shows whether there were others before the records began"
        return Finding(
            detector=self.name,
            catalogue_ids=("D52",),
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=f"The last {role} was removed",
            explanation=(
                f"{actor(facts)} removed {listed(several(facts.get('person_ids')))} from {address(facts)}, the last "
                f"{'' if shown else 'known '}{role} of {text(facts.get('target_name'))}; {_orphaned(facts)}{doubt}."
            ),
            signal=signal,
        )


def _orphaned(facts: Mapping[str, Fact]) -> str:
    agents = number(facts.get("agents"))
    role = text(facts.get("role"))
    return f"{counted(agents, 'agent')} of this blueprint lost that {role}" if agents else f"it has no {role} now"
