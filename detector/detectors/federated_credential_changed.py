"""D70: a federated credential was added to a blueprint or agent, or trusts somebody else now.

Catches: persistence without a secret: a token of another tenant, a public build service or an attacker's own issuer
    becomes as good as the blueprint's credential.
Misses: federated credentials of user-assigned managed identities, which Entra does not log; those added before the
    detector ran.
Noisy on: teams that set up workload identity federation by hand; declare their issuers.
Reads: change.
ATT&CK: T1098.001, T1484.002. Runbook: docs/detectors/federated_credential_changed.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from detector.detectors.wording import actor, address, inside, listed, several, text
from detector.domain.findings import Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind

_OF_TENANT = re.compile(r"https://(?:login\.microsoftonline\.(?:com|us)|sts\.windows\.net)/([0-9a-f-]{36})(?:/|$)")
"""Issuers of Microsoft Entra: the one of version 2 tokens, and the one of version 1 tokens."""

_GRAVITY: tuple[Severity, ...] = ("low", "medium", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedCredentialChanged:
    """Thresholds."""

    name: ClassVar[str] = "federated_credential_changed"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D70",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1098.001", "T1484.002")
    innocent: ClassVar[tuple[str, ...]] = (
        "A team that moves from secrets to workload identity federation by hand.",
        "A build that moved to another repository or branch.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Find out who controls the issuer and the subject; ask the actor over another channel.",
        "Look for sign-ins with a federated credential since then.",
        "If nobody owns it, remove the federated credential and list what was done with it.",
    )

    enabled: bool = True
    in_pipeline: bool = False
    """Also say (as info) what a declared pipeline adds."""
    trusted_issuers: frozenset[str] = frozenset()
    """Issuers that are yours: URLs, or hosts for all of a host; lower case. Your own tenant always is."""
    trusted_subjects: frozenset[str] = frozenset()
    """Subjects that are yours at a public issuer; a star at the end stands for anything; lower case."""
    public_issuers: frozenset[str] = frozenset()
    """Hosts of issuers where anybody may have an account; the default is `config/issuers.yaml`."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        if facts.get("kind") != "federated_credential_changed":
            return None
        planned = inside(facts)
        if planned and not self.in_pipeline:
            return None
        gravity, remarks = self._trust(facts)
        severity: Severity = "info" if planned else _GRAVITY[gravity]
        if not planned and (facts.get("platform_actor") or not facts.get("succeeded")):
            severity = "low"
        issuers, edited = several(facts.get("issuers")), bool(facts.get("issuers_before"))
        what = "changed a federated credential of" if edited else "added a federated credential to"
        if not facts.get("succeeded"):
            what = "tried in vain to add a federated credential to"
        whom = f", which trusts {listed(_pairs(facts))}" if issuers else "; the record does not say whom it trusts"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=f"{signal.occasion}:{' '.join(_pairs(facts))}",
            severity=severity,
            title=f"Federated credential for {listed([_host(issuer) for issuer in issuers]) or 'an unknown issuer'}",
            explanation=(
                f"{actor(facts)} {what} {text(facts.get('target_name'))} from {address(facts)}{whom}"
                f"{''.join(f'; {remark}' for remark in remarks)}."
            ),
            signal=signal,
        )

    def _trust(self, facts: Mapping[str, Fact]) -> tuple[int, list[str]]:
        """How grave the gravest trust is, 0 to 2, and what to say of each."""
        issuers, subjects = several(facts.get("issuers")), several(facts.get("subjects"))
        tenant = text(facts.get("own_tenant"))
        found = [self._of(issuer, subject, tenant) for issuer, subject in zip(issuers, subjects, strict=True)]
        if not found:
            return 2, []
        return max(gravity for gravity, _ in found), list(dict.fromkeys(remark for _, remark in found if remark))

    def _of(self, issuer: str, subject: str, tenant: str) -> tuple[int, str]:
        """How grave it is to trust one issuer and subject, and why."""
        folded, host = issuer.casefold().rstrip("/"), _host(issuer)
        trusted = bool(self.trusted_issuers & {folded, f"{folded}/", host})
        if host in self.public_issuers:
            if trusted and self._ours(subject.casefold()):
                return 0, ""
            return 2, f"anybody may have an account at {host}, so the subject decides who gets in"
        of_tenant = _OF_TENANT.match(folded)
        if of_tenant is not None and of_tenant.group(1) == tenant:
            return 1, ""
        if trusted:
            return 0, ""
        if of_tenant is not None:
            return 2, f"the issuer is another tenant, {of_tenant.group(1)}"
        return 2, f"{host or 'the issuer'} is not among the trusted issuers"

    def _ours(self, subject: str) -> bool:
        return any(
            subject.startswith(known[:-1]) if known.endswith("*") else subject == known
            for known in self.trusted_subjects
        )


def _pairs(facts: Mapping[str, Fact]) -> list[str]:
    """Each issuer with its subject."""
    pairs = zip(several(facts.get("issuers")), several(facts.get("subjects")), strict=True)
    return [f"{issuer or 'an unknown issuer'} (subject {subject or 'unknown'})" for issuer, subject in pairs]


def _host(issuer: str) -> str:
    """The host of an issuer; what is no URL is shown as it is."""
    try:
        return (urlsplit(issuer).hostname or issuer).casefold()
    except ValueError:
        return issuer.casefold()
