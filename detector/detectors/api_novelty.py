"""D10, D11: an agent gets its first token for a resource; worse when no sibling of its blueprint uses it either.

Catches: a stolen identity that reaches for what the agent never needed.
Misses: resources refused to it (D28); new operations on a known resource.
Noisy on: roll-outs of a new tool to one agent first.
Reads: api_novelty.
ATT&CK: T1078.004, T1021.007. Runbook: docs/detectors/api_novelty.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, counted, number, odds, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind

_OTHERS: Final = 3
"""Other blueprints from which on it means something that none of them uses a resource."""
_RARE: Final = 0.05
"""Share of the other blueprints up to which a resource is rare in the tenant: few that strayed do not make it usual."""
_STRANGE: Final = "rare in the tenant"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiNovelty:
    """Thresholds."""

    name: ClassVar[str] = "api_novelty"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D10", "D11")
    reads: ClassVar[tuple[SignalKind, ...]] = ("api_novelty",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004", "T1021.007")
    sorts: ClassVar[tuple[str, ...]] = (_STRANGE,)
    innocent: ClassVar[tuple[str, ...]] = (
        "A new release of the agent or a new tool it was given.",
        "A job that runs seldom (month-end, quarterly) and was never seen by the detector.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Check the change history of the agent and blueprint: was the permission granted just before, and by whom?",
        "Ask the sponsor whether the agent is meant to use this resource.",
        "Look at what was done there with the token (Microsoft Graph activity logs, the resource's own log).",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-3
    """Surprise from which on a resource that no sibling uses is said."""
    p_value_sensitive: Annotated[float, Gt(0), Lt(1)] = 1e-2
    """The same for a sensitive resource, even when siblings use it."""
    p_value_alone: Annotated[float, Gt(0), Lt(1)] = 0.02
    """Surprise from which on a resource of an agent without siblings is said."""
    min_seen: Annotated[float, Gt(0)] = 24.0
    """Active hours the agent must have shown."""
    sensitive: frozenset[str] = frozenset()
    """App ids of resources whose misuse is grave, lower case; the default is `config/resources.yaml`."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        resource = text(signal.facts.get("resource_id"))
        sensitive = resource in self.sensitive
        siblings_know = bool(signal.facts.get("known_to_siblings"))
        siblings = number(signal.facts.get("siblings"))
        # Whoever has siblings is told of under its blueprint, or they know it; a blueprint is never alone.
        alone = signal.key.kind == "agent" and not siblings and not siblings_know
        limit = self.p_value_alone if alone else self.p_value
        if sensitive:
            limit = max(self.p_value_alone, self.p_value_sensitive) if alone else self.p_value_sensitive
        if signal.seen < self.min_seen or signal.p_value >= limit:
            return None
        severity: Severity = "medium"
        if siblings_know:
            severity = "low"
        elif sensitive:
            severity = "high"
        rare = not siblings_know and _is_rare(signal.facts)
        named = text(signal.facts.get("resource_name"))
        agent = text(signal.facts.get("agent_name"))
        return Finding(
            detector=self.name,
            catalogue_ids=("D10",) if siblings_know or not siblings else ("D11",),
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=f"First token for {named}",
            explanation=(
                f"{agent} got its first token for {named}{_peers(signal.facts, rare=rare)}; it had used "
                f"{counted(number(signal.facts.get('kinds')), 'resource')} in {amount(signal.seen)} active hours "
                f"({odds(signal.p_value)})."
            ),
            signal=signal,
            facts={"sensitive": sensitive},
            sort=_STRANGE if rare else "",
        )


def _is_rare(facts: Mapping[str, Fact]) -> bool:
    """Whether hardly any other blueprint uses the resource."""
    others = number(facts.get("blueprints_elsewhere"))
    return others >= _OTHERS and number(facts.get("used_elsewhere")) <= _RARE * others


def _peers(facts: Mapping[str, Fact], *, rare: bool) -> str:
    """Who else uses the resource."""
    siblings = number(facts.get("siblings"))
    if facts.get("known_to_siblings"):
        return ", which other agents of its blueprint do use" if siblings else ""
    if siblings:
        others = "the other agent" if siblings == 1 else f"any of the {amount(siblings)} other agents"
        said = f", which had not been used by {others} of its blueprint either"
    else:
        said = ""
    if rare:
        users = number(facts.get("used_elsewhere"))
        any_of = f"more than {amount(users)} of" if users else "any of"
        blueprints = f"{any_of} {amount(number(facts.get('blueprints_elsewhere')))} other blueprints"
        said += f", nor by {blueprints}" if said else f", which had not been used by {blueprints}"
    return said
