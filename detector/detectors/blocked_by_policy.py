"""D34: Conditional Access or Identity Protection refused an agent a token.

Catches: a policy that stops an agent, whether that is what it is for or a mistake.
Misses: policies that only report (D37); blocks of a resource that the agent has no access to anyway.
Noisy on: a policy that catches many agents at once, one alert an agent and day; policy_outage says the whole.
Reads: policy_block.
ATT&CK: T1078.004. Runbook: docs/detectors/blocked_by_policy.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import listed, several, text
from detector.domain.findings import Finding
from detector.domain.signals import Fact, Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedByPolicy:
    """Thresholds; which error codes are blocks is data (`config/error_codes.yaml`)."""

    name: ClassVar[str] = "blocked_by_policy"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D34",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("policy_block",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A new or wider policy that was not meant for this agent.",
        "The agent was moved to addresses that the policy does not know.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Compare the address with where the agent runs: a stranger with its credential is blocked like this.",
        "Read the policy named here: what it demands, and whether it is meant for this agent.",
        "See whether a token was granted another way soon after (block_evaded).",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        place = f" from {text(facts.get('address'))}" if facts.get("address") else ""
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title=f"Blocked: {text(facts.get('agent_name'))}",
            explanation=(
                f"{text(facts.get('agent_name'))} was refused a token for {text(facts.get('resource_name'))}{place} "
                f"{_by(facts)} (error {text(facts.get('error_code'))})."
            ),
            signal=signal,
            sort=" ".join(sorted(several(facts.get("policies")))),
        )


def _by(facts: Mapping[str, Fact]) -> str:
    """What refused it."""
    policies = several(facts.get("policies"))
    if policies:
        return f"by the Conditional Access {'policy' if len(policies) == 1 else 'policies'} {listed(policies)}"
    if facts.get("class") == "blocked_by_risk":
        return "because of its risk"
    return "by a Conditional Access policy that the record does not name"
