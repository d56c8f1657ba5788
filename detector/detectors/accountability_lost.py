"""D51, D52: a sponsor or owner of an agent was disabled or deleted, or the last one was removed.

Catches: agents that are orphaned when people leave, within seconds of the audit record; the quiet removal of the last
person who would be asked.
Misses: sponsors and owners that are groups or service principals; the same person lost a second time.
Noisy on: people who leave without a successor, once each, however many agents they answered for.
Reads: inventory.
ATT&CK: T1098. Runbook: docs/detectors/accountability_lost.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from detector.detectors.wording import actor, address, amount, counted, listed, number, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind

_WHICH: Final = {
    "last_sponsor_of": "the last sponsor",
    "last_owner_of": "the last owner",
    "sponsor_of": "a sponsor",
    "owner_of": "an owner",
}
"""Facts that list objects, and what somebody was to them."""
_SHOWN: Final = 3
"""Names of them in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountabilityLost:
    """Thresholds."""

    name: ClassVar[str] = "accountability_lost"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D51", "D52")
    reads: ClassVar[tuple[SignalKind, ...]] = ("inventory",)
    attack: ClassVar[tuple[str, ...]] = ("T1098",)
    innocent: ClassVar[tuple[str, ...]] = (
        "Somebody left the company, and their successor is not entered yet.",
        "A hand-over in which the old name was removed before the new one was added.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the team of the person who takes over, and enter them as sponsor or owner of every agent listed.",
        "Look for credentials and grants that were added to these agents since.",
        "Disable the agents that nobody takes over.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") == "person_lost":
            return self._person(signal)
        return self._removed(signal) if facts.get("issue") == "last_removed" else None

    def _person(self, signal: Signal) -> Finding:
        facts = signal.facts
        why, objects = text(facts.get("why")), number(facts.get("objects"))
        severity: Severity = "high" if number(facts.get("orphaned")) else "low"
        [(first, how_many), *_] = parts = list(_roles(facts))
        whose = "" if objects == 1 else f" of {amount(how_many)} agents and blueprints"
        person = text(facts.get("person_name") or facts.get("person_id"))
        if "actor_id" in facts or "actor_name" in facts:
            done = f"{actor(facts)} {why} the account of {person} from {address(facts)}"
        else:
            done = f"The account of {person} is {why}, as the inventory shows"
        told = "; ".join(_told(facts, which) for which, _ in parts)
        return Finding(
            detector=self.name,
            catalogue_ids=("D51",),
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=f"{_WHICH[first][0].upper()}{_WHICH[first][1:]}{whose} was {why}",
            explanation=f"{done}, {told}.",
            signal=signal,
        )

    def _removed(self, signal: Signal) -> Finding:
        facts = signal.facts
        role, shown = text(facts.get("role")), bool(facts.get("shown"))
        severity: Severity = "high" if shown else "medium"
        doubt = "" if shown else "; no inventory shows whether there were others before the records began"
        return Finding(
            detector=self.name,
            catalogue_ids=("D52",),
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=f"The last {role} was removed",
            explanation=(
                f"{actor(facts)} removed {listed(several(facts.get('person_ids')))} from {address(facts)}, the last "
                f"{'' if shown else 'known '}{role} of {text(facts.get('target_name'))}; {_orphaned(facts)}{doubt}."
            ),
            signal=signal,
        )


def _roles(facts: Mapping[str, Fact]) -> Iterator[tuple[str, float]]:
    """What somebody was, and of how many objects; those first for which nobody is left."""
    for which in _WHICH:
        how_many = number(facts.get(f"{which}_count"))
        if how_many:
            yield which, how_many


def _told(facts: Mapping[str, Fact], which: str) -> str:
    how_many = number(facts.get(f"{which}_count"))
    names = several(facts.get(which))[:_SHOWN]
    more = f" and {amount(how_many - len(names))} more" if how_many > len(names) else ""
    what = f"{', '.join(names)}{more}" if more else listed(names)
    if which.startswith("last"):
        rest = f"which {'has' if how_many == 1 else 'have'} no {_WHICH[which].removeprefix('the last ')} now"
    else:
        rest = "where others are left"
    return f"{_WHICH[which]} of {what}, {rest}"


def _orphaned(facts: Mapping[str, Fact]) -> str:
    agents = number(facts.get("agents"))
    role = text(facts.get("role"))
    return f"{counted(agents, 'agent')} of this blueprint lost that {role}" if agents else f"it has no {role} now"
