"""D114: a credential was added and no deployment record explains it.

Catches: credentials added by hand or by a script while everything else goes through pipelines that give evidence.
Misses: tenants that send no deployment records at all; credentials added while a run is at work that does not list
its agents.
Noisy on: teams whose pipelines are not connected yet.
Reads: deployment.
ATT&CK: T1098.001. Runbook: docs/detectors/deployment_missing.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, duration, number, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentMissing:
    """Thresholds; how long evidence is waited for is set under `deployments`."""

    name: ClassVar[str] = "deployment_missing"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D114",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("deployment",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.001",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A rotation by hand.",
        "A pipeline that sends no evidence yet.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the actor, over another channel, whether they added this key and why.",
        "Look for sign-ins with the new key id.",
        "If nobody owns it, remove the key; then connect the pipeline that should have added it.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "record_missing":
            return None
        severity: Severity = "low" if facts.get("platform_actor") else "medium"
        federated = facts.get("kind") == "federated_credential_changed"
        what = "a federated credential" if federated else "a credential"
        other = facts.get("unlisted_in")
        beside = "" if other is None else f"; run {text(other)} was at work then, but does not list it"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title="A credential without a deployment",
            explanation=(
                f"{actor(facts)} added {what} to {text(facts.get('target_name'))} from {address(facts)}, and no "
                f"deployment record that explains it came within {duration(number(facts.get('waited')))}{beside}."
            ),
            signal=signal,
        )
