"""D71: a credential of an agent's blueprint lives for longer than the policy allows.

Catches: secrets and certificates made to last, which are what is stolen and not noticed.
Misses: federated credentials, which do not end; credentials whose start or end the inventory does not know.
Noisy on: the first inventory: one alert for each credential that is too old-fashioned.
Reads: inventory.
ATT&CK: T1098.001. Runbook: docs/detectors/long_lived_credential.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from detector.detectors.wording import actor, counted, date, number, text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LongLivedCredential:
    """Thresholds."""

    name: ClassVar[str] = "long_lived_credential"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D71",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("inventory",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.001",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The credential was made before there was a policy.",
        "A system that cannot rotate, with an exception that somebody approved.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the owner whether they made the credential and where it is kept.",
        "Replace it by a federated credential, or by one that ends in time.",
        "If nobody knows it, remove it and list the sign-ins with its key id.",
    )

    enabled: bool = True
    secret_days: Annotated[float, Gt(0)] = 180.0
    """Longest life of a secret, in days."""
    certificate_days: Annotated[float, Gt(0)] = 366.0
    """Longest life of a certificate, in days."""
    high_ratio: Annotated[float, Ge(1)] = 4.0
    """Multiple of the longest life from which on the alert is high rather than medium."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "long_lived":
            return None
        kind, life = text(facts.get("credential_kind")), number(facts.get("life_days"))
        allowed = self.secret_days if kind == "secret" else self.certificate_days
        if life <= allowed:
            return None
        called = f" ({text(facts['credential_name'])})" if "credential_name" in facts else ""
        by = f" {actor(facts)} added it on {date(facts['added'])}." if "added" in facts else ""
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="high" if life >= self.high_ratio * allowed else "medium",
            title=f"A {kind} is valid for {counted(round(life), 'day')}",
            explanation=(
                f"A {kind}{called} of {text(facts.get('target_name'))} is valid for {counted(round(life), 'day')}, "
                f"from {date(facts.get('start'))} to {date(facts.get('end'))}; {counted(allowed, 'day')} "
                f"{'is' if allowed == 1 else 'are'} allowed.{by}"
            ),
            signal=signal,
        )
