"""The forms in which an alert can be written; a sink that hands on documents lets the configuration choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, get_args

from detector.config.sinks import Encoding
from detector.domain.alerts import Alert
from detector.sinks.cloudevents import cloudevent
from detector.sinks.encoding import alert_document, json_line
from detector.sinks.ocsf import detection_finding


class Format(NamedTuple):
    """One of them."""

    document: Callable[[Alert], dict[str, Any]]
    content_type: str
    identity: Callable[[dict[str, Any]], object]
    """Finds the alert id in a document."""

    def line(self, alert: Alert) -> bytes:
        """The document as one line of ASCII with its line end."""
        return json_line(self.document(alert))


FORMATS: Final[dict[Encoding, Format]] = {
    "native": Format(alert_document, "application/json", lambda document: document.get("id")),
    "cloudevents": Format(cloudevent, "application/cloudevents+json", lambda document: document.get("id")),
    "ocsf": Format(detection_finding, "application/json", lambda document: document.get("metadata", {}).get("uid")),
}

assert set(FORMATS) == set(get_args(Encoding))
