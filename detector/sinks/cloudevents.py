"""Alerts as CloudEvents 1.0 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from detector.domain.alerts import Alert
from detector.sinks.encoding import alert_document

TYPE: Final = "entra-agent-detector.alert.v1"
"""Changes only when the document in `data` changes in a way that breaks its readers."""


def cloudevent(alert: Alert) -> dict[str, Any]:
    """The envelope in the structured JSON format, with the alert document in `data`.

    `source` and `id` together name the event for ever, so a copy is recognised as one.
    """
    return {
        "specversion": "1.0",
        "id": alert.id,
        "source": f"/tenants/{_segment(alert.subject.tenant)}/detectors/{_segment(alert.detector)}",
        "type": TYPE,
        "subject": f"{alert.subject.kind}/{_segment(alert.subject.id)}",
        "time": alert.time,
        "datacontenttype": "application/json",
        "severity": alert.severity,
        "data": alert_document(alert),
    }


def _segment(text: str | None) -> str:
    return quote(text or "-", safe="", errors="replace")
