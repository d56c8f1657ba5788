"""D96: somebody was made an owner, added a credential as one, and it signed in.

Catches: the classic way to take over an application without any directory role.
Misses: an owner who was one before the detector ran (credential_added, credential_takeover).
Noisy on: a handover to a new developer who rotates the credential by hand.
Reads: sequence.
ATT&CK: T1098, T1098.001. Runbook: docs/detectors/owner_takeover.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import by_hour, moment, step_actor, step_address, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerTakeover:
    """Thresholds."""

    name: ClassVar[str] = "owner_takeover"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D96",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("sequence",)
    attack: ClassVar[tuple[str, ...]] = ("T1098", "T1098.001")
    innocent: ClassVar[tuple[str, ...]] = ("A handover: the new owner replaced the credential of the old one.",)
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the sponsor and the owners before, over another channel, whether this person should be one.",
        "If not, remove the owner and the key, and revoke the sessions of the blueprint and its agents.",
        "List what else the new owner owns and changed.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("sequence") != "owner_takeover":
            return None
        severity: Severity = "medium" if facts.get("step_1_by") == "pipeline" else "high"
        target, owner = text(facts.get("target_name")), step_actor(facts, 2)
        himself = facts.get("step_1_who") == facts.get("step_1_about")
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title="A new owner's credential was used",
            explanation=(
                f"{step_actor(facts, 1)} made {'themselves' if himself else owner} an owner of {target} at "
                f"{moment(facts.get('step_1_time'))}; {owner} added the credential {text(facts.get('step_2_about'))} "
                f"at {moment(facts.get('step_2_time'))} from "
                f"{step_address(facts, 2)}, and it signed in for the first time by "
                f"{by_hour(facts.get('step_3_time'))}."
            ),
            signal=signal,
        )
