"""D32: one source is refused for wrong secrets of many blueprints and agents within six hours.

Catches: secrets tried on many targets, however few times on each.
Misses: a source that tries fewer targets in six hours, or that changes its network (/24 or /48) all the time.
Noisy on: a roll-out that breaks the secrets of many blueprints behind one egress.
Reads: secret_spray.
ATT&CK: T1110.003. Runbook: docs/detectors/secret_spray.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt

from detector.detectors.wording import amount, counted, duration, number, odds, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSpray:
    """Thresholds."""

    name: ClassVar[str] = "secret_spray"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D32",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("secret_spray",)
    attack: ClassVar[tuple[str, ...]] = ("T1110.003",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A roll-out or rotation that gave many agents behind one egress a wrong secret.",
        "A new deployment environment whose secrets were copied wrongly.",
        "A penetration test.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "See whether any token was granted to the same network since: that secret was guessed, rotate it first.",
        "Find out whose network it is; if it is nobody's, block it by a named location.",
        "If it is your own egress, ask who rotated secrets or deployed just before.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-4
    """Tail probability that the number of targets must fall below."""
    floor: Annotated[int, Ge(2)] = 5
    """Targets that get their tokens elsewhere, within six hours, below which nothing is said."""
    floor_regulars: Annotated[int, Ge(2)] = 10
    """The same of targets that get tokens from this network, or of which it is not known where they do."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        strangers = bool(facts.get("strangers"))
        if signal.value < (self.floor if strangers else self.floor_regulars) or signal.p_value >= self.p_value:
            return None
        elsewhere = " that get their tokens elsewhere" if strangers else ""
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="high" if strangers else "medium",
            title=f"One network was refused for wrong secrets of {amount(signal.value)} blueprints and agents",
            explanation=(
                f"{text(facts.get('network'))} was refused for wrong secrets of {amount(signal.value)} blueprints and "
                f"agents{elsewhere} within {duration(number(facts.get('within')))} "
                f"({counted(number(facts.get('requests')), 'request')} in the 6 hours so far); {amount(signal.usual)} "
                f"are usual, learned from {counted(number(facts.get('known_days')), 'day')} ({odds(signal.p_value)})."
            ),
            signal=signal,
            sort="strangers" if strangers else "regulars",
        )
