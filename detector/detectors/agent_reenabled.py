"""D59: a blueprint, an agent or an agent's user account was enabled again, or brought back after it was deleted.

Catches: somebody who undoes the kill switch.
Misses: what was enabled before the detector ran; new objects that replace a disabled one (D109 planned).
Noisy on: the end of an incident or of maintenance.
Reads: change.
ATT&CK: T1098. Runbook: docs/detectors/agent_reenabled.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, counted, duration, inside, number, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind
from detector.features.timeline import DAY

_ENABLED = frozenset({"agent_enabled", "user_enabled"})
_RESTORED = frozenset({"application_restored", "service_principal_restored", "user_restored"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReenabled:
    """Thresholds."""

    name: ClassVar[str] = "agent_reenabled"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D59",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1098",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The end of an incident: whoever disabled it let it work again.",
        "Maintenance that is over, or a mistake that was put right.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find out why it was disabled, and whether that is settled.",
        "Ask the actor over another channel who decided to enable it.",
        "If nobody did, disable the blueprint again and look at every sign-in since.",
    )

    enabled: bool = True
    in_pipeline: bool = False
    """Also say (as info) what a declared pipeline enables."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        kind, planned = facts.get("kind"), inside(facts)
        if kind not in _ENABLED | _RESTORED or (planned and not self.in_pipeline):
            return None
        other = facts.get("disabled_by_id") not in (None, facts.get("actor_id"))
        severity: Severity = "high" if other or facts.get("target_kind") == "blueprint" else "medium"
        if facts.get("platform_actor") or not facts.get("succeeded"):
            severity = "low"
        verb = ("enabled", "enable") if kind in _ENABLED else ("restored", "restore")
        done = verb[0] if facts.get("succeeded") else f"tried in vain to {verb[1]}"
        restored = kind in _RESTORED
        title = f"{'Restored' if restored else 'Enabled again'}: {text(facts.get('target_name'))}"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=f"{'restored' if restored else 'enabled'}:{signal.occasion.partition(':')[2]}",
            severity="info" if planned else severity,
            title=title if facts.get("succeeded") else f"Refused: {title[0].lower()}{title[1:]}",
            explanation=(
                f"{actor(facts)} {done} {text(facts.get('target_name'))}{'' if restored else ' again'} from "
                f"{address(facts)}{_before(facts, signal.time)}{_agents(facts)}."
            ),
            signal=signal,
        )


def _before(facts: Mapping[str, Fact], time: float) -> str:
    """Who disabled it, and how long before."""
    if facts.get("disabled_time") is None:
        return ""
    passed = time - number(facts.get("disabled_time"))
    ago = counted(round(passed / DAY), "day") if passed >= 2 * DAY else duration(passed)
    return f"; {text(facts.get('disabled_by') or 'somebody unknown')} had disabled it {ago} before"


def _agents(facts: Mapping[str, Fact]) -> str:
    """How many agents a blueprint lets in again."""
    agents = number(facts.get("agents"))
    if not agents or not facts.get("succeeded"):
        return ""
    return f"; {counted(agents, 'known agent')} of it can sign in again"
