"""D68, D69: a credential was added by somebody who should not or never did.

Catches: an agent that gives itself or others credentials; a credential for an agent that can take over the tenant; an
    account that has never added credentials before.
Misses: an actor who does so every day; permissions that an agent was given before the detector ran.
Noisy on: new staff. In the first days of a tenant everything is new, so D69 waits `learning_days`.
Reads: change.
ATT&CK: T1098.001. Runbook: docs/detectors/credential_by_unusual_actor.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from detector.detectors.wording import actor, address, amount, inside, listed, number, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind
from detector.features.timeline import DAY

_KINDS = frozenset({"credential_added", "federated_credential_changed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialByUnusualActor:
    """Thresholds."""

    name: ClassVar[str] = "credential_by_unusual_actor"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D68", "D69")
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.001",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A new member of the team who rotates a credential for the first time.",
        "An agent that is meant to rotate credentials; declare it as a pipeline.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the actor, or the owner of the agent that acted, over another channel.",
        "Look for sign-ins with the new key id, and for what the actor did before.",
        "If nobody owns it, remove the key and disable the actor.",
    )

    enabled: bool = True
    learning_days: Annotated[float, Ge(1)] = 7.0
    """Days that changes of a tenant must have been read before an actor is said to be new to it."""
    tier0: frozenset[str] = frozenset()
    """Permissions and roles whose holder can take over the tenant, lower case; the default is `config/tier0.yaml`."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("kind") not in _KINDS or inside(facts):
            return None
        said = self._agent(facts) or self._tier(facts) or self._newcomer(facts, signal)
        if said is None:
            return None
        severity, title, why, occasion = said
        what = "a federated credential" if facts.get("kind") == "federated_credential_changed" else "a credential"
        done = "added" if facts.get("succeeded") else "tried in vain to add"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=occasion or signal.occasion,
            severity=severity if facts.get("succeeded") else "medium",
            title=title,
            explanation=(
                f"{actor(facts)} {done} {what} to {text(facts.get('target_name'))} from {address(facts)}; {why}."
            ),
            signal=signal,
        )

    @staticmethod
    def _agent(facts: Mapping[str, Fact]) -> tuple[Severity, str, str, str] | None:
        """The actor is an agent itself."""
        if facts.get("actor_agent") is None:
            return None
        kind = {"blueprint": "a blueprint", "agent_user": "an agent's user account"}.get(
            text(facts.get("actor_role")), "an agent"
        )
        whom = facts.get("acts_on")
        to = f", and gave the credential to {whom}" if whom is not None else ""
        return "high" if whom == "itself" else "critical", f"Credential added by {kind}", f"the actor is {kind}{to}", ""

    def _tier(self, facts: Mapping[str, Fact]) -> tuple[Severity, str, str, str] | None:
        """The target can take over the tenant: the credential makes its holder as powerful."""
        grave = [each for each in several(facts.get("holds")) if each in self.tier0]
        if not grave or facts.get("platform_actor") or not facts.get("succeeded"):
            return None
        why = f"{text(facts.get('target_name'))} holds {listed(grave)}, so the credential can take over the tenant"
        return "critical", "Credential added to an agent that can take over the tenant", why, ""

    def _newcomer(self, facts: Mapping[str, Fact], signal: Signal) -> tuple[Severity, str, str, str] | None:
        """The actor never did so, in days that are enough to say it: once a day."""
        watched, who = number(facts.get("watched_days")), facts.get("actor_id")
        if facts.get("habit") or facts.get("platform_actor") or who is None or not facts.get("succeeded"):
            return None
        if watched < self.learning_days:
            return None
        why = f"this actor never did so in the {amount(watched)} days that changes have been watched"
        return (
            "medium",
            "Credential added by an actor who never did so",
            why,
            f"newcomer:{who}:{int(signal.time // DAY)}",
        )
