"""A finding becomes an alert: named, explained, and tied to what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from math import log10

from detector.detectors.detector import Detector
from detector.domain.alerts import SCHEMA, Alert, Attack, Entity, Evidence, Subject, alert_id
from detector.domain.events import Change, Event, SignIn
from detector.domain.findings import Finding
from detector.domain.incidents import incident_of


def rfc3339(time: float) -> str:
    """UTC text of a time in seconds since the epoch, to the millisecond."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def id_of(finding: Finding, tenant: str) -> str:
    """The alert id of a finding."""
    return alert_id(tenant, finding.detector, finding.subject.kind, finding.subject.id, finding.occasion)


def name(
    finding: Finding, detector: Detector, *, identifier: str, subject: Subject, related: tuple[Entity, ...]
) -> Alert:
    """Writes the alert document of a finding. `related` are entities that memory knows of and the event does not."""
    signal = finding.signal
    record_ids = signal.record_ids or ((signal.event.record_id,) if signal.event is not None else ())
    first = signal.first_seen if signal.first_seen is not None else signal.time
    last = signal.last_seen if signal.last_seen is not None else signal.time
    details = dict(signal.facts)
    details.update(finding.facts)
    if signal.window[0] != signal.window[1]:
        details["window_start"], details["window_end"] = rfc3339(signal.window[0]), rfc3339(signal.window[1])
    time = rfc3339(signal.time)
    return Alert(
        id=identifier,
        schema=SCHEMA,
        time=time,
        detector=finding.detector,
        catalogue_ids=finding.catalogue_ids,
        severity=finding.severity,
        score=round(-log10(signal.p_value), 2) if signal.p_value < 1.0 else 0.0,
        p_value=float(f"{signal.p_value:.3g}"),
        subject=subject,
        entities=_entities(subject, related, signal.event),
        title=finding.title,
        explanation=finding.explanation,
        evidence=Evidence(
            record_ids=record_ids,
            first_seen=rfc3339(first),
            last_seen=rfc3339(last),
            observed=round(signal.value, 3),
            baseline=round(signal.usual, 3),
            unit=signal.unit,
            seen=round(signal.seen, 1),
            addresses=signal.addresses or addresses_of(signal.event),
            details=dict(sorted(details.items())),
        ),
        attack=Attack(
            v18_1=detector.attack, v19=tuple(_V19.get(technique, technique) for technique in detector.attack)
        ),
        innocent_explanations=detector.innocent,
        next_steps=detector.next_steps,
        runbook=f"docs/detectors/{detector.name}.md",
        incident=incident_of(subject, time),
        sort=finding.sort,
    )


_V19 = {"T1562.008": "T1685.002", "T1562": "T1685", "T1562.001": "T1685", "T1656": "T1684.001"}
"""Technique ids that ATT&CK v19 moved (split of Defense Evasion)."""


def addresses_of(event: Event | None) -> tuple[str, ...]:
    """Where an event came from, if it says."""
    if isinstance(event, SignIn) and event.origin.ip is not None:
        return (event.origin.ip,)
    if isinstance(event, Change) and event.actor.ip is not None:
        return (event.actor.ip,)
    return ()


def _entities(subject: Subject, related: tuple[Entity, ...], event: Event | None) -> tuple[Entity, ...]:
    """All objects concerned, each once, the subject first."""
    entities = [Entity(subject.kind, subject.id, subject.name)]
    if subject.blueprint is not None:
        entities.append(Entity("blueprint", subject.blueprint, subject.blueprint_name))
    entities.extend(related)
    entities.extend(entities_of(event))
    unique: dict[tuple[str, str], Entity] = {}
    for entity in entities:
        unique.setdefault((entity.kind, entity.id), entity)
    return tuple(unique.values())


def entities_of(event: Event | None) -> tuple[Entity, ...]:
    """Whom and what an event names."""
    if isinstance(event, SignIn):
        return tuple(_of_sign_in(event))
    return tuple(_of_change(event)) if isinstance(event, Change) else ()


def _of_sign_in(event: SignIn) -> Iterator[Entity]:
    access, origin = event.access, event.origin
    yield Entity("blueprint" if access.role == "blueprint" else "agent", access.agent_id, access.agent_name)
    if access.service_principal_id is not None:
        yield Entity("service_principal", access.service_principal_id, access.agent_name)
    if access.resource_id is not None:
        yield Entity("resource", access.resource_id, access.resource_name)
    if access.credential_key_id is not None:
        yield Entity("credential", access.credential_key_id, access.credential_type)
    if event.user_id is not None:
        yield Entity("user", event.user_id)
    if origin.prefix is not None:
        yield Entity("network", origin.prefix, f"AS{origin.asn}" if origin.asn is not None else None)


def _of_change(event: Change) -> Iterator[Entity]:
    actor = event.actor
    if actor.id is not None:
        yield Entity("user" if actor.kind == "user" else "service_principal", actor.id, actor.name)
    for target in event.targets:
        if target.id is not None:
            yield Entity(_kind_of(target.type), target.id, target.name)
    if event.grantee_app_id is not None:
        yield Entity("service_principal", event.grantee_app_id, event.grantee_name)
    for key in event.keys_added:
        yield Entity("credential", key.key_id, key.type)
    if event.directory_role_template_id is not None:
        yield Entity("role", event.directory_role_template_id, event.directory_role)


def _kind_of(logged: str) -> str:
    folded = logged.casefold()
    return {"serviceprincipal": "service_principal", "app": "application"}.get(folded, folded or "object")
