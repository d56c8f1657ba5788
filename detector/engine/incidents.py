"""Alerts become incidents: a pure function of the set of alerts, whatever order they come in, and of what is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from detector.domain.alerts import Alert, Entity
from detector.domain.findings import SEVERITIES
from detector.domain.incidents import (
    SCHEMA,
    Incident,
    Moment,
    Radius,
    day_before,
    day_of,
    incident_id,
    incident_of,
    key_of,
)
from detector.features.memory import TenantMemory

if TYPE_CHECKING:
    from detector.features.inventory import ObjectMemory
    from detector.features.listing import Listed

MOST_MOMENTS: Final = 200
"""Alerts in a timeline."""
MOST_LISTED: Final = 100
"""Entries of each list of a radius."""

_RANKS: Final = {severity: rank for rank, severity in enumerate(SEVERITIES)}
_by_time = attrgetter("time", "id")


def incidents_of(alerts: Iterable[Alert], tenants: Mapping[str, TenantMemory]) -> list[Incident]:
    """The incidents that alerts make, in order of their first alert.

    Args:
        alerts: In any order. Copies count once; what is no finding (roll-ups, the canary) is left out.
        tenants: What is remembered of each tenant, for the blast radius; all of it or the parts that are at hand.
    """
    groups: dict[str, dict[str, Alert]] = {}
    for alert in alerts:
        if alert.catalogue_ids:
            groups.setdefault(incident_of(alert.subject, alert.time), {})[alert.id] = alert
    found = [
        _incident(identifier, sorted(group.values(), key=_by_time), groups, tenants)
        for identifier, group in groups.items()
    ]
    return sorted(found, key=lambda each: (each.first, each.id))


def _incident(
    identifier: str, alerts: list[Alert], groups: Mapping[str, object], tenants: Mapping[str, TenantMemory]
) -> Incident:
    first, last = alerts[0], alerts[-1]
    kind, key = key_of(first.subject)
    tenant, day = first.subject.tenant, day_of(first.time)
    before = incident_id(tenant, kind, key, day_before(day))
    severities = Counter(alert.severity for alert in alerts)
    return Incident(
        id=identifier,
        schema=SCHEMA,
        kind=kind,
        key=key,
        name=next((name for name in map(_name_of_key, reversed(alerts)) if name is not None), None),
        tenant=tenant,
        day=day,
        severity=max(severities, key=_RANKS.__getitem__),
        first=first.time,
        last=last.time,
        alerts=len(alerts),
        severities={severity: severities[severity] for severity in reversed(SEVERITIES) if severities[severity]},
        detectors=tuple(sorted({alert.detector for alert in alerts})),
        techniques=tuple(sorted({technique for alert in alerts for technique in alert.attack.v18_1})),
        continues=before if before in groups else None,
        timeline=tuple(map(_moment, _told(alerts))),
        radius=_radius(kind, key, alerts, tenants.get(tenant or "", TenantMemory())),
    )


def _name_of_key(alert: Alert) -> str | None:
    subject = alert.subject
    return subject.name if key_of(subject)[1] == subject.id else subject.blueprint_name


def _told(alerts: list[Alert]) -> list[Alert]:
    """What a timeline has room for: the gravest, and of equals the earliest."""
    gravest = sorted(alerts, key=lambda alert: (-_RANKS[alert.severity], *_by_time(alert)))
    return sorted(gravest[:MOST_MOMENTS], key=_by_time)


def _moment(alert: Alert) -> Moment:
    subject = Entity(alert.subject.kind, alert.subject.id, alert.subject.name)
    return Moment(alert.time, alert.severity, alert.detector, subject, alert.title, alert.id)


# ------------------------------------------------------------------------------------------------ blast radius


def _radius(kind: str, key: str, alerts: list[Alert], tenant: TenantMemory) -> Radius:
    subjects = [Entity(alert.subject.kind, alert.subject.id, alert.subject.name) for alert in alerts]
    concerned = {entity.id for entity in subjects} | {key}
    objects = [each for each in tenant.objects.values() if _belongs(each, key) and not each.deleted]
    children = dict(_children(kind, key, tenant, objects))
    fleet = tenant.fleets.get(key) if kind == "blueprint" else None
    agents = _unique(entity for entity in subjects if entity.kind == "agent")
    known = {entity.id for entity in agents}
    agents += [children[each] for each in sorted(children) if each not in known]
    near = [each for each in objects if each.key_id in concerned]
    named = [entity for alert in alerts for entity in alert.entities]
    return Radius(
        agents=tuple(agents[:MOST_LISTED]),
        agents_known=max(len(agents), 0 if fleet is None else fleet.agents),
        resources=_resources(named, near, tenant, concerned),
        permissions=_permissions(objects),
        credentials=_listed(entity for entity in named if entity.kind == "credential"),
        addresses=tuple(sorted({address for alert in alerts for address in alert.evidence.addresses})[:MOST_LISTED]),
        owners=_people(each.owners for each in near),
        sponsors=_people(each.sponsors for each in near),
    )


def _belongs(memory: ObjectMemory, key: str) -> bool:
    return key in {memory.id, memory.app_id, memory.blueprint_id}


def _children(
    kind: str, key: str, tenant: TenantMemory, objects: Iterable[ObjectMemory]
) -> Iterator[tuple[str, Entity]]:
    """The agents of a blueprint: as inventories show them, and as they signed in."""
    if kind == "blueprint":
        for memory in objects:
            if memory.type == "agent":
                yield memory.key_id, Entity("agent", memory.key_id, memory.name)
        for identity in tenant.identities.values():
            if identity.kind == "agent" and identity.blueprint_id == key:
                yield identity.id, Entity("agent", identity.id, identity.name)


def _resources(
    named: list[Entity], near: list[ObjectMemory], tenant: TenantMemory, concerned: set[str]
) -> tuple[Entity, ...]:
    found = [entity for entity in named if entity.kind == "resource"]
    for memory in near:
        found += (Entity("resource", grant.resource_app_id or grant.resource_id) for grant in memory.grants or ())
    for identifier in sorted(concerned):
        identity = tenant.identities.get(identifier)
        if identity is not None:
            found += (Entity("resource", resource) for resource in sorted(identity.apis.values))
    return _listed(found)


def _permissions(objects: Iterable[ObjectMemory]) -> tuple[str, ...] | None:
    known = [memory.grants for memory in objects if memory.grants is not None]
    if not known:
        return None
    told = {
        f"{grant.permission} ({grant.kind} on {grant.resource_app_id or grant.resource_id})"
        for grants in known
        for grant in grants
    }
    return tuple(sorted(told)[:MOST_LISTED])


def _people(listings: Iterable[Listed | None]) -> tuple[str, ...] | None:
    """Whom the newest look at each listing showed; `None` when nobody has looked."""
    looked = [listed for listed in listings if listed is not None and listed.looks]
    if not looked:
        return None
    shown = {span.value for listed in looked for span in listed.spans if span.last >= listed.looks[-1]}
    return tuple(sorted(shown)[:MOST_LISTED])


def _listed(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    return tuple(sorted(_unique(entities), key=attrgetter("id"))[:MOST_LISTED])


def _unique(entities: Iterable[Entity]) -> list[Entity]:
    """Each id once, with a name if any has one, in the order of ids."""
    found: dict[str, Entity] = {}
    for entity in entities:
        known = found.get(entity.id)
        if known is None or (known.name or "") < (entity.name or ""):
            found[entity.id] = entity
    return [found[each] for each in sorted(found)]
