"""D87: fields of a blueprint were changed that decide who may use it and where its tokens go.

Catches: redirect URIs to foreign hosts, more tenants let in, the instance lock opened, new identifier URIs and scopes.
Misses: values that the record does not carry; fields that are not on the list.
Noisy on: development by hand; list your hosts.
Reads: change.
ATT&CK: T1098, T1484. Runbook: docs/detectors/blueprint_edited.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from detector.detectors.wording import actor, address, counted, inside, listed, several, text
from detector.domain.findings import SEVERITIES, Finding, Severity
from detector.domain.signals import Fact, Signal, SignalKind

_UPDATES = frozenset(
    {
        "application_updated",
        "service_principal_updated",
        "agent_enabled",
        "agent_disabled",
        "federated_credential_changed",
        "federated_credential_removed",
        "inheritable_permissions_changed",
    }
)
"""A record that changes more than one thing is of one kind only."""

_WORDS = {
    "redirect_uris": "redirect URIs",
    "identifier_uris": "identifier URIs",
    "sign_in_audience": "sign-in audience",
    "instance_lock": "instance lock",
    "exposed_scopes": "exposed scopes",
    "requested_permissions": "requested permissions",
    "public_client": "use without a credential",
}

_ONE_TENANT = frozenset({"this tenant", "azureadmyorg"})
_HERE = frozenset({"http://localhost", "http://127.0.0.1", "http://::1"})
"""Redirects that stay on the machine of the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueprintEdited:
    """Thresholds."""

    name: ClassVar[str] = "blueprint_edited"
    catalogue_ids: ClassVar[tuple[str, ...]] = ("D87",)
    reads: ClassVar[tuple[SignalKind, ...]] = ("change",)
    attack: ClassVar[tuple[str, ...]] = ("T1098", "T1484")
    innocent: ClassVar[tuple[str, ...]] = (
        "A developer who works on the blueprint by hand.",
        "A service that moved to another host name.",
    )
    next_steps: ClassVar[tuple[str, ...]] = (
        "Ask the actor, over another channel, what the change is for.",
        "Find out who controls each new host, and whether sign-ins came back to it.",
        "If nobody owns the change, undo it and treat the actor's account as compromised.",
    )

    enabled: bool = True
    in_pipeline: bool = False
    """Also say (as info) what a declared pipeline changes."""
    trusted_hosts: frozenset[str] = frozenset()
    """Hosts that redirect URIs may lead to, lower case; `.example.com` stands for every host below it."""
    fields_ignored: frozenset[str] = frozenset()
    """Fields that may be changed by hand, e.g. `exposed_scopes`."""

    def judge(self, signal: Signal) -> Finding | None:
        """See `Detector.judge`."""
        facts = signal.facts
        fields = [field for field in several(facts.get("fields")) if field not in self.fields_ignored]
        planned = inside(facts)
        if facts.get("kind") not in _UPDATES or not fields or (planned and not self.in_pipeline):
            return None
        graded = sorted(((self._gravity(field, facts), field) for field in fields), key=_rank, reverse=True)
        severity = graded[0][0]
        occasion = f"{severity}:{signal.occasion.partition(':')[2]}"
        if facts.get("platform_actor") or not facts.get("succeeded"):
            severity = "low"
        done = "edited" if facts.get("succeeded") else "tried in vain to edit"
        return Finding(
            detector=self.name,
            catalogue_ids=self.catalogue_ids,
            subject=signal.key,
            occasion=occasion,
            severity="info" if planned else severity,
            title=f"Blueprint edited: {listed([_WORDS.get(field, field) for _, field in graded])}",
            explanation=(
                f"{actor(facts)} {done} {text(facts.get('target_name'))} from {address(facts)}: "
                f"{'; '.join(_sentence(field, facts) for _, field in graded)}."
            ),
            signal=signal,
        )

    def _gravity(self, field: str, facts: Mapping[str, Fact]) -> Severity:
        """How grave the change of one field is."""
        added = several(facts.get(f"{field}_added"))
        removed = several(facts.get(f"{field}_removed"))
        if not added:
            return "low" if removed and field != "instance_lock" else "medium"
        if field == "redirect_uris":
            return _worst(self._host(host) for host in added)
        if field == "sign_in_audience":
            return "low" if {each.casefold() for each in added} <= _ONE_TENANT else "high"
        if field == "instance_lock":
            return "high" if any(each.endswith(": false") for each in added) else "low"
        if field == "requested_permissions" or added == ("false",):
            return "low"
        return "medium"

    def _host(self, host: str) -> Severity:
        """How grave a redirect to this host is."""
        folded = host.casefold()
        known = any(
            folded == trusted or (trusted.startswith(".") and folded.endswith(trusted))
            for trusted in self.trusted_hosts
        )
        return "low" if known else "medium" if folded in _HERE else "high"


def _rank(graded: tuple[Severity, str]) -> tuple[int, str]:
    return SEVERITIES.index(graded[0]), graded[1]


def _worst(grades: Iterable[Severity]) -> Severity:
    return max(grades, key=SEVERITIES.index)


def _sentence(field: str, facts: Mapping[str, Fact]) -> str:
    """What was done to one field."""
    added, removed = several(facts.get(f"{field}_added")), several(facts.get(f"{field}_removed"))
    if field == "redirect_uris":
        return f"redirect URIs lead to {listed(added)} now" if added else _gone("redirect URIs", removed)
    if field == "sign_in_audience" and added:
        return f"the sign-in audience is {listed(added)} now"
    if field == "public_client" and added:
        return f"use without a credential is {'allowed' if added == ('true',) else 'forbidden'} now"
    if field == "requested_permissions" and added:
        return f"it requests {counted(len(added), 'more permission')}"
    name = _WORDS.get(field, field)
    if field == "instance_lock" and added:
        return f"the {name} is {listed(added)} now"
    return f"the {name} include {listed(added)} now" if added else _gone(name, removed)


def _gone(name: str, removed: tuple[str, ...]) -> str:
    return f"the {name} include {listed(removed)} no more" if removed else f"the {name} changed"
