"""D88: somebody may administer agents now, or an administrator of agents reached for something that is none.

Catches: preparation: a role that can add credentials to every agent; its holder as owner-maker of other applications.
Misses: roles that were given before the detector ran; custom roles; membership by way of a group.
Noisy on: activations of an eligible role, which are low.
Reads: change.
ATT&CK: T1098.003. Runbook: docs/detectors/agent_admin_assigned.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, amount, listed, number, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAdminAssigned:
    """Thresholds."""

    name: ClassVar[str] = "agent_admin_assigned"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D88",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.003",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A new administrator or developer of agents, approved by whoever owns the platform.",
        "An eligible administrator who activated the role for a task.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask who approved the role; if nobody did, remove it and disable the holder.",
        "List what the holder changed since the role was given, credentials and owners above all.",
        "Check what else the actor changed that day.",
    )

    enabled: bool = True
    administrators: frozenset[str] = frozenset()
    """Names or template ids of roles that administer every agent, lower case; the default is `config/tier0.yaml`.
    Others, such as developers, are medium."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        kind = signal.facts.get("kind")
        if kind == "foreign_owner_added":
            return self._reached(signal)
        return self._given(signal) if kind == "agent_role_given" else None

    def _given(self, signal: Signal) -> Finding:
        facts = signal.facts
        role, holder = text(facts.get("role") or facts.get("role_template_id")), text(facts.get("holder"))
        names = {role.casefold(), text(facts.get("role_template_id")).casefold()}
        severity: Severity = "high" if names & self.administrators else "medium"
        if facts.get("guest") and severity == "high":
            severity = "critical"
        if facts.get("pipeline") is not None or facts.get("activated") or not facts.get("succeeded"):
            severity = "low"
        done = "made {} eligible for" if facts.get("eligible") else "gave {}"
        if facts.get("activated"):
            done = "activated for {}"
        done = done.format(holder) if facts.get("succeeded") else f"tried in vain to give {holder}"
        guest = f"; {holder} is a guest of the tenant" if facts.get("guest") else ""
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=f"Role over agents {'given' if facts.get('succeeded') else 'refused'}: {role}",
            explanation=f"{actor(facts)} {done} the role {role} from {address(facts)}{guest}.",
            signal=signal,
        )

    def _reached(self, signal: Signal) -> Finding:
        facts = signal.facts
        days = number(facts.get("role_days"))
        since = f"{amount(days)} {'day' if days == 1 else 'days'}"
        who = listed(several(facts.get("people_names"))) or "somebody"
        known = facts.get("known_otherwise")
        severity: Severity = "high" if known else "medium"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="low" if facts.get("pipeline") is not None else severity,
            title="Administrator of agents changed the owners of another application",
            explanation=(
                f"{actor(facts)}, who was given the role {text(facts.get('role'))} {since} before, made {who} owner of "
                f"{text(facts.get('object_name'))}, which {'is no agent' if known else 'is not known to be an agent'}, "
                f"from {address(facts)}."
            ),
            signal=signal,
        )
