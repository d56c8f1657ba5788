"""Alerts as OCSF Detection Findings, class 2004 (https://schema.ocsf.io/1.5.0/classes/detection_finding)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from detector import __version__
from detector.domain.alerts import Alert, Attack
from detector.domain.findings import Severity
from detector.sinks.encoding import alert_document

VERSION: Final = "1.5.0"
"""Version of the schema that is followed."""

_CATEGORY: Final = 2
_CLASS: Final = 2004
_CREATE: Final = 1
_NEW: Final = 1
_SEVERITIES: Final[dict[Severity, tuple[int, str]]] = {
    "info": (1, "Informational"),
    "low": (2, "Low"),
    "medium": (3, "Medium"),
    "high": (4, "High"),
    "critical": (5, "Critical"),
}
_RULE: Final = (1, "Rule")
_STATISTICAL: Final = (3, "Statistical")
_IP_ADDRESS: Final = (2, "IP Address")
_RESOURCE_UID: Final = (10, "Resource UID")

TECHNIQUES: Final = {
    "T1021": "Remote Services",
    "T1021.007": "Cloud Services",
    "T1029": "Scheduled Transfer",
    "T1071": "Application Layer Protocol",
    "T1071.001": "Web Protocols",
    "T1072": "Software Deployment Tools",
    "T1078": "Valid Accounts",
    "T1078.004": "Cloud Accounts",
    "T1087": "Account Discovery",
    "T1087.004": "Cloud Account",
    "T1098": "Account Manipulation",
    "T1098.001": "Additional Cloud Credentials",
    "T1098.003": "Additional Cloud Roles",
    "T1110": "Brute Force",
    "T1110.001": "Password Guessing",
    "T1110.003": "Password Spraying",
    "T1119": "Automated Collection",
    "T1136": "Create Account",
    "T1136.003": "Cloud Account",
    "T1195": "Supply Chain Compromise",
    "T1195.002": "Compromise Software Supply Chain",
    "T1484": "Domain or Tenant Policy Modification",
    "T1484.002": "Trust Modification",
    "T1496": "Resource Hijacking",
    "T1496.004": "Cloud Service Hijacking",
    "T1526": "Cloud Service Discovery",
    "T1528": "Steal Application Access Token",
    "T1531": "Account Access Removal",
    "T1550": "Use Alternate Authentication Material",
    "T1550.001": "Application Access Token",
    "T1552": "Unsecured Credentials",
    "T1552.001": "Credentials In Files",
    "T1556": "Modify Authentication Process",
    "T1556.009": "Conditional Access Policies",
    "T1562": "Impair Defenses",
    "T1562.008": "Disable or Modify Cloud Logs",
    "T1583": "Acquire Infrastructure",
    "T1583.006": "Web Services",
    "T1671": "Cloud Application Integration",
}
"""Names that ATT&CK gives the techniques of our detectors; a technique without one is called by its id."""


def detection_finding(alert: Alert) -> dict[str, Any]:
    """The finding; `finding_info.uid` and `metadata.uid` are the alert id, `unmapped` is what OCSF has no place for."""
    severity_id, severity = _SEVERITIES[alert.severity]
    document = alert_document(alert)
    return {
        "activity_id": _CREATE,
        "activity_name": "Create",
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "type_uid": _CLASS * 100 + _CREATE,
        "type_name": "Detection Finding: Create",
        "severity_id": severity_id,
        "severity": severity,
        "status_id": _NEW,
        "status": "New",
        "is_alert": True,
        "time": _milliseconds(alert.time),
        "start_time": _milliseconds(alert.evidence.first_seen),
        "end_time": _milliseconds(alert.evidence.last_seen),
        "message": alert.title,
        "metadata": _metadata(alert),
        "finding_info": _finding_info(alert),
        "evidences": [
            {"name": "entra_records", "data": document["evidence"]},
            *({"name": "source", "src_endpoint": {"ip": address}} for address in alert.evidence.addresses),
        ],
        "resources": [
            {"uid": entity.id, "type": entity.kind, **({} if entity.name is None else {"name": entity.name})}
            for entity in alert.entities
        ],
        "observables": _observables(alert),
        "remediation": {"desc": "\n".join(alert.next_steps), "references": [alert.runbook]},
        "unmapped": {
            "schema": alert.schema,
            "score": alert.score,
            "p_value": alert.p_value,
            "innocent_explanations": list(alert.innocent_explanations),
            "subject": document["subject"],
        },
    }


def _metadata(alert: Alert) -> dict[str, Any]:
    metadata = {
        "version": VERSION,
        "uid": alert.id,
        "event_code": alert.detector,
        "product": {
            "name": "entra-agent-detector",
            "vendor_name": "entra-agent-detector",
            "version": __version__,
            "feature": {"name": alert.detector},
        },
    }
    return metadata if alert.subject.tenant is None else {**metadata, "tenant_uid": alert.subject.tenant}


def _finding_info(alert: Alert) -> dict[str, Any]:
    type_id, kind = _STATISTICAL if alert.score else _RULE
    return {
        "uid": alert.id,
        "title": alert.title,
        "desc": alert.explanation,
        "types": [alert.detector, *alert.catalogue_ids],
        "created_time": _milliseconds(alert.time),
        "first_seen_time": _milliseconds(alert.evidence.first_seen),
        "last_seen_time": _milliseconds(alert.evidence.last_seen),
        "analytic": {"uid": alert.detector, "name": alert.detector, "type_id": type_id, "type": kind},
        "attacks": _attacks(alert.attack),
        "data_sources": ["Microsoft Entra ID"],
        **({} if alert.incident is None else {"related_events": [{"uid": alert.incident, "type": "incident"}]}),
    }


def _attacks(attack: Attack) -> list[dict[str, Any]]:
    versions = (("18.1", attack.v18_1), ("19", attack.v19))
    return [{"version": version, **_technique(uid)} for version, uids in versions for uid in uids]


def _technique(uid: str) -> dict[str, Any]:
    parent = uid.partition(".")[0]
    technique = {"technique": {"uid": parent, "name": TECHNIQUES.get(parent, parent)}}
    if uid == parent:
        return technique
    return {**technique, "sub_technique": {"uid": uid, "name": TECHNIQUES.get(uid, uid)}}


def _observables(alert: Alert) -> list[dict[str, Any]]:
    places = [
        *((f"resources[{place}].uid", _RESOURCE_UID, entity.id) for place, entity in enumerate(alert.entities)),
        *(
            (f"evidences[{place}].src_endpoint.ip", _IP_ADDRESS, address)
            for place, address in enumerate(alert.evidence.addresses, 1)
        ),
    ]
    return [{"name": name, "type_id": type_id, "type": kind, "value": value} for name, (type_id, kind), value in places]


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)
