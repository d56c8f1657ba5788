"""D94, D95: a permission was granted and then used for the first time; worse when it had been put by for weeks.

Catches: privilege taken and put to use; a permission staged while nobody looked and used later.
Misses: resources that the agent used before the grant; scopes, which sign-ins do not show.
Noisy on: every new tool of an agent, once, unless a declared pipeline granted it.
Reads: sequence.
ATT&CK: T1098.003, T1021.007. Runbook: docs/detectors/grant_used.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Le

from detector.detectors.wording import by_hour, lapse, listed, moment, number, several, step_actor, text
from detector.domain.findings import SEVERITIES, Finding
from detector.domain.signals import Fact, Signal, SignalKind

_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantUsed:
    """Thresholds."""

    name: ClassVar[str] = "grant_used"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D94", "D95")
    reads: ClassVar[tuple[SignalKind, ...]] = ("sequence",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.003", "T1021.007")
    innocent: ClassVar[tuple[str, ...]] = (
        "A new tool of the agent, granted and then released.",
        "A permission granted ahead of a release that came weeks later.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find the review that allowed the permission, and ask the sponsor what the agent needs it for.",
        "Look at what was done with it (Microsoft Graph activity logs, the resource's own log).",
        "If nothing explains it, remove the permission and see what else the actor granted.",
    )

    enabled: bool = True
    staged_days: Annotated[float, Gt(0), Le(180)] = 14.0
    """Days between grant and first use from which on the permission is said to have been put by."""
    in_pipeline: bool = False
    """Also say (as info) that what a declared pipeline granted was soon used, with nothing odd about it."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("sequence") not in {"grant_used", "role_used"}:
            return None
        idle = number(facts.get("step_2_time")) - number(facts.get("step_1_time"))
        staged = idle >= self.staged_days * _DAY
        worse = _circumstances(facts)
        # Whoever releases on a Friday evening is not a thief: the agents of a blueprint work at night for once.
        planned = facts.get("step_1_by") == "pipeline" and not staged and not _strange_place(facts)
        if planned and not self.in_pipeline:
            return None
        rank = 0 if planned else 2 - (facts.get("step_1_by") is not None) + (staged and bool(worse))
        what = text(facts.get("step_2_name") or facts.get("step_2_about"))
        agent = text(facts.get("target_name"))
        user = agent if signal.key.kind != "blueprint" else f"{agent}, or an agent of it,"
        after = f"by {by_hour(facts.get('step_2_time'))}, {lapse(idle)} later" if staged else _soon(facts, idle)
        return Finding(
            detector=self.name,
            catalogue_ids=("D95",) if staged else ("D94",),
            subject=signal.key,
            occasion=signal.occasion,
            severity=SEVERITIES[rank],
            title="A permission put by for weeks was used" if staged else "A new permission was used",
            explanation=(
                f"{_granted(facts)} to {agent} at {moment(facts.get('step_1_time'))}; {user} got the first token for "
                f"{what} {after}{worse}."
            ),
            signal=signal,
        )


def _granted(facts: dict[str, Fact]) -> str:
    who = step_actor(facts, 1)
    if facts.get("sequence") == "role_used":
        return f"{who} gave the directory role {text(facts.get('step_1_detail'))}"
    return f"{who} granted {text(facts.get('step_1_detail') or 'a permission')}"


def _soon(facts: dict[str, Fact], idle: float) -> str:
    return f"by {by_hour(facts.get('step_2_time'))}, within {lapse(idle + 1)}"


def _strange_place(facts: dict[str, Fact]) -> bool:
    return "new_network" in several(facts.get("also"))


def _circumstances(facts: dict[str, Fact]) -> str:
    """What makes a use graver, as the end of a sentence; `""` when nothing does."""
    found = ["from a network never seen before"] if _strange_place(facts) else []
    if facts.get("quiet_hour"):
        found.append("at an hour at which its blueprint seldom works")
    return f", {listed(found)}" if found else ""
