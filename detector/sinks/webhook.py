"""Alerts posted one a request: to a webhook of any kind, to Slack, to Teams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from detector.domain.alerts import Alert
from detector.sinks.formats import Format
from detector.sinks.outcome import Outcome
from detector.sinks.sink import Terms
from detector.sinks.wire import Message, Wire


class DocumentMessage:
    """Makes a message of the alert in a chosen format.

    The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) is the alert id, the same in every copy.
    """

    def __init__(self, form: Format) -> None:
        self._form = form

    def __call__(self, alert: Alert) -> Message:
        """The message, ready to post."""
        return Message(alert.id, self._form.line(alert), self._form.content_type, {"Idempotency-Key": alert.id})


class Webhook:
    """Posts every alert in a request of its own.

    The alerts of a batch are posted side by side, so `terms.batch` is the number of requests under way at once.
    """

    def __init__(self, name: str, terms: Terms, wire: Wire, message: Callable[[Alert], Message]) -> None:
        self.name = name
        self.terms = terms
        self._wire = wire
        self._message = message

    async def deliver(self, batch: Sequence[Alert]) -> Outcome:
        """Posts each."""
        fates = await asyncio.gather(*(self._wire.post(self._message(alert)) for alert in batch))
        return {alert.id: fate for alert, fate in zip(batch, fates, strict=True)}

    async def close(self) -> None:
        """Closes the connections."""
        await self._wire.close()
