"""D24, D25: several blueprints hold or use one and the same credential.

Catches: one key id that signs in for two blueprints; one certificate, or one federated subject, on several of them.
Misses: one secret that was typed into two applications: each has a key id of its own.
Noisy on: nothing; each blueprint that joins is said once.
Reads: credential_use, inventory.
ATT&CK: T1552, T1078.004. Runbook: docs/detectors/credential_shared.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from detector.detectors.wording import listed, several, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind

_HELD: Final = {
    "certificate_shared": ("D25", "certificate", "thumbprint"),
    "federated_subject_shared": ("D24", "federated subject", "subject"),
}
"""What an inventory shows: row, what is shared, the fact that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialShared:
    """Thresholds."""

    name: ClassVar[str] = "credential_shared"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D24", "D25")
    reads: ClassVar[tuple[SignalKind, ...]] = ("credential_use", "inventory")
    attack: ClassVar[tuple[str, ...]] = ("T1552", "T1078.004")
    innocent: ClassVar[tuple[str, ...]] = (
        "One team runs several blueprints and never gave each its own credential.",
        "An application was copied together with its keys.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find out which team owns each of the blueprints, and who can read the credential.",
        "Give each blueprint a credential of its own and remove the shared one.",
        "If only one of them is yours to expect, treat the credential as stolen: disable, rotate, list its sign-ins.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if signal.kind == "credential_use":
            if facts.get("issue") != "shared":
                return None
            row, names = "D24", (text(facts.get("unit_name")), *several(facts.get("others")))
            done = f"got tokens with one and the same credential, {text(facts.get('key_id'))}"
        else:
            held = _HELD.get(text(facts.get("issue")))
            if held is None:
                return None
            row, names = held[0], several(facts.get("holders"))
            done = f"hold one and the same {held[1]}, {text(facts.get(held[2]))}"
        return Finding(
            detector=self.name,
            catalogue_ids=(row,),
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title="A credential is shared by several blueprints",
            explanation=f"{listed(names)} {done}.",
            signal=signal,
        )
