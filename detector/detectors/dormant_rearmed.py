"""D110: a credential was added to an identity that slept, and then it woke.

Catches: a forgotten identity with permissions that nobody misses, given a new key and put to use.
Misses: identities that slept less long; keys that were there before (dormant_agent_wakes).
Noisy on: a project that is taken up again after months.
Reads: sequence.
ATT&CK: T1098.001, T1078.004. Runbook: docs/detectors/dormant_rearmed.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from detector.detectors.wording import by_hour, lapse, moment, number, step_actor, step_address, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind

_DAY, _HOUR = 86_400, 3_600

_SEVERITIES: dict[str, Severity] = {"pipeline": "medium", "platform": "low"}
"""By who added the credential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DormantRearmed:
    """Thresholds."""

    name: ClassVar[str] = "dormant_rearmed"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D110",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("sequence",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.001", "T1078.004")
    innocent: ClassVar[tuple[str, ...]] = ("A project that is taken up again: its old credential had expired.",)
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the sponsor and the actor, over another channel, whether this identity is in use again.",
        "If not, disable it, remove the key, and list what it did since it woke.",
        "Look for other sleeping identities that the same actor changed.",
    )

    enabled: bool = True
    min_days: Annotated[float, Ge(7)] = 30.0
    """Days that the pause lasted at least."""
    min_usual_pauses: Annotated[float, Ge(1)] = 20.0
    """How many of the identity's usual pauses it is as long as, at least."""
    min_seen: Annotated[float, Ge(2)] = 4.0
    """Active hours the identity must have shown before."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("sequence") != "dormant_rearmed":
            return None
        asleep = (float(text(facts.get("step_2_about"))) + 1) * _HOUR
        usual = float(text(facts.get("step_2_detail"))) * _HOUR
        pause = number(facts.get("step_2_time")) + 1 - asleep
        if number(facts.get("step_1_time")) < asleep:
            return None  # the credential was added while it was still at work
        if pause < self.min_days * _DAY or pause < self.min_usual_pauses * usual:
            return None
        severity = _SEVERITIES.get(str(facts.get("step_1_by")), "high")
        target = text(facts.get("target_name"))
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title="A sleeping identity got a credential and woke",
            explanation=(
                f"{step_actor(facts, 1)} added the credential {text(facts.get('step_1_about'))} to {target} at "
                f"{moment(facts.get('step_1_time'))} from {step_address(facts, 1)}; "
                f"{target} had been asleep since {moment(asleep)} and was granted its first token by "
                f"{by_hour(facts.get('step_2_time'))}, after {lapse(pause)}."
            ),
            signal=signal,
        )
