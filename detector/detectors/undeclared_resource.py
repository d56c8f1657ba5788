"""D12: an agent got a token for a resource that the manifest does not declare for it.

Catches: privilege creep, an agent talked into another job, a stolen credential that looks around; from the first
token on.
Misses: agents without `resources` in the manifest; what the agent does with a declared resource.
Noisy on: a manifest that lags behind the code: declare first, deploy then.
Reads: declaration.
ATT&CK: T1078.004. Runbook: docs/detectors/undeclared_resource.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import counted, number, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeclaredResource:
    """Thresholds; what is declared stands in the manifest."""

    name: ClassVar[str] = "undeclared_resource"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D12",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("declaration",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The agent was given a new task and the manifest was not updated.",
        "A library that fetches a token of its own, for telemetry or key vaults.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the sponsor what the agent needs the resource for.",
        "List what it did there: Graph activity logs, or the logs of the resource.",
        "Declare the resource, or take the permission away and rotate the credential.",
    )

    enabled: bool = True
    sensitive: frozenset[str] = frozenset()
    """appIds of resources whose misuse is grave."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "undeclared_resource":
            return None
        grave = facts.get("resource_id") in self.sensitive or bool(facts.get("production_resource"))
        severity: Severity = "high" if grave else "medium"
        if facts.get("environment") == "non_production" and not grave:
            severity = "low"
        declared = number(facts.get("resources_declared"))
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title="Token for an undeclared resource",
            explanation=(
                f"{text(facts.get('agent_name'))} got a token for {text(facts.get('resource_name'))}, which the "
                f"manifest does not declare for {text(facts.get('declared_for'))} "
                f"({counted(declared, 'resource')} declared)."
            ),
            signal=signal,
            facts={"sensitive": facts.get("resource_id") in self.sensitive},
        )
