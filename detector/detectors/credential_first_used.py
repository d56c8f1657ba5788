"""D21: the first token with a credential whose key id was never seen in use before.

Catches: the use of a credential that somebody added, whether or not the addition was logged.
Misses: records without a key id, as those of agents (their blueprint's carry it) and of managed identities.
Noisy on: rotations, unless the identity rotates often enough for them to be usual.
Reads: credential_use.
ATT&CK: T1098.001. Runbook: docs/detectors/credential_first_used.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from detector.detectors.credential_type_changed import worded
from detector.detectors.wording import address, amount, counted, lapse, number, odds, text
from detector.domain.findings import Finding
from detector.domain.signals import Fact, Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFirstUsed:
    """Thresholds."""

    name: ClassVar[str] = "credential_first_used"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D21",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("credential_use",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.001",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A planned rotation: the addition was announced, and the old key falls silent.",
        "A second deployment of the same agent that was given a key of its own.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "See who added this key and when; if no change record speaks of it, ask the owner of the blueprint.",
        "Compare the address of this sign-in with those of the keys before it.",
        "If nobody owns the key, remove it and list every sign-in with it.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 0.02
    """Surprise from which on a new key is said; who rotates often is not surprising."""
    min_seen: Annotated[float, Gt(0)] = 24.0
    """Active hours the identity must have shown."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "first_use" or signal.seen < self.min_seen or signal.p_value >= self.p_value:
            return None
        kind = facts.get("credential_type")
        what = f"the credential {text(facts.get('key_id'))}" + (f" ({worded(text(kind))})" if kind else "")
        added = "; nothing is known of its addition"
        if facts.get("added_time") is not None:
            by = text(facts.get("added_by")) if facts.get("added_by") else "somebody unknown"
            since = signal.time - number(facts.get("added_time"))
            added = f"; {by} had added it {lapse(since)} before" if since >= 0 else f"; {by} added it later"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title="First use of a credential",
            explanation=(
                f"{text(facts.get('agent_name'))} got its first token with {what} from {address(facts)}{added}; it had "
                f"used {counted(number(facts.get('kinds')), 'credential')} in {amount(signal.seen)} active hours "
                f"({odds(signal.p_value)})."
            ),
            signal=signal,
            sort=_sort(facts),
        )


def _sort(facts: Mapping[str, Fact]) -> str:
    """Rotations by a pipeline come again and again; a key that a person added, or nobody knows of, does not."""
    if facts.get("added_time") is None:
        return "unannounced"
    return "by a pipeline" if facts.get("added_by_pipeline") else "by hand"
