"""D72, D73: a credential of an agent's blueprint is about to expire, with the number of agents that will fail.

Catches: outages that can be foreseen, above all when no other credential is left (D73).
Misses: federated credentials, whose certificates belong to others; which of several credentials an agent really uses.
Noisy on: rotations that leave the old credential to expire: low, because others are valid for longer.
Reads: inventory.
ATT&CK: none; hygiene. Runbook: docs/detectors/credential_expiry.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le, MinLen

from detector.detectors.wording import counted, date, duration, number, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind

_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialExpiry:
    """Thresholds."""

    name: ClassVar[str] = "credential_expiry"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D72", "D73")
    reads: ClassVar[tuple[SignalKind, ...]] = ("inventory",)
    attack: ClassVar[tuple[str, ...]] = ()
    innocent: ClassVar[tuple[str, ...]] = (
        "The rotation is planned and simply not due yet.",
        "The agents are to be retired together with the credential.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the owner of the blueprint when the credential will be replaced.",
        "Add the new credential, let the agents use it, and only then remove the old one.",
        "Think of a federated credential, which does not expire.",
    )

    enabled: bool = True
    days: Annotated[tuple[Annotated[float, Gt(0), Le(366)], ...], MinLen(1)] = (30.0, 14.0, 7.0, 1.0)
    """Days before the end at which it is said, once each."""
    high_days: Annotated[float, Ge(0)] = 7.0
    """Days before the end of the only credential from which on the alert is high rather than medium."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "expiring":
            return None
        left, only = number(facts.get("days_left")), not facts.get("others")
        step = self._step(left)
        if step is None or (left <= 0 and not only):
            return None
        severity: Severity = "low" if not only else "high" if left <= self.high_days else "medium"
        return Finding(
            detector=self.name,
            catalogue_ids=("D73",) if only else ("D72",),
            subject=signal.key,
            occasion=f"{signal.occasion}:{step}",
            severity=severity,
            title=_title(facts, left, only=only),
            explanation=_only(facts, left) if only else _one_of_several(facts, left),
            signal=signal,
        )

    def _step(self, left: float) -> str | None:
        """The last of `days` that has been reached."""
        if left <= 0:
            return "expired"
        return next((f"{days:g}" for days in sorted(self.days) if left <= days), None)


def _title(facts: Mapping[str, Fact], left: float, *, only: bool) -> str:
    which = "The only known credential" if only else f"A {text(facts.get('credential_kind'))}"
    return f"{which} has expired" if left <= 0 else f"{which} expires in {_ahead(left)}"


def _only(facts: Mapping[str, Fact], left: float) -> str:
    agents, end = number(facts.get("agents")), date(facts.get("end"))
    whom = counted(agents, "agent") if agents else "it"
    if left > 0:
        when, follows = f"expires in {_ahead(left)}, on {end}", f"{whom} will get no tokens from then on"
    else:
        gets = "get" if agents > 1 else "gets"
        when, follows = f"expired on {end}", f"{whom} {gets} no tokens until it is replaced"
    whose = text(facts.get("target_name"))
    return f"The only known credential of {whose}, {_called(facts)}, {when}; unless there is another, {follows}."


def _one_of_several(facts: Mapping[str, Fact], left: float) -> str:
    others = number(facts.get("others"))
    agents = number(facts.get("agents"))
    risk = f"; {counted(agents, 'agent')} may use it" if agents else ""
    return (
        f"A{_called(facts)[1:]} of {text(facts.get('target_name'))} expires in {_ahead(left)}, on "
        f"{date(facts.get('end'))}{risk}; {counted(others, 'other credential')} {'is' if others == 1 else 'are'} "
        "valid for longer."
    )


def _called(facts: Mapping[str, Fact]) -> str:
    called = f" ({text(facts['credential_name'])})" if "credential_name" in facts else ""
    return f"a {text(facts.get('credential_kind'))}{called}"


def _ahead(days: float) -> str:
    return counted(round(days), "day") if days >= 1 else duration(days * _DAY)
