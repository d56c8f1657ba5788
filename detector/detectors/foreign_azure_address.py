"""D17: an agent signed in from inside Azure, but from none of our addresses there.

Catches: a credential used from an attacker's own subscription, where the provider and country look as always.
Misses: manifests without `azure_egress`; records without an autonomous system number; a machine of ours.
Noisy on: platform services that use shared outbound addresses.
Reads: declaration.
ATT&CK: T1078.004, T1583.006. Runbook: docs/detectors/foreign_azure_address.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignAzureAddress:
    """Thresholds; what is ours stands in the manifest."""

    name: ClassVar[str] = "foreign_azure_address"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D17",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("declaration",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004", "T1583.006")
    innocent: ClassVar[tuple[str, ...]] = (
        "A subscription, region or NAT gateway of ours that nobody declared yet.",
        "A platform service with shared outbound addresses, such as a hosted build agent.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the platform team whether the address is ours: public IPs and NAT gateways of every subscription.",
        "List what was asked for from it, with which key id.",
        "If it is not ours, disable the agent identity and rotate the blueprint's credential.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "foreign_azure_address":
            return None
        severity: Severity = "high" if facts.get("environment") == "production" else "medium"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title="Signed in from a foreign address in Azure",
            explanation=(
                f"{text(facts.get('agent_name'))} got a token from {text(facts.get('address'))} "
                f"(AS{text(facts.get('asn'))}), inside Azure and in none of the networks there that are declared "
                "as ours."
            ),
            signal=signal,
        )
