"""D07: one identity gets tokens from two places in turns.

Catches: a stolen credential that is used elsewhere while the agent goes on working.
Misses: a thief who waits for the agent to be silent (D13), or stays in its network; sign-ins without an address.
Noisy on: a move to another provider in which old and new run side by side.
Reads: concurrency.
ATT&CK: T1078.004, T1550.001. Runbook: docs/detectors/concurrent_use.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, counted, number, odds, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrentUse:
    """Thresholds."""

    name: ClassVar[str] = "concurrent_use"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D07",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("concurrency",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004", "T1550.001")
    innocent: ClassVar[tuple[str, ...]] = (
        "A move to another region or provider, old and new side by side.",
        "A developer runs the agent on a workstation while it runs in production as well.",
        "A second egress (VPN, proxy) that takes part of the traffic.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask whether both addresses are yours: egress list, cloud subscription, VPN.",
        "Compare the key ids used from either place.",
        "If one of them is not yours, disable the agent and rotate its credential: both ends hold it.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 0.02
    """Surprise of the new place from which on it is said; who changes places often is not surprising."""
    min_seen: Annotated[float, Gt(0)] = 24.0
    """Active hours the identity must have shown."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if signal.seen < self.min_seen or signal.p_value >= self.p_value:
            return None
        facts = signal.facts
        siblings_know = bool(facts.get("known_to_siblings"))
        peers = ", though other agents of its blueprint had" if siblings_know else ""

        def at(place: str, address: str) -> str:
            return f"{text(facts.get(address))} ({text(facts.get(place))})"

        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium" if siblings_know else "high",
            title=f"Used from two places at once: {text(facts.get('place'))} and {text(facts.get('other_place'))}",
            explanation=(
                f"{text(facts.get('agent_name'))} got tokens in turns from {at('place', 'address')} and "
                f"{at('other_place', 'other_address')} within one hour; it had not used {text(facts.get('place'))} "
                f"before{peers}, and {counted(number(facts.get('kinds')), 'place')} in "
                f"{amount(signal.seen)} active hours ({odds(signal.p_value)})."
            ),
            signal=signal,
        )
