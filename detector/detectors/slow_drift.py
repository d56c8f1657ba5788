"""D107: an agent asks for more tokens from day to day, away from its siblings.

Catches: theft that begins small and grows, or that stays a little above the usual for days, on busy agents.
Misses: rises that siblings share; less than about a fifth above the usual; resources and networks that creep.
Noisy on: agents whose work grows, or whose schedule was changed.
Reads: drift.
ATT&CK: T1078.004. Runbook: docs/detectors/slow_drift.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Interval, Lt

from detector.detectors.wording import amount, counted, date, factor_of_siblings, number, odds, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowDrift:
    """Thresholds."""

    name: ClassVar[str] = "slow_drift"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D107",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("drift",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The agent has more to do: more users, more data, a new customer.",
        "A schedule that was changed on purpose, or one more host.",
        "Retries after an error that nobody mends.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Count the sign-ins of the agent a day by address, resource and key id over a month: what of it grows?",
        "Ask the sponsor whether the agent has more to do than before.",
        "If nothing explains it, disable the agent identity and rotate the blueprint's credential.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-3
    """Chance that days without a rise add up to as much, that it must fall below."""
    floor: Annotated[int, Interval(ge=1, le=10)] = 3
    """Days higher than usual below which nothing is said."""
    min_days: Annotated[int, Interval(ge=2, le=40)] = 5
    """Whole days at work that "usual" must have been learned from."""

    @property
    def ripens(self) -> float:
        """Days of a tenant in which it cannot speak: the first is no whole one, and those that rise do not teach."""
        return 1.0 + self.min_days + self.floor

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts, days = signal.facts, number(signal.facts.get("days"))
        if days < self.floor or signal.seen < self.min_days or signal.p_value >= self.p_value:
            return None
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="low",
            title=f"{amount(signal.value)} token requests a day, usually {amount(signal.usual)}, and rising",
            explanation=(
                f"{text(facts.get('agent_name'))} asked for {amount(signal.value)} tokens on "
                f"{date(signal.window[1] - 1)}; {amount(signal.usual)} were to be expected from its usual level"
                f"{factor_of_siblings(facts)}. It was above it on {counted(days, 'day')} since "
                f"{date(facts.get('since'))}, learned from {counted(signal.seen, 'day')} ({odds(signal.p_value)})."
            ),
            signal=signal,
        )
