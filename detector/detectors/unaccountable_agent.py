"""D49, D50: an agent or blueprint has no sponsor, or no owner.

Catches: agents that nobody decides about (sponsor) or looks after (owner).
Misses: what no inventory shows; sponsors and owners that are there and do not answer.
Noisy on: the first inventory of a directory that nobody tended: one alert for each agent and role.
Reads: inventory.
ATT&CK: none; hygiene. Runbook: docs/detectors/unaccountable_agent.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from detector.detectors.wording import counted, number, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind

_ROWS = {"sponsor": "D49", "owner": "D50"}
_MEANING = {
    "sponsor": "nobody decides whether it is still needed",
    "owner": "nobody looks after it when it misbehaves",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnaccountableAgent:
    """Thresholds."""

    name: ClassVar[str] = "unaccountable_agent"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D49", "D50")
    reads: ClassVar[tuple[SignalKind, ...]] = ("inventory",)
    attack: ClassVar[tuple[str, ...]] = ()
    innocent: ClassVar[tuple[str, ...]] = (
        "The agent was made before sponsors and owners were asked for.",
        "A product of Microsoft made the agent and looks after it.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find out who made the agent, and which team uses what it does.",
        "Enter that team's people as sponsor and owner.",
        "If nobody wants it, disable it, and delete it after a month.",
    )

    enabled: bool = True
    grace_days: Annotated[float, Ge(0)] = 7.0
    """Days after its creation in which incomplete_agent speaks instead."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "missing":
            return None
        age = facts.get("age_days")
        if age is not None and number(age) < self.grace_days:
            return None
        role, agents = text(facts.get("role")), number(facts.get("agents"))
        severity: Severity = "medium" if role == "sponsor" and facts.get("enabled") is not False else "low"
        children = f" It is the blueprint of {counted(agents, 'agent')}." if agents else ""
        return Finding(
            detector=self.name,
            catalogue_ids=(_ROWS[role],),
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=f"There is no {role}",
            explanation=f"{text(facts.get('target_name'))} has no {role}: {_MEANING[role]}.{children}",
            signal=signal,
        )
