"""D65, D66: development reached into production: an agent, a person or pipeline, or a key.

Catches: non-production agents with tokens for production resources; non-production actors who change production
agents; one key at work in both.
Misses: agents and resources that neither the manifest nor an attribute places in an environment.
Noisy on: migrations; a shared resource that is declared as production.
Reads: declaration.
ATT&CK: T1021.007, T1098.001. Runbook: docs/detectors/environment_crossed.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from detector.detectors.wording import actor, address, listed, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentCrossed:
    """Thresholds; which environment is which stands in the manifest."""

    name: ClassVar[str] = "environment_crossed"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D65", "D66")
    reads: ClassVar[tuple[SignalKind, ...]] = ("declaration",)
    attack: ClassVar[tuple[str, ...]] = ("T1021.007", "T1098.001")
    innocent: ClassVar[tuple[str, ...]] = (
        "A test against production that was agreed on.",
        "An agent that was promoted and whose manifest entry or attribute was not.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the owner of the agent, or the actor, what the access was for.",
        "Take the permission or role away: non-production has no business there.",
        "If a key is shared, give each environment a credential of its own and remove this one.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        said = _SAID.get(str(signal.facts.get("issue")))
        if said is None:
            return None
        title, explanation = said[0], said[1](signal.facts)
        severity: Severity = "high"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=title,
            explanation=explanation,
            signal=signal,
        )


def _resource(facts: Mapping[str, Fact]) -> str:
    return (
        f"{text(facts.get('agent_name'))}, which is non-production, got a token for "
        f"{text(facts.get('resource_name'))}, which is declared as a production resource."
    )


def _change(facts: Mapping[str, Fact]) -> str:
    return (
        f"{actor(facts)}, declared as non-production, changed {text(facts.get('target_name'))} "
        f"({text(facts.get('activity'))}), which is production, from {address(facts)}."
    )


def _key(facts: Mapping[str, Fact]) -> str:
    return (
        f"Key {text(facts.get('key_id'))} of {text(facts.get('target_name'))}, which is production, is also used by "
        f"{listed(several(facts.get('others')))}, which is not."
    )


_SAID: Final[dict[str, tuple[str, Callable[[Mapping[str, Fact]], str]]]] = {
    "production_resource": ("Non-production agent on a production resource", _resource),
    "production_changed": ("Non-production actor changed a production agent", _change),
    "key_crosses": ("One key in production and outside of it", _key),
}
"""Title and sentence of each issue."""
