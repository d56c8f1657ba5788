"""Alerts: a finding that was named, explained and said once."""

from __future__ import annotations

import hashlib

import msgspec

from detector.domain.findings import Severity
from detector.domain.signals import Fact

SCHEMA = "1"
"""Version of the alert document and of the recipe for its id."""


class Entity(msgspec.Struct, frozen=True):
    """One object that the alert concerns."""

    kind: str
    """`agent`, `blueprint`, `service_principal`, `application`, `user`, `resource`, `network`, `credential`, ..."""
    id: str
    name: str | None = None


class Subject(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom the alert is about."""

    kind: str
    id: str
    name: str | None = None
    blueprint: str | None = None
    """appId of the blueprint, where known."""
    blueprint_name: str | None = None
    tenant: str | None = None


class Evidence(msgspec.Struct, frozen=True):
    """What the alert rests on."""

    record_ids: tuple[str, ...]
    first_seen: str
    """RFC 3339, UTC."""
    last_seen: str
    observed: float
    baseline: float
    unit: str
    seen: float
    """Experience behind the baseline, see `Signal.seen`."""
    addresses: tuple[str, ...] = ()
    details: dict[str, Fact] = {}


class Attack(msgspec.Struct, frozen=True):
    """MITRE ATT&CK technique ids, in both versions while products migrate."""

    v18_1: tuple[str, ...] = msgspec.field(name="v18.1", default=())
    v19: tuple[str, ...] = ()


class HeldBack(msgspec.Struct, frozen=True):
    """Why nobody is woken by an alert: alerts like it come too often in this tenant."""

    limit: float
    """Kinds that come at most so often per 1,000 agents and day were let through."""
    budget: float
    """False alerts per 1,000 agents and day that the operator bears, of all kinds together."""


class Alert(msgspec.Struct, frozen=True):
    """The alert document; `docs/alert.schema.json` is its JSON Schema."""

    id: str
    schema: str
    time: str
    """Event time of the tipping record, RFC 3339, UTC."""
    detector: str
    catalogue_ids: tuple[str, ...]
    severity: Severity
    score: float
    """Surprise: -log10 of the tail probability by the detector's model, two decimals; 0 where no model speaks. It
    orders the alerts of one kind; a model is wrong far out in its tail, so it does not say how often they come."""
    p_value: float
    """Probability that an agent shows such an alert, of its kind and at least as strong, on a day without an attack,
    counted (`features.budget`). Where nothing was weighed, the model's tail probability."""
    subject: Subject
    entities: tuple[Entity, ...]
    title: str
    explanation: str
    evidence: Evidence
    attack: Attack
    innocent_explanations: tuple[str, ...]
    next_steps: tuple[str, ...]
    runbook: str
    incident: str | None = None
    """Id of the incident that it belongs to, see `detector.domain.incidents`; `None` for what is no finding."""
    sort: str = ""
    """What alerts of its detector it is counted with, see `Finding.sort`; with the detector, its *kind*."""
    rate: float | None = None
    """How often alerts of its kind at least as strong come without an attack, per 1,000 agents and day; `None` where
    nothing was weighed."""
    supported_by: tuple[str, ...] = ()
    """Ids of other alerts about the same subject without which it would have been held back."""
    held: HeldBack | None = None
    """Why nobody is woken by it; `None`: it is sent."""


def alert_id(tenant: str, detector: str, kind: str, subject: str, occasion: str) -> str:
    """The name of an alert: the first 32 hex digits of SHA-256 over its canonical identity.

    Depends on nothing else: no clock, offset, score, hash seed or order of arrival. Parts are length-prefixed,
    so that no choice of names can make two identities read the same.
    """
    return digest_of(SCHEMA, tenant, detector, kind, subject, occasion)


def digest_of(*parts: str) -> str:
    """The first 32 hex digits of SHA-256 over the parts, each with its length before it."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.hexdigest()[:32]
