"""D13, D14, D15: an agent signs in from a prefix, autonomous system or country it never signed in from.

Catches: a stolen credential used from somewhere else.
Misses: use from inside the agent's own egress (D16, D17); sign-ins without an address (managed identities).
Noisy on: egress ranges that move without a word; serverless platforms with wide pools.
Reads: network_novelty.
ATT&CK: T1078.004. Runbook: docs/detectors/network_novelty.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from detector.detectors.wording import address, amount, number, odds, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind

_ROWS = {"prefix": "D13", "asn": "D14", "country": "D15"}
_WORDS = {"prefix": "a new network", "asn": "a new autonomous system", "country": "a new country"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkNovelty:
    """Thresholds."""

    name: ClassVar[str] = "network_novelty"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D13", "D14", "D15")
    reads: ClassVar[tuple[SignalKind, ...]] = ("network_novelty",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The platform moved: a new region, NAT gateway or node pool (siblings soon follow).",
        "A developer runs the agent from a laptop or VPN.",
        "The provider renumbered, or geolocation changed its mind.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask whether the address belongs to you: egress list, cloud subscription, VPN.",
        "See which credential key id was used, and whether it was also used from the usual network at the same time.",
        "If it is not yours, disable the agent (or the blueprint when several agents came from there) and rotate.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-3
    """Surprise from which on a network that no sibling uses is said."""
    p_value_siblings_know: Annotated[float, Gt(0), Lt(1)] = 1e-6
    """The same for a network that siblings use; the default is out of reach on purpose: such networks are not said."""
    p_value_alone: Annotated[float, Gt(0), Lt(1)] = 0.02
    """Surprise from which on a network of an agent without siblings is said."""
    min_seen: Annotated[float, Gt(0)] = 24.0
    """Active hours the agent must have shown."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        level = text(signal.facts.get("level"))
        siblings_know = bool(signal.facts.get("known_to_siblings"))
        siblings = number(signal.facts.get("siblings"))
        kinds, limit = number(signal.facts.get("kinds")), self.p_value
        if siblings_know:
            limit = self.p_value_siblings_know
        elif signal.key.kind == "agent" and not siblings and kinds:
            # With siblings it is told of under its blueprint; without a known network there is no move.
            limit = self.p_value_alone
        if signal.seen < self.min_seen or signal.p_value >= limit:
            return None
        severity: Severity = {"prefix": "medium", "asn": "high", "country": "high"}[level]  # type: ignore[assignment]
        peers = "it had not used before"
        if siblings_know:
            peers += ", though other agents of its blueprint had"
        elif siblings:
            others = "the other agent" if siblings == 1 else f"any of the {amount(siblings)} other agents"
            peers = f"neither it nor {others} of its blueprint had used before"
        where = text(signal.facts.get("network"))
        agent = text(signal.facts.get("agent_name"))
        return Finding(
            detector=self.name,
            catalogue_ids=(_ROWS[level],),
            subject=signal.key,
            occasion=signal.occasion,
            severity="low" if siblings_know else severity,
            title=f"Sign-in from {_WORDS[level]}: {where}",
            explanation=(
                f"{agent} got a token from {address(signal.facts)} ({where}), {_WORDS[level]} that {peers}; it had "
                f"used {amount(kinds)} in {amount(signal.seen)} active hours "
                f"({odds(signal.p_value)})."
            ),
            signal=signal,
            sort=level,
        )
