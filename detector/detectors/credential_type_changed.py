"""D20: an identity signs in with a type of credential that it never used before.

Catches: a secret that somebody added to an identity which works with a certificate, a federation or a managed identity.
Misses: a second credential of the usual type (D21); types that the log does not state.
Noisy on: moves to a stronger type, which are low.
Reads: credential_use.
ATT&CK: T1098.001. Runbook: docs/detectors/credential_type_changed.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from annotated_types import Gt, Lt

from detector.detectors.wording import amount, counted, listed, odds, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Signal, SignalKind

_WORDS: Final = {
    "clientSecret": "a client secret",
    "clientAssertion": "a signed assertion",
    "certificate": "a certificate",
    "federatedIdentityCredential": "a federated credential",
    "managedIdentity": "a managed identity",
}


def worded(kind: str) -> str:
    """A type of credential in words; an unknown one as logged."""
    return _WORDS.get(kind, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialTypeChanged:
    """Thresholds."""

    name: ClassVar[str] = "credential_type_changed"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D20",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("credential_use",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.001",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The team moves the agent to another type of credential, and says so.",
        "Somebody runs the agent from a workstation with a secret of their own.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find the credential by its key id: when was it added, by whom, and does a change record speak of it?",
        "Compare address and resources of these sign-ins with the usual ones.",
        "If nobody owns the credential, remove it and list what was done with it.",
    )

    enabled: bool = True
    p_value: Annotated[float, Gt(0), Lt(1)] = 0.02
    """Surprise from which on a new type is said."""
    min_seen: Annotated[float, Gt(0)] = 24.0
    """Active hours the identity must have shown."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "type_changed" or signal.seen < self.min_seen or signal.p_value >= self.p_value:
            return None
        kind, turn = text(facts.get("credential_type")), text(facts.get("turn"))
        severity: Severity = "medium"
        if turn in {"stronger", "equal"}:
            severity = "low"
        elif kind == "clientSecret":
            severity = "high"
        compared = {
            "weaker": ", which is weaker",
            "stronger": ", which is stronger",
            "equal": ", which is as strong",
        }.get(turn, "")
        before = listed([worded(each) for each in several(facts.get("known_types"))])
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity=severity,
            title=f"Sign-in with {worded(kind)} for the first time",
            explanation=(
                f"{text(facts.get('agent_name'))} got a token with {worded(kind)}{compared}; in "
                f"{amount(signal.seen)} active hours it had used {before} only ({odds(signal.p_value)}, "
                f"{counted(len(several(facts.get('known_types'))), 'type')} known)."
            ),
            signal=signal,
        )
