"""D48: an agent or blueprint was made without what it must have, or not through a supported channel.

Catches: agents made by hand or by a script that leaves out sponsor, owner or description.
Misses: what an inventory cannot show; whether a description says anything.
Noisy on: makers that enter the sponsor some minutes after the agent.
Reads: inventory.
ATT&CK: T1136.003. Runbook: docs/detectors/incomplete_agent.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Gt

from detector.detectors.wording import date, listed, number, several, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind

Property = Literal["description", "owner", "sponsor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncompleteAgent:
    """Thresholds."""

    name: ClassVar[str] = "incomplete_agent"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D48",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("inventory",)
    attack: ClassVar[tuple[str, ...]] = ("T1136.003",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The agent is still being set up.",
        "A new pipeline or product makes agents, and is not entered as a channel yet.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask whoever made the agent what it is for and who answers for it.",
        "Enter what is missing, or have the agent made again through a supported channel.",
        "If nobody knows it, disable it and list its sign-ins and grants.",
    )

    enabled: bool = True
    required: tuple[Property, ...] = ("description", "owner", "sponsor")
    """What a new agent or blueprint must have: description, owner, sponsor."""
    within_days: Annotated[float, Gt(0)] = 7.0
    """Age in days up to which an agent counts as new."""
    channels: frozenset[str] = frozenset()
    """App ids and object ids of what may make agents; empty: anything may."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if number(facts.get("age_days")) > self.within_days:
            return None
        if facts.get("issue") == "incomplete":
            return self._incomplete(signal)
        return self._channel(signal) if facts.get("issue") == "made" else None

    def _incomplete(self, signal: Signal) -> Finding | None:
        facts = signal.facts
        missing = sorted(set(self.required).intersection(several(facts.get("missing"))))
        if not missing:
            return None
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion="properties",
            severity="medium",
            title="A new agent is incomplete",
            explanation=(
                f"{text(facts.get('target_name'))}, made on {date(facts.get('created'))}, has no "
                f"{listed(missing).replace(' and ', ' and no ')}."
            ),
            signal=signal,
        )

    def _channel(self, signal: Signal) -> Finding | None:
        facts = signal.facts
        if not self.channels or self.channels.intersection(several(facts.get("made_by"))):
            return None
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion="channel",
            severity="medium",
            title="An agent was made outside the supported channels",
            explanation=(
                f"{text(facts.get('target_name'))} was made on {date(facts.get('created'))} by "
                f"{text(facts.get('by'))}, which is no supported channel for agents."
            ),
            signal=signal,
        )
