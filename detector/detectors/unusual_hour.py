"""D117: an hour of an agent is, as a whole, unlike its own hours and those of its siblings.

Catches: thefts in which several things are a little strange at once, and what nobody wrote a rule for.
Misses: agents with fewer than a day of active hours, silence, everything while no model is configured.
Noisy on: tenants that differ from those that the model was trained on.
Reads: unusual_hour, once an hour is final.
ATT&CK: T1078.004. Runbook: docs/detectors/unusual_hour.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, counted, listed, odds, several, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind

_WORDS: Final = {
    "volume": "requests in the hour",
    "surprise": "how rare so many requests are",
    "apart": "requests beside those of its siblings",
    "alone": "being at work without its siblings",
    "spread": "different resources",
    "new_resources": "resources it never used",
    "mix": "an unusual set of resources",
    "mix_of_late": "other resources of late than as a rule",
    "failing": "refused requests",
    "new_networks": "networks it never came from",
    "new_means": "a type of credential or a flow it never used",
    "off_hours": "the hour of the day",
    "gap": "the pause before it",
    "regular": "unusually regular pauses",
    "day_volume": "requests of the last day",
    "day_hours": "active hours of the last day",
    "day_apart": "requests of the last day beside those of its siblings",
}
"""Parts of an hour (`detector.features.hours.PARTS`) as people read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusualHour:
    """Thresholds."""

    name: ClassVar[str] = "unusual_hour"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D117",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("unusual_hour",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A new version or a new task of the agent.",
        "A rotated credential or a moved egress on the first agent that shows it.",
        "A tenant that no longer resembles the one that the model was trained on.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Read which parts carried the alert, and look for other alerts about the agent in the same hour.",
        "Compare the requests of the hour with those of the day before: resources, networks, credentials.",
        "If nobody can say what the agent was doing, handle its blueprint's credential as stolen.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-5
    """Share of ordinary hours that may be as strange; what is rarer is said."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if signal.p_value >= self.p_value:
            return None
        carried = several(signal.facts.get("carried_by"))
        parts = [_WORDS.get(part, part) for part in carried]
        requests, usual = counted(signal.value, "token request"), amount(signal.usual)
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            sort=carried[0] if carried else "",
            title="An hour unlike the agent's others",
            explanation=(
                f"{requests} in 1 hour; usually about {usual}. What makes the hour strange: {listed(parts, 4)} "
                f"({odds(signal.p_value)} for an ordinary hour, by model {text(signal.facts.get('model'))}, from "
                f"{amount(signal.seen)} active hours of the agent)."
            ),
            signal=signal,
        )
