"""D80: somebody became owner or sponsor of an agent or blueprint.

Catches: quiet takeover: an owner may add credentials; guests, agents and people who made themselves owner above all.
Misses: owners added before the detector ran (inventory); groups as owners by way of their members.
Noisy on: creation by hand, when Entra makes the creator owner.
Reads: change.
ATT&CK: T1098. Runbook: docs/detectors/owner_added.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, inside, listed, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind

_RANK = {"owner_added": "owner", "sponsor_added": "sponsor"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerAdded:
    """Thresholds."""

    name: ClassVar[str] = "owner_added"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D80",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1098",)
    innocent: ClassVar[tuple[str, ...]] = (
        "An approved hand-over to a new owner or sponsor.",
        "Somebody created the agent by hand, and Entra made them its owner.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the former owner or the sponsor whether they know the new one.",
        "Look for credentials that the new owner added since.",
        "If nobody approved it, remove the owner and check what else the actor changed that day.",
    )

    enabled: bool = True
    in_pipeline: bool = False
    """Also say (as info) what a declared pipeline adds."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        rank = _RANK.get(text(facts.get("kind")))
        planned = inside(facts)
        if rank is None or (planned and not self.in_pipeline):
            return None
        grave, remark = _remark(facts)
        severity: Severity = "high" if grave else "medium"
        if rank == "sponsor":
            severity = "medium" if grave else "low"
        if facts.get("platform_actor") or not facts.get("succeeded"):
            severity = "low"
        people = several(facts.get("people"))
        who = listed(several(facts.get("people_names"))) or "somebody"
        themselves = f" made themselves {rank} of" if facts.get("for_themselves") and len(people) == 1 else ""
        done = themselves or f" made {who} {rank if len(people) < 2 else f'{rank}s'} of"
        if not facts.get("succeeded"):
            done = f" tried in vain to make {who} {rank} of"
        deed = signal.occasion.partition(":")[2]
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=f"{rank}:{','.join(people)}:{deed}",
            severity="info" if planned else severity,
            title=f"{rank.capitalize()} {'added' if facts.get('succeeded') else 'refused'}: {who}",
            explanation=f"{actor(facts)}{done} {text(facts.get('target_name'))} from {address(facts)}{remark}.",
            signal=signal,
        )


def _remark(facts: Mapping[str, Fact]) -> tuple[bool, str]:
    """What is grave about the new owners, and the words for it."""
    remarks = [
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} {one if len(names) == 1 else many}"
        for names, one, many in (
            (several(facts.get("people_guests")), "a guest of the tenant", "guests of the tenant"),
            (several(facts.get("people_agents")), "an agent itself", "agents themselves"),
        )
        if names
    ]
    return bool(remarks), "".join(f"; {remark}" for remark in remarks)
