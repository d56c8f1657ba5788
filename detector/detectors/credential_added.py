"""D67: a credential was added to a blueprint or agent.

Catches: persistence: whoever holds the new credential is every agent of the blueprint.
Misses: credentials added before the detector ran (inventory, D71); federated ones are D70.
Noisy on: rotations, which are info when a declared pipeline makes them.
Reads: change.
ATT&CK: T1098.001. Runbook: docs/detectors/credential_added.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialAdded:
    """Thresholds."""

    name: ClassVar[str] = "credential_added"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D67",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.001",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A planned rotation by hand.",
        "First set-up of a new blueprint by its developer.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the actor, over another channel, whether they added this key and why.",
        "Look for sign-ins with the new key id.",
        "If nobody owns it, remove the key and list what was done since it was added.",
    )

    enabled: bool = True
    in_pipeline: bool = False
    """Also say (as info) what a declared pipeline adds."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("kind") != "credential_added":
            return None
        inside = facts.get("pipeline") is not None and facts.get("deviation") is None
        if inside and not self.in_pipeline:
            return None
        severity: Severity = "info" if inside else "high"
        if severity == "high" and (facts.get("platform_actor") or not facts.get("succeeded")):
            severity = "low"
        done = "added" if facts.get("succeeded") else "tried in vain to add"
        types = f" ({text(facts.get('key_types'))})" if facts.get("key_types") else ""
        first = "" if facts.get("habit") else "; this actor was never seen doing so before"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title="A credential was added" if facts.get("succeeded") else "Adding a credential was refused",
            explanation=(
                f"{actor(facts)} {done} a credential{types} to {text(facts.get('target_name'))} from "
                f"{address(facts)}{first}."
            ),
            signal=signal,
        )
