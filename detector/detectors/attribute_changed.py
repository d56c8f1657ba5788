"""D86: a custom security attribute of an agent was changed, so that policies may treat it as another.

Catches: an agent that is relabelled from development to production, or out of what a policy picks by attribute.
Misses: rules of policies that are changed instead (D85); without a declared attribute, what the change means.
Noisy on: the day attributes are introduced.
Reads: change.
ATT&CK: T1556.009. Runbook: docs/detectors/attribute_changed.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, inside, listed, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind

_NOW = {"production": "it counts as production now", "non_production": "it no longer counts as production"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeChanged:
    """Thresholds; the attribute that says the environment is declared in the manifest."""

    name: ClassVar[str] = "attribute_changed"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D86",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1556.009",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The agent was promoted to production by a reviewed release.",
        "Attributes are being introduced or cleaned up.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "List the Conditional Access policies whose filters look at this attribute.",
        "Ask the actor over another channel; few people hold a role that may do this.",
        "If nobody owns the change, set the attribute back and list the agent's tokens since.",
    )

    enabled: bool = True
    others: bool = True
    """Also say, as low, that attributes other than the declared one were changed."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("kind") != "attribute_changed":
            return None
        names = several(facts.get("attributes"))
        declared = str(facts.get("environment_attribute") or "").casefold()
        other = bool(declared and names) and declared not in {name.casefold() for name in names}
        if other and not self.others:
            return None
        done = "changed" if facts.get("succeeded") else "tried in vain to change"
        what = (
            f"the security attribute{'s' if len(names) > 1 else ''} {listed(names)}" if names else "security attributes"
        )
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=_severity(facts, other=other),
            title=f"Security attribute changed: {text(facts.get('target_name'))}",
            explanation=(
                f"{actor(facts)} {done} {what} of {text(facts.get('target_name'))} from {address(facts)}"
                f"{_meaning(facts)}."
            ),
            signal=signal,
            sort=" ".join(sorted(name.casefold() for name in names)),
        )


def _severity(facts: Mapping[str, Fact], *, other: bool) -> Severity:
    if not facts.get("succeeded") or other or inside(facts):
        return "low"
    return "high" if _turned(facts) == "production" else "medium"


def _turned(facts: Mapping[str, Fact]) -> str | None:
    """The environment that it has come to belong to, if that has changed."""
    after = facts.get("environment_after")
    return None if after is None or after == facts.get("environment_before") else str(after)


def _meaning(facts: Mapping[str, Fact]) -> str:
    if facts.get("attribute_before") is None and facts.get("attribute_after") is None:
        return ""
    before, after = (listed(several(facts.get(f"attribute_{side}"))) or "nothing" for side in ("before", "after"))
    turned = _turned(facts) if facts.get("succeeded") else None
    return f" from {before} to {after}" + (f": {_NOW[turned]}" if turned is not None else "")
