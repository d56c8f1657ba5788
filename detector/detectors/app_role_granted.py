"""D75: an agent was given an application permission that opens the tenant.

Catches: privilege escalation by app role.
Misses: permissions that are not on the tier-0 list; delegated grants (D76).
Noisy on: nothing: tier-0 permissions for agents deserve a word every time.
Reads: change.
ATT&CK: T1098.003. Runbook: docs/detectors/app_role_granted.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRoleGranted:
    """Thresholds."""

    name: ClassVar[str] = "app_role_granted"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D75",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.003",)
    innocent: ClassVar[tuple[str, ...]] = ("A reviewed grant for an agent that administers the tenant.",)
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find the review that allowed this permission; if there is none, remove the assignment.",
        "List the agent's sign-ins to the resource since the grant.",
        "Check what else the same actor changed that day.",
    )

    enabled: bool = True
    tier0: frozenset[str] = frozenset()
    """Values or ids of app roles, lower case; the default is `config/tier0.yaml`."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("kind") != "app_role_granted" or not facts.get("succeeded"):
            return None
        names = {text(facts.get("permission")).casefold(), text(facts.get("permission_id")).casefold()}
        if not names & self.tier0:
            return None
        inside = facts.get("pipeline") is not None and facts.get("deviation") is None
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium" if inside else "critical",
            title=f"Tier-0 permission granted: {text(facts.get('permission') or facts.get('permission_id'))}",
            explanation=(
                f"{actor(facts)} granted the application permission "
                f"{text(facts.get('permission') or facts.get('permission_id'))} to {text(facts.get('target_name'))} "
                f"from {address(facts)}; whoever holds it can take over the tenant."
            ),
            signal=signal,
        )
