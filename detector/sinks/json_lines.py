"""Alerts as JSON lines on a stream."""

from __future__ import annotations

from typing import BinaryIO

from detector.domain.alerts import Alert
from detector.sinks.encoding import alert_document, json_line


class JsonLines:
    """Writes each alert as one line of ASCII at once, so that a reader of a pipe never waits for it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def deliver(self, alert: Alert) -> None:
        """Writes one alert; raises `OSError` when the stream cannot take it (`BrokenPipeError`: nobody reads)."""
        self._stream.write(json_line(alert_document(alert)))
        self._stream.flush()
