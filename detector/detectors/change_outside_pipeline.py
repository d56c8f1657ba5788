"""D81: an agent or blueprint was changed by somebody or something that is no declared pipeline.

Catches: hands on production: rogue credentials, grants, owners, edits; a pipeline identity used from elsewhere.
Misses: a stolen pipeline that keeps to its addresses and hours (D83).
Noisy on: teams whose pipeline is not declared. Without any declared pipeline it is silent, and says so in `check`.
Reads: change.
ATT&CK: T1098, T1072. Runbook: docs/detectors/change_outside_pipeline.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, text, words
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind

_WHY = {
    "actor": "no declared pipeline has this identity",
    "address": "this is the identity of pipeline {pipeline}, which does not deploy from there",
    "window": "this is the identity of pipeline {pipeline}, which does not deploy at this hour",
}

_CONSENTS = frozenset({"consent_granted", "delegated_permission_granted"})

_GRAVE = frozenset(
    {
        "credential_added",
        "federated_credential_changed",
        "app_role_granted",
        "delegated_permission_granted",
        "inheritable_permissions_changed",
        "directory_role_assigned",
        "owner_added",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOutsidePipeline:
    """Thresholds; the pipelines themselves are declared under `pipelines`."""

    name: ClassVar[str] = "change_outside_pipeline"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D81",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1098", "T1072")
    innocent: ClassVar[tuple[str, ...]] = (
        "An emergency fix by hand that was not announced.",
        "A pipeline that nobody declared yet, or whose identity was replaced.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the actor over another channel; look for a ticket.",
        "List everything the actor changed that day.",
        "If nobody owns the change, revert it and treat the actor's account as compromised.",
    )

    enabled: bool = True
    kinds_ignored: frozenset[str] = frozenset()
    """Kinds of change that may be made by hand."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        kind, deviation = str(facts.get("kind")), facts.get("deviation")
        if deviation is None or not facts.get("pipelines_declared") or kind in self.kinds_ignored:
            return None
        if not facts.get("succeeded") or (kind in _CONSENTS and facts.get("for_everybody") is False):
            return None  # what a user allows an agent to do for themselves is no change of the agent
        severity: Severity = "high" if kind in _GRAVE else "medium"
        if facts.get("platform_actor") or facts.get("run"):
            severity = "low"
        run = f", but run {text(facts['run'])} deploys with it" if facts.get("run") else ""
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=f"Changed outside the deployment pipeline: {words(kind)}",
            explanation=(
                f"{actor(facts)} changed {text(facts.get('target_name'))} ({text(facts.get('activity'))}) from "
                f"{address(facts)}; {_WHY[str(deviation)].format(pipeline=text(facts.get('pipeline')))}{run}."
            ),
            signal=signal,
            sort=kind,
        )
