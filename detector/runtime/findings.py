"""Alerts and stories as OCSF, one JSON document a line: what a data lake or another team's tools read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from detector import __version__
from detector.domain.alerts import Alert
from detector.report.facts import Story
from detector.sinks.encoding import json_line
from detector.sinks.ocsf import VERSION, detection_finding

_CLASS: Final = 2005
_CREATE: Final = 1
_SEVERITIES: Final = {"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}


def bundle(alerts: Iterable[Alert], stories: Iterable[Story], generated: float) -> Iterator[bytes]:
    """A line for each alert (Detection Finding, class 2004) and for each story (Incident Finding, class 2005).

    Args:
        alerts: All that were raised.
        stories: What they make.
        generated: Seconds since the epoch.
    """
    findings = {alert.id: detection_finding(alert) for alert in alerts}
    yield from map(json_line, findings.values())
    for story in stories:
        yield json_line(incident_finding(story, findings, generated))


def incident_finding(story: Story, findings: Mapping[str, dict[str, Any]], generated: float) -> dict[str, Any]:
    """The story as an Incident Finding (https://schema.ocsf.io/1.5.0/classes/incident_finding)."""
    members = [findings[each] for each in story.alerts if each in findings]
    return {
        "activity_id": _CREATE,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Incident Finding",
        "type_uid": _CLASS * 100 + _CREATE,
        "type_name": "Incident Finding: Create",
        "severity_id": _SEVERITIES.get(story.severity or "", 0),
        "severity": (story.severity or "unknown").capitalize() if story.severity != "info" else "Informational",
        "status_id": 1,
        "status": "New",
        "time": round(generated * 1000),
        "start_time": _milliseconds(story.first, generated),
        "end_time": _milliseconds(story.last, generated),
        "desc": "\n".join(statement.text for statement in story.statements),
        "message": story.title,
        "finding_info_list": [member["finding_info"] for member in members]
        or [{"uid": story.id, "title": story.title}],
        "metadata": {
            "version": VERSION,
            "uid": story.id,
            "product": {
                "name": "entra-agent-detector",
                "vendor_name": "entra-agent-detector",
                "version": __version__,
            },
        },
        "unmapped": {
            "statements": [
                {"kind": each.kind, "text": each.text, "record_ids": list(each.records)} for each in story.statements
            ],
            "incidents": list(story.incidents),
            "agents": list(story.agents),
        },
    }


def _milliseconds(time: str, otherwise: float) -> int:
    return round((datetime.fromisoformat(time).timestamp() if time else otherwise) * 1000)
