"""What the endpoint for deployment evidence has to tell: the facts of `detector.inventory.evidence`."""

from __future__ import annotations

from typing import Final

from detector.telemetry.log import Log
from detector.telemetry.metrics import Metrics


class EvidenceFacts:
    """Facts of deployment evidence."""

    def __init__(self, metrics: Metrics, log: Log) -> None:
        self._metrics: Final = metrics
        self._log: Final = log

    def evidence_opened(self, port: int) -> None:
        """Deliveries are taken at a port."""
        self._log.say("evidence_opened", port=port)

    def evidence_accepted(self, sender: str, records: int) -> None:
        """A delivery is in the store, as so many records."""
        self._metrics.count("evidence_deliveries_total", outcome="accepted")
        self._log.say("evidence_accepted", sender=sender, records=records)

    def evidence_ignored(self, sender: str, reason: str) -> None:
        """A delivery is genuine and says nothing that counts."""
        self._metrics.count("evidence_deliveries_total", outcome="ignored")
        self._log.say("evidence_ignored", sender=sender, reason=reason)

    def evidence_refused(self, sender: str, reason: str) -> None:
        """A delivery was not taken."""
        self._metrics.count("evidence_deliveries_total", outcome="refused")
        self._log.say("evidence_refused", sender=sender, reason=reason)
