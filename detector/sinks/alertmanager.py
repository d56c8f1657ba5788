"""Alerts for Prometheus Alertmanager, through its API v2 (POST /api/v2/alerts).

Source of the format: api/v2/openapi.yaml of prometheus/alertmanager, `postableAlerts`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from detector.domain.alerts import Alert
from detector.sinks.chat import runbook_url
from detector.sinks.encoding import json_line, printable
from detector.sinks.halving import by_halves
from detector.sinks.outcome import Fate, Outcome
from detector.sinks.sink import Terms
from detector.sinks.wire import Message, Wire

PATH = "api/v2/alerts"


class Alertmanager:
    """Posts alerts in batches.

    Labels are what Alertmanager knows an alert by; they hold ids and words of closed sets only, never a name out of a
    record. The alert id is among them: it is the same in every copy, so a copy is one alert there, and a second
    finding about the same agent is another one instead of a silent change to the first.

    An alert of ours tells what happened and has no end, so it is sent once, and ends for Alertmanager `resolve_after`
    seconds later.

    Args:
        name: Name of the sink.
        terms: On which terms alerts go there.
        wire: Posts to the API.
        now: Seconds since the epoch.
        resolve_after: Seconds until Alertmanager takes an alert for over.
        runbooks: Base URL of the runbooks, for `runbook_url` and `generatorURL`; `None` for no link.
    """

    def __init__(
        self,
        name: str,
        terms: Terms,
        wire: Wire,
        now: Callable[[], float],
        *,
        resolve_after: float,
        runbooks: str | None = None,
    ) -> None:
        self.name = name
        self.terms = terms
        self._wire = wire
        self._now = now
        self._resolve_after = resolve_after
        self._runbooks = runbooks

    async def deliver(self, batch: Sequence[Alert]) -> Outcome:
        """Posts a batch as one request; one bad alert refuses all, so a refused batch is halved."""
        return await by_halves(batch, self._post)

    async def close(self) -> None:
        """Closes the connections."""
        await self._wire.close()

    def document(self, alert: Alert) -> dict[str, Any]:
        """One `postableAlert`."""
        ends = datetime.fromtimestamp(self._now() + self._resolve_after, UTC)
        annotations = {
            "id": alert.id,
            "title": alert.title,
            "summary": alert.title,
            "description": alert.explanation,
            "subject_name": alert.subject.name or "",
            "addresses": ", ".join(alert.evidence.addresses),
            "attack": ", ".join(alert.attack.v18_1),
            "next_steps": " ".join(f"{number}. {step}" for number, step in enumerate(alert.next_steps, 1)),
            "runbook": alert.runbook,
        }
        labels = {
            "alertname": alert.detector,
            "alert_id": alert.id,
            "detector": alert.detector,
            "severity": alert.severity,
            "subject_kind": alert.subject.kind,
            "subject_id": printable(alert.subject.id),
            "tenant": printable(alert.subject.tenant or ""),
        }
        if alert.incident is not None:
            labels["incident"] = alert.incident
        url = runbook_url(self._runbooks, alert)
        if url is not None:
            annotations["runbook_url"] = url
        document: dict[str, Any] = {
            "labels": labels,
            "annotations": {name: printable(text) for name, text in annotations.items() if text},
            "startsAt": alert.time,
            "endsAt": ends.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        return document if url is None else {**document, "generatorURL": url}

    async def _post(self, batch: Sequence[Alert]) -> Fate:
        body = json_line([self.document(alert) for alert in batch])
        return await self._wire.post(Message(batch[0].id, body, "application/json"))
