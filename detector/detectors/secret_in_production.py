"""D23: an identity of production signs in with a client secret.

Catches: what the best practices forbid: a password that can be copied from a file, a log or a chat.
Misses: identities of which nobody says that they belong to production, unless `unknown_environment` is set; agents
whose own records do not carry the secret of their blueprint.
Noisy on: nothing; each identity and secret is said once.
Reads: credential_use.
ATT&CK: T1552.001. Runbook: docs/detectors/secret_in_production.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import text
from detector.domain.findings import Finding
from detector.domain.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretInProduction:
    """Thresholds; what belongs to production is said by the manifest."""

    name: ClassVar[str] = "secret_in_production"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D23",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("credential_use",)
    attack: ClassVar[tuple[str, ...]] = ("T1552.001",)
    innocent: ClassVar[tuple[str, ...]] = (
        "The move to a managed identity or certificate is planned and not done yet.",
        "The manifest calls something production that is not.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the owner when the identity moves to a managed identity, a federated credential or a certificate.",
        "See where the secret is kept and who can read it.",
        "Until then: short life, a vault, and a Conditional Access policy on its addresses.",
    )

    enabled: bool = True
    unknown_environment: bool = False
    """Also say it (as low) of identities of which nobody says where they belong."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("issue") != "secret":
            return None
        environment = facts.get("environment")
        if environment != "production" and not (environment is None and self.unknown_environment):
            return None
        key_id = facts.get("key_id")
        which = f"the client secret {text(key_id)}" if key_id is not None else "a client secret"
        belongs = "belongs to production" if environment is not None else "belongs to no known environment"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=signal.occasion,
            severity="medium" if environment is not None else "low",
            title="A client secret in production" if environment is not None else "A client secret in use",
            explanation=(
                f"{text(facts.get('agent_name'))}, which {belongs}, got a token for "
                f"{text(facts.get('resource_name'))} with {which}."
            ),
            signal=signal,
        )
