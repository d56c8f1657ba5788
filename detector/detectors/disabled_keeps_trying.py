"""D58: a disabled agent, or an agent of a disabled blueprint, keeps asking for tokens.

Catches: what was switched off and runs on somewhere; somebody who tries it from elsewhere.
Misses: an agent's user account that is disabled: its error code is that of any disabled user.
Noisy on: the hours after somebody was switched off and its job was not.
Reads: disabled_use.
ATT&CK: T1078.004. Runbook: docs/detectors/disabled_keeps_trying.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from detector.detectors.wording import address, counted, moment, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DisabledKeepsTrying:
    """Thresholds."""

    name: ClassVar[str] = "disabled_keeps_trying"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D58",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("disabled_use",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "Its job or container was left running when it was switched off.",
        "It was switched off by mistake.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find what still runs at the address, and stop it.",
        "If the address is not yours, somebody holds a credential: remove all of them before it is enabled again.",
    )

    enabled: bool = True
    attempts: Annotated[int, Ge(1)] = 3
    """Refusals within 6 hours from which on it is said."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if signal.value < self.attempts:
            return None
        facts = signal.facts
        since = "" if facts.get("disabled_at") is None else f" since {moment(facts.get('disabled_at'))}"
        by = "" if facts.get("disabled_by") is None else f" by {text(facts.get('disabled_by'))}"
        elsewhere = bool(facts.get("unknown_network"))
        where = ", from where it was never granted any" if elsewhere else ""
        agent = text(facts.get("agent_name"))
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium" if elsewhere else "low",
            title="Switched off, and still asking for tokens",
            explanation=(
                f"{agent} has been switched off{by}{since} and asked for tokens {counted(signal.value, 'time')} within "
                f"6 hours, at last from {address(facts)}{where}."
                if since
                else f"{agent} is switched off, nobody knows since when, and asked for tokens "
                f"{counted(signal.value, 'time')} within 6 hours, at last from {address(facts)}{where}."
            ),
            signal=signal,
        )
