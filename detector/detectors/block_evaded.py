"""D35: blocked by Conditional Access, and then granted a token by another way.

Catches: a thief who tries another address, resource, key or sibling agent after the first door is shut.
Misses: a way that the agent has used before; another provider of a country that is itself new.
Noisy on: an agent that is moved to new addresses while a policy still knows the old ones.
Reads: sequence.
ATT&CK: T1556.009. Runbook: docs/detectors/block_evaded.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from detector.detectors.wording import hours_later, number, policy_of, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind
from detector.features.timeline import DAY

_WAYS: Final = {
    "new_network": "it was granted one from a {place} that is new to it, {about}",
    "key_used": "it was granted one with a key that is new to it, {about}",
    "resource_used": "it was granted its first one for {name}",
}
"""By the kind of the step that followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEvaded:
    """Thresholds: what follows within the hour of the block or the two after it counts."""

    name: ClassVar[str] = "block_evaded"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D35",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("sequence",)
    attack: ClassVar[tuple[str, ...]] = ("T1556.009",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The agent was moved: the old place was blocked, the new one is what the policy demands.",
        "A release that brings a new key or resource on the day a policy changes.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Compare both sign-ins: address, key, user agent. Are they one program that was reconfigured, or two?",
        "Ask the owner whether the agent was moved or released at that time.",
        "If nobody did, disable the agent, revoke the credential used, and close the way in the policy.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        sequence = facts.get("sequence")
        if sequence in {"block_evaded", "block_evaded_by_resource"}:
            about = text(facts.get("step_2_about"))
            name = text(facts.get("step_2_name") or about)
            then = _WAYS[str(facts.get("step_2"))].format(about=about, name=name, place=_place(about))
            who, resource = text(facts.get("target_name")), facts.get("step_1_name")
        elif sequence == "block_evaded_by_sibling":
            then = f"its sibling {text(facts.get('step_2_name'))} was granted its first one for it"
            who, resource = text(facts.get("step_1_name")), facts.get("step_1_detail")
        else:
            return None
        severity: Severity = "medium" if sequence == "block_evaded_by_resource" else "high"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=f"{sequence}:{int(number(facts.get('step_1_time'))) // DAY * DAY}",
            severity=severity,
            title=f"Blocked, then granted another way: {text(facts.get('target_name'))}",
            explanation=(
                f"{who} was refused a token for {text(resource)}{_from(facts)} {policy_of(facts.get('step_1_by'))}; "
                f"{hours_later(number(facts.get('step_1_time')), number(facts.get('step_2_time')))} {then}."
            ),
            signal=signal,
        )


def _from(facts: Mapping[str, Fact]) -> str:
    return f" from {text(facts.get('step_1_address'))}" if facts.get("step_1_address") else ""


def _place(network: str) -> str:
    """What kind of a network is named."""
    return "network" if "/" in network else "provider" if network.startswith("AS") and len(network) > 2 else "country"
