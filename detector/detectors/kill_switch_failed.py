"""D60: a blueprint or agent was switched off, and tokens were granted all the same.

Catches: a kill switch that does not kill: agents of a disabled blueprint that go on.
Misses: tokens issued before, which stay valid until they expire.
Noisy on: nothing: within the grace period tokens are expected, later ones are not.
Reads: sequence.
ATT&CK: T1078.004. Runbook: docs/detectors/kill_switch_failed.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from detector.detectors.wording import amount, lapse, listed, moment, number, several, step_actor, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class KillSwitchFailed:
    """Thresholds."""

    name: ClassVar[str] = "kill_switch_failed"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D60",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("sequence",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "It was enabled again, and the record of that did not reach the detector.",
        "Only the application was disabled, not its service principal in this tenant.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Look at the account's state now, in the blueprint and in each agent that was still granted tokens.",
        "Disable these agents one by one, and revoke their sessions.",
        "Remove their permissions if they still get tokens; tell Microsoft support.",
    )

    enabled: bool = True
    grace_minutes: Annotated[float, Ge(0), Le(60)] = 5.0
    """Minutes that the change may take to be effective everywhere."""
    within_minutes: Annotated[float, Ge(60), Le(1440)] = 60.0
    """Minutes after the change in which a token is proof."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("sequence") != "kill_switch_failed":
            return None
        off = number(facts.get("step_1_time"))
        first, last = number(facts.get("step_2_time")) - off, number(facts.get("others_until")) - off
        names = several(facts.get("others"))
        until = f" and until at least {lapse(last)} after it" if lapse(last) != lapse(first) else ""
        many = f" ({amount(len(names))} agents)" if len(names) > 3 else ""
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="critical",
            title="Switched off, and still granted tokens",
            explanation=(
                f"{text(facts.get('target_name'))} was switched off by {step_actor(facts, 1)} at {moment(off)}, but "
                f"{listed(names)}{many} {'was' if len(names) == 1 else 'were'} granted tokens {lapse(first)} after "
                f"it{until}."
            ),
            signal=signal,
            facts={"minutes": round(last / 60, 1)},
        )
