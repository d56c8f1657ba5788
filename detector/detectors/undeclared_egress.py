"""D16: an agent signed in from outside the networks that the manifest declares for it.

Catches: a stolen credential used from elsewhere, from the first token on, without anything having to be learned.
Misses: agents without `egress` in the manifest; records without an address (managed identities); theft from within
the network.
Noisy on: an outbound address that changed: NAT gateways, new regions.
Reads: declaration.
ATT&CK: T1078.004. Runbook: docs/detectors/undeclared_egress.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import counted, number, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeclaredEgress:
    """Thresholds; what is declared stands in the manifest."""

    name: ClassVar[str] = "undeclared_egress"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D16",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("declaration",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A new region, NAT gateway or runner that nobody declared yet.",
        "A developer who runs the agent on a laptop.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Look up whose address it is, and ask the owner of the agent.",
        "List what was asked for from this network, with which key id.",
        "If nobody knows it, disable the agent identity and rotate the blueprint's credential.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "undeclared_egress":
            return None
        severity: Severity = "medium"
        if facts.get("environment") is not None:
            severity = "high" if facts.get("environment") == "production" else "low"
        system = f", AS{facts['asn']}" if facts.get("asn") is not None else ""
        declared = counted(number(facts.get("networks_declared")), "network")
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title="Signed in from an undeclared network",
            explanation=(
                f"{text(facts.get('agent_name'))} got a token from {text(facts.get('address'))} "
                f"({text(facts.get('network'))}{system}), outside the {declared} that the manifest declares for "
                f"{text(facts.get('declared_for'))}."
            ),
            signal=signal,
        )
