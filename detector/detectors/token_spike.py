"""D01: one agent asks for far more tokens than it ever does.

Catches: a stolen credential used by a script, a runaway loop, mass collection; in 10 minutes, 1 hour or 6 hours, and
much sooner when it goes on from minute to minute.
Misses: slow drift (D107), theft that stays within the agent's own bursts.
Noisy on: agents younger than a day; jobs that run monthly.
Reads: token_rate of an agent or of a blueprint's own principal.
ATT&CK: T1078.004, T1119. Runbook: docs/detectors/token_spike.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar, Final

from annotated_types import Ge, Gt, Lt

from detector.detectors.wording import amount, clock, number, span
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind

_WITHOUT_A_PAUSE: Final = "10 minutes without a pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSpike:
    """Thresholds; what counts as a spike at all is set under `rates`."""

    name: ClassVar[str] = "token_spike"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D01",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("token_rate",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004", "T1119")
    innocent: ClassVar[tuple[str, ...]] = (
        "A backfill, a retry storm or a load test by the owning team.",
        "Autoscaling: more replicas of the agent, each with a token cache of its own.",
        "A deployment that lost its token cache.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "List the sign-ins of the agent in the window by address, resource and credential key id.",
        "Ask the sponsor whether a job or deployment explains the volume.",
        "If the address or key id is new as well, disable the agent identity and rotate the blueprint's credential.",
    )

    urgent: ClassVar[Mapping[str, float]] = MappingProxyType({_WITHOUT_A_PAUSE: 4.0})
    """A flood goes on while one waits for a sign that is rarer than its first ten minutes."""

    enabled: bool = True
    high_ratio: Annotated[float, Gt(1)] = 100.0
    """Multiple of the expected count from which on the alert is high rather than medium."""
    high_days: Annotated[float, Ge(0)] = 3.0
    """Days that the agent must have been known for, for that: three days hold a working day."""
    p_value: Annotated[float, Gt(0), Lt(1)] = 1e-7
    """Tail probability that a spike must fall below to be said."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        if signal.facts.get("fleet") or signal.p_value >= self.p_value:
            return None
        ratio = signal.value / signal.usual
        known = number(signal.facts.get("known_days")) >= self.high_days
        severity: Severity = "high" if known and ratio >= self.high_ratio else "medium"
        seconds = number(signal.facts.get("span"))
        window, hour = span(seconds), " at this hour" if seconds <= 3600 else ""
        learned = f"learned from {amount(signal.seen)} active periods of {window}"
        if signal.seen < 1:
            learned = "as much as the other agents of its blueprint make"
        each = number(signal.facts.get("each_minute"))
        title, count = f"{amount(signal.value)} in {window}", f"{amount(signal.value)} token requests in {window}"
        if each:
            title = f"{amount(each)} a minute for {window}"
            count = (
                f"At least {amount(each)} token requests in each of nine of the ten minutes from "
                f"{clock(signal.window[0])} UTC on and one in the tenth, {amount(signal.value)} together"
            )
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=f"Token-request spike: {title}",
            explanation=f"{count}; expected about {amount(signal.usual)}{hour}, {learned}.",
            signal=signal,
            sort=_WITHOUT_A_PAUSE if each else window,
        )
