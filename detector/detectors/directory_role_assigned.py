"""D77: an agent was made a member of a directory role.

Catches: privilege escalation by role.
Misses: Azure resource roles (D78); membership by way of a role-assignable group.
Noisy on: nothing: agents seldom need a directory role.
Reads: change.
ATT&CK: T1098.003. Runbook: docs/detectors/directory_role_assigned.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRoleAssigned:
    """Thresholds."""

    name: ClassVar[str] = "directory_role_assigned"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D77",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.003",)
    innocent: ClassVar[tuple[str, ...]] = ("A reviewed role for an agent that administers the tenant.",)
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find the review that allowed this role; if there is none, remove the assignment.",
        "List what the agent did since the assignment.",
        "Check what else the same actor changed that day.",
    )

    enabled: bool = True
    tier0: frozenset[str] = frozenset()
    """Template ids of roles that are critical, lower case; the default is `config/tier0.yaml`. Others are high."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("kind") != "directory_role_assigned" or not facts.get("succeeded"):
            return None
        grave = text(facts.get("role_template_id")).casefold() in self.tier0
        inside = facts.get("pipeline") is not None and facts.get("deviation") is None
        severity: Severity = "critical" if grave else "high"
        role = text(facts.get("role") or facts.get("role_template_id"))
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium" if inside else severity,
            title=f"Directory role assigned: {role}",
            explanation=(
                f"{actor(facts)} assigned the directory role {role} to {text(facts.get('target_name'))} from "
                f"{address(facts)}{'; whoever holds it can take over the tenant' if grave else ''}."
            ),
            signal=signal,
        )
