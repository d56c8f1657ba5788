"""What sinks have to tell: the facts of `detector.sinks`, as metrics and lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from detector.telemetry.log import Log
from detector.telemetry.metrics import Metrics

MAX_IDS: Final = 20
"""How many alert ids a line shows."""


class SinkFacts:
    """Facts of the relays between outbox and sinks."""

    def __init__(self, metrics: Metrics, log: Log) -> None:
        self._metrics: Final = metrics
        self._log: Final = log

    def delivered(self, sink: str, ids: Sequence[str]) -> None:
        """The sink has these alerts, and the outbox knows it."""
        self._metrics.count("sink_requests_total", sink=sink, outcome="delivered")
        self._log.say("alerts_delivered", sink, sink=sink, count=len(ids), alert_ids=ids[:MAX_IDS])

    def retried(self, sink: str, ids: Sequence[str], reason: str, delay: float) -> None:
        """The sink did not take these alerts; they are tried again later."""
        self._metrics.count("sink_requests_total", sink=sink, outcome="retried")
        self._log.say("alerts_retried", sink, sink=sink, count=len(ids), reason=reason, seconds=delay)

    def refused(self, sink: str, ids: Sequence[str], reason: str) -> None:
        """The sink will never take these alerts."""
        self._metrics.count("sink_requests_total", sink=sink, outcome="refused")
        self._log.say("alerts_refused", sink, sink=sink, count=len(ids), reason=reason, alert_ids=ids[:MAX_IDS])

    def left_out(self, sink: str, ids: Sequence[str], reason: str) -> None:
        """These alerts are not offered to the sink; they stay stored."""
        self._metrics.count("alerts_suppressed_total", len(ids), reason=reason)
        self._log.say("alerts_left_out", sink, sink=sink, count=len(ids), reason=reason)

    def rolled_up(self, sink: str, roll_up: str, held_back: int) -> None:
        """A roll-up stands for alerts that are held back."""
        self._log.say("alerts_rolled_up", sink, sink=sink, alert_id=roll_up, count=held_back)

    def breaker_opened(self, sink: str, seconds: float) -> None:
        """The sink failed so often in a row that it is left alone."""
        self._metrics.set("sink_breaker_open", 1, sink=sink)
        self._log.say("breaker_opened", sink, sink=sink, seconds=seconds)

    def breaker_closed(self, sink: str) -> None:
        """The sink works again."""
        self._metrics.set("sink_breaker_open", 0, sink=sink)
        self._log.say("breaker_closed", sink, sink=sink)

    def outbox_failed(self, sink: str, error: str) -> None:
        """The outbox could not be read or written."""
        self._metrics.count("outbox_failures_total", sink=sink)
        self._log.say("outbox_failed", sink, sink=sink, error=error)
