"""D85: a Conditional Access policy that protects agents was weakened, disabled or deleted.

Catches: somebody who opens the door first: policy off or report-only, exceptions, a demand dropped, a wider location.
Misses: a group or role that an exception names being filled; policies whose terms the record does not show.
Noisy on: people who build policies; rehearse them in report-only, where an edit is no news.
Reads: change.
ATT&CK: T1556.009. Runbook: docs/detectors/policy_weakened.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from detector.detectors.wording import actor, address, inside, listed, number, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind
from detector.features.policies import GRAVE

_HOW: Final = {
    "deleted": "it was deleted",
    "disabled": "it was switched off",
    "report_only": "it only reports now",
    "excluded": "it makes further exceptions",
    "controls_removed": "it demands less",
    "narrowed": "it applies to fewer",
    "resources_narrowed": "it covers fewer resources",
    "risk_levels_removed": "it leaves out levels of risk",
    "places_narrowed": "it leaves out places",
    "rule_changed": "its rule over security attributes was changed",
    "location_trusted": "it counts as trusted now",
    "location_widened": "it has grown",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWeakened:
    """Thresholds."""

    name: ClassVar[str] = "policy_weakened"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D85",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1556.009",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A policy that blocked too much is put right.",
        "One policy is replaced by another: look for the new one.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the actor over another channel, and look for a ticket.",
        "List the sign-ins since, of those whom the edit lets through above all.",
        "If nobody owns the edit, put the policy back and treat the actor's account as compromised.",
    )

    enabled: bool = True
    locations: bool = True
    """Also say that a named location grows or becomes trusted."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        ways, location = several(facts.get("weakenings")), facts.get("policy_kind") == "location"
        if facts.get("kind") != "conditional_access_changed" or not ways or (location and not self.locations):
            return None
        if facts.get("protects_agents") is False:
            return None
        name = text(facts.get("policy_name"))
        done = "edited" if facts.get("succeeded") else "tried in vain to edit"
        what = f"the named location {name}" if location else f"the Conditional Access policy {name}"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=_severity(facts, ways),
            title=f"{'Named location widened' if location else 'Conditional Access policy weakened'}: {name}",
            explanation=(
                f"{actor(facts)} {done} {what}{_protects(facts, location=location)} from {address(facts)}: "
                f"{' and '.join(_HOW[way] for way in ways)}{_through(facts)}."
            ),
            signal=signal,
        )


def _severity(facts: Mapping[str, Fact], ways: tuple[str, ...]) -> Severity:
    if inside(facts) or not facts.get("succeeded"):
        return "low"
    return "high" if facts.get("protects_agents") and GRAVE & set(ways) else "medium"


def _protects(facts: Mapping[str, Fact], *, location: bool) -> str:
    if location:
        return ""
    if facts.get("protects_agents"):
        return ", which protects agents,"
    return ", of which the record does not show whether it protects agents,"


def _through(facts: Mapping[str, Fact]) -> str:
    """Whom the edit lets through, by id or as the policy words it."""
    names = several(facts.get("let_through"))
    if not names:
        return ""
    more = int(number(facts.get("let_through_number"))) - len(names)
    return f" ({listed((*names, *('more' for _ in range(more))))})"
