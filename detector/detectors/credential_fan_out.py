"""D26: the credentials of one blueprint get tokens for unusually many of its agents within an hour.

Catches: a stolen credential of a blueprint that is tried for every agent there is.
Misses: a thief who takes a few agents at a time (D10, D13); blueprints whose agents all work every hour anyway.
Noisy on: roll-outs that start all agents at once.
Reads: credential_use.
ATT&CK: T1550.001. Runbook: docs/detectors/credential_fan_out.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt

from detector.detectors.wording import amount, counted, number, odds, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFanOut:
    """Thresholds."""

    name: ClassVar[str] = "credential_fan_out"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D26",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("credential_use",)
    attack: ClassVar[tuple[str, ...]] = ("T1550.001",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A roll-out or restart of the whole fleet.",
        "A seasonal job (month-end) that every agent takes part in.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Compare addresses and key ids of these sign-ins with the usual ones: one new address for all is a thief.",
        "Ask the owner of the blueprint whether agents were started on purpose.",
        "If not, disable the blueprint (that stops all its agents) and rotate its credentials.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-6
    """Tail probability that the number of agents must fall below."""
    floor: Annotated[int, Ge(2)] = 10
    """Agents in an hour below which nothing is said."""
    ratio: Annotated[float, Ge(1)] = 3.0
    """Least multiple of the usual number of agents."""
    min_seen: Annotated[float, Gt(0)] = 24.0
    """Active hours the blueprint must have shown."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if (
            facts.get("issue") != "fan_out"
            or signal.seen < self.min_seen
            or signal.value < max(self.floor, self.ratio * signal.usual)
            or signal.p_value >= self.p_value
        ):
            return None
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="high",
            title="Tokens for unusually many agents of one blueprint",
            explanation=(
                f"Within one hour the credentials of {text(facts.get('blueprint_name'))} were used to ask for tokens "
                f"for {counted(signal.value, 'different agent')} of {amount(number(facts.get('agents_ever')))}; "
                f"{amount(signal.usual)} are usual at this hour, learned from {counted(signal.seen, 'active hour')} "
                f"({odds(signal.p_value)})."
            ),
            signal=signal,
        )
