"""D31: an identity keeps asking with a credential that has expired or is wrong.

Catches: agents that are down because nobody rotated in time; a wrong secret in a retry loop.
Misses: a single try; keys that were removed without being used again.
Noisy on: nothing known; it is an outage in any case.
Reads: credential_failure.
ATT&CK: none (hygiene). Runbook: docs/detectors/credential_retry.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt

from detector.detectors.wording import amount, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRetry:
    """Thresholds."""

    name: ClassVar[str] = "credential_retry"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D31",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("credential_failure",)
    attack: ClassVar[tuple[str, ...]] = ()
    innocent: ClassVar[tuple[str, ...]] = (
        "The credential was rotated and one replica still holds the old one.",
        "A decommissioned job that nobody stopped.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find the owner: every agent of the blueprint that uses this credential is failing.",
        "Rotate the credential through the pipeline and restart what still uses the old one.",
        "A wrong (not expired) secret from an unusual address is guessing: see failure_burst.",
    )

    enabled: bool = True
    expired: Annotated[int, Gt(0)] = 3
    """Refusals of an expired credential within 6 hours."""
    invalid: Annotated[int, Gt(0)] = 6
    """Refusals of a wrong credential within 6 hours."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        kind = signal.facts.get("class")
        least = {"credential_expired": self.expired, "credential_invalid": self.invalid}.get(str(kind))
        if least is None or signal.value < least:
            return None
        word = "an expired" if kind == "credential_expired" else "a wrong"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium",
            title=f"Keeps asking with {word} credential",
            explanation=(
                f"{amount(signal.value)} token requests with {word} credential were refused within 6 hours, the latest "
                f"with error {text(signal.facts.get('error_code'))}; nothing but a new credential will end it."
            ),
            signal=signal,
        )
