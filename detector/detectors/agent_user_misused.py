"""D44: an agent's user account signs in interactively or with a password.

Catches: a person who uses the account of an agent; somebody who gave it a password, or tries one.
Misses: records that do not say that the user is an agent's.
Noisy on: an administrator who tries the account out.
Reads: credential_use.
ATT&CK: T1078.004. Runbook: docs/detectors/agent_user_misused.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import address, listed, several, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentUserMisused:
    """Thresholds."""

    name: ClassVar[str] = "agent_user_misused"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D44",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("credential_use",)
    attack: ClassVar[tuple[str, ...]] = ("T1078.004",)
    innocent: ClassVar[tuple[str, ...]] = (
        "An administrator set a password and tried the account, against the rules.",
        "A tool for licences or mailboxes was pointed at the account.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find out whose address that is, and ask them.",
        "See in the audit log whether a password or another method was set for the account, and by whom.",
        "Block the sign-in of the account, revoke its sessions and remove its password.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "agent_user":
            return None
        granted, password = bool(facts.get("granted")), facts.get("way") == "password"
        how = "with a password" if password else "interactively"
        methods = several(facts.get("methods"))
        proof = f" ({listed([each.lower() for each in methods])})" if methods else ""
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="high" if granted else "medium",
            title=f"An agent's user account {'signed in' if granted else 'was tried'} {how}",
            explanation=(
                f"The user account {text(facts.get('user_id'))} of {text(facts.get('agent_name'))} "
                f"{'signed in' if granted else 'was refused when it tried to sign in'} {how}{proof} to "
                f"{text(facts.get('client_name'))} from {address(facts)}; agents never do."
            ),
            signal=signal,
        )
