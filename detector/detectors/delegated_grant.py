"""D76: an agent was allowed to act for users, or a blueprint to hand permissions down to all its agents.

Catches: consent phishing and privilege creep: sensitive scopes for an agent, for everybody above all; permissions that
    every agent of a blueprint inherits.
Misses: which permissions are inherited, when the record does not say; scopes that are not on the list.
Noisy on: onboarding. Consents of single users to scopes that are not sensitive are not said at all.
Reads: change.
ATT&CK: T1098.003, T1671. Runbook: docs/detectors/delegated_grant.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, counted, inside, listed, number, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind

_GRANTS = frozenset({"delegated_permission_granted", "consent_granted"})

_SHOWN = 32
"""Scopes shown in the evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegatedGrant:
    """Thresholds."""

    name: ClassVar[str] = "delegated_grant"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D76",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.003", "T1671")
    innocent: ClassVar[tuple[str, ...]] = (
        "A reviewed consent for a new version of an interactive agent.",
        "Onboarding of an agent that works in mailboxes or files.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find the review that allowed these scopes; if there is none, remove the grant.",
        "List what the agent did on behalf of users since the grant.",
        "Check what else the same actor consented to or changed that day.",
    )

    enabled: bool = True
    in_pipeline: bool = False
    """Also say (as info) what a declared pipeline grants that is not sensitive."""
    sensitive: frozenset[str] = frozenset()
    """Scopes whose misuse is grave, lower case; the default is `config/tier0.yaml`."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        kind = signal.facts.get("kind")
        if kind == "inheritable_permissions_changed":
            return self._inherited(signal)
        return self._granted(signal) if kind in _GRANTS else None

    def _inherited(self, signal: Signal) -> Finding | None:
        """Permissions that agents inherit from their blueprint."""
        facts = signal.facts
        planned = inside(facts)
        if planned and not self.in_pipeline:
            return None
        severity: Severity = "info" if planned else "high"
        if not planned and (facts.get("platform_actor") or not facts.get("succeeded")):
            severity = "low"
        agents = number(facts.get("agents"))
        get = "agents of it get" if agents != 1 else "agent of it gets"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title="Inheritable permissions changed" if facts.get("succeeded") else "Inheritable permissions refused",
            explanation=(
                f"{actor(facts)} {'changed' if facts.get('succeeded') else 'tried in vain to change'} the permissions "
                f"that agents inherit from {text(facts.get('target_name'))} from {address(facts)}; "
                f"{f'the {agents:.0f} known {get} them' if agents else 'every agent of it gets them'}."
            ),
            signal=signal,
        )

    def _granted(self, signal: Signal) -> Finding | None:
        """Scopes that were granted."""
        facts = signal.facts
        scopes, everybody = several(facts.get("scopes")), bool(facts.get("for_everybody"))
        grave = tuple(sorted(scope for scope in scopes if scope.casefold() in self.sensitive))
        if not grave and not (everybody and facts.get("succeeded") and (scopes or not facts.get("permission"))):
            return None
        planned = inside(facts)
        if planned and not grave and not self.in_pipeline:
            return None
        severity: Severity = ("high" if everybody else "medium") if grave else "low"
        if facts.get("platform_actor") or not facts.get("succeeded"):
            severity = "low"
        if planned:
            severity = "low" if grave else "info"
        deed = signal.occasion.partition(":")[2]
        grade = "sensitive" if grave else "plain"
        what = (
            counted(len(grave), "sensitive scope") if grave else counted(len(scopes), "scope") if scopes else "scopes"
        )
        named = f" ({listed(grave or scopes)})" if scopes else " that the record does not name"
        title = f"Delegated permission {'granted' if facts.get('succeeded') else 'refused'}"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=f"{grade}:{deed}" if everybody else f"user:{' '.join(grave)}",
            severity=severity,
            title=f"{title}: {listed(grave or scopes)}" if scopes else title,
            explanation=(
                f"{actor(facts)} {'granted' if facts.get('succeeded') else 'tried in vain to grant'} "
                f"{text(facts.get('target_name'))} {what}{named} from {address(facts)}; it may act for "
                f"{'every user of the tenant' if everybody else 'the user who consented'} with "
                f"{'it' if len(grave or scopes) == 1 else 'them'}."
            ),
            signal=signal,
            facts={"scopes": scopes[:_SHOWN], "sensitive_scopes": grave[:_SHOWN]},
        )
