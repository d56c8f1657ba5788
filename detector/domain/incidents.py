"""Incidents: what happened to one agent, or to a blueprint and its agents, on one day of event time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from detector.domain.alerts import Entity, Subject, digest_of
from detector.domain.findings import Severity

SCHEMA: Final = "1"
"""Version of the incident document and of the recipe for its id."""

_DAY_CHARS: Final = len("2026-10-05")


class Moment(msgspec.Struct, frozen=True):
    """One alert in the timeline of an incident."""

    time: str
    """Event time, RFC 3339, UTC."""
    severity: Severity
    detector: str
    subject: Entity
    title: str
    alert_id: str


class Radius(msgspec.Struct, frozen=True):
    """How far the incident may reach, as far as is known. Lists are bounded; `None` is "not known"."""

    agents: tuple[Entity, ...] = ()
    """The agents that share the credentials of the blueprint, those with alerts first."""
    agents_known: int = 0
    """How many there are; more than `agents` when the list is cut."""
    resources: tuple[Entity, ...] = ()
    """What alerts name, and what the agents with alerts are known to use or may use."""
    permissions: tuple[str, ...] | None = None
    """What an inventory shows that the blueprint and its agents may do."""
    credentials: tuple[Entity, ...] = ()
    """Credentials that alerts name."""
    addresses: tuple[str, ...] = ()
    """Addresses that alerts name."""
    owners: tuple[str, ...] | None = None
    """Object ids of the owners of the blueprint and of the agents with alerts."""
    sponsors: tuple[str, ...] | None = None
    """The same of the sponsors."""


class Incident(msgspec.Struct, frozen=True):
    """The alerts of one key and day, as one story."""

    id: str
    schema: str
    kind: str
    """Of the key: `blueprint` where one is known, else that of the subject of the alerts."""
    key: str
    name: str | None
    tenant: str | None
    day: str
    """The day of event time, UTC, like `2026-10-05`."""
    severity: Severity
    """The highest of its alerts."""
    first: str
    """Event time of its first and last alert."""
    last: str
    alerts: int
    severities: dict[str, int]
    """How many alerts of each severity."""
    detectors: tuple[str, ...]
    techniques: tuple[str, ...]
    """MITRE ATT&CK v18.1."""
    continues: str | None
    """The incident of the same key on the day before, if there is one."""
    timeline: tuple[Moment, ...]
    """In order of event time; bounded, the least severe are left out first."""
    radius: Radius


def key_of(subject: Subject) -> tuple[str, str]:
    """Kind and id of what an incident is about: the blueprint of an agent where it is known, else the subject."""
    if subject.blueprint is not None:
        return "blueprint", subject.blueprint
    return subject.kind, subject.id


def day_of(time: str) -> str:
    """The day of a time in RFC 3339, UTC."""
    return time[:_DAY_CHARS]


def day_before(day: str) -> str:
    """The day before a day."""
    return (datetime.fromisoformat(day) - timedelta(days=1)).date().isoformat()


def incident_id(tenant: str | None, kind: str, key: str, day: str) -> str:
    """The name of an incident: a hash of tenant, key and day of event time, and of nothing else."""
    return digest_of("incident", SCHEMA, tenant or "", kind, key, day)


def incident_of(subject: Subject, time: str) -> str:
    """The incident that an alert about a subject at a time belongs to."""
    return incident_id(subject.tenant, *key_of(subject), day_of(time))
