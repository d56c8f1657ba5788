"""Alerts as JSON lines on standard output, for a container platform that collects them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import BinaryIO

from detector.domain.alerts import Alert
from detector.sinks.formats import Format
from detector.sinks.outcome import DELIVERED, Outcome, Retry, all_of
from detector.sinks.sink import Terms


class StandardOutput:
    """Writes each alert as one line of ASCII. A pipe cannot be read back, so after a crash a line may come twice."""

    def __init__(self, name: str, terms: Terms, form: Format, stream: BinaryIO) -> None:
        self.name = name
        self.terms = terms
        self._form = form
        self._stream = stream

    async def deliver(self, batch: Sequence[Alert]) -> Outcome:
        """Writes a batch in one piece; in a thread, because a full pipe would stop the event loop."""
        ids = [alert.id for alert in batch]
        try:
            await asyncio.to_thread(self._write, b"".join(self._form.line(alert) for alert in batch))
        except (OSError, ValueError):
            # ValueError: the stream is closed.
            return all_of(ids, Retry("write_failed"))
        return all_of(ids, DELIVERED)

    async def close(self) -> None:
        """Leaves the stream open: it belongs to the process."""

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self._stream.flush()
