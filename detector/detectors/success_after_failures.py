"""D33: a token is granted after a run of guesses at the same identity.

Catches: guessing that found its secret, probing that found its way.
Misses: guesses spread over many identities or hours.
Noisy on: a wrong secret in a deployment that is then put right.
Reads: success_after_failures.
ATT&CK: T1110.001. Runbook: docs/detectors/success_after_failures.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import address, amount, duration
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessAfterFailures:
    """Thresholds; how many guesses make a run is set under `failures.run`."""

    name: ClassVar[str] = "success_after_failures"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D33",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("success_after_failures",)
    attack: ClassVar[tuple[str, ...]] = ("T1110.001",)
    innocent: ClassVar[tuple[str, ...]] = (
        "A deployment used a wrong credential and was corrected within the hour.",
        "A new credential took minutes to replicate.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Compare address and key id of the success with those of the failures and with the usual ones.",
        "If guesses and success share an unusual address, disable the identity and rotate its credentials now.",
        "List everything the identity did since the success.",
    )

    enabled: bool = True

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        complete = signal.time if signal.first_seen is None else signal.first_seen
        # When a late guess tipped it, nothing is known of the granted token but its time.
        where = f" from {address(signal.facts)}," if signal.facts.get("address") is not None else ""
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="high",
            title="A token was granted after a run of failed attempts",
            explanation=(
                f"A token was granted{where} {duration(signal.time - complete)} after "
                f"{amount(signal.value)} attempts with wrong credentials had been refused within one hour."
            ),
            signal=signal,
        )
