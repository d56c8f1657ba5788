"""Where alerts wait, stored, until every sink has them: what a relay asks of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from detector.domain.alerts import Alert
from detector.sinks.outcome import LeftOutReason, RefusalReason


class Outbox(Protocol):
    """The outbox of every sink. Called in worker threads, by one relay per sink; each call is one transaction.

    An alert is pending for a sink from the commit that made it until `mark_sent`, `mark_failed` or `hold_back` names
    it. What was marked stays stored.
    """

    def pending(self, sink: str, limit: int) -> Sequence[Alert]:
        """The first `limit` alerts pending for a sink: the most severe first, among equals the oldest."""

    def mark_sent(self, sink: str, ids: Sequence[str]) -> None:
        """The sink has these."""

    def mark_failed(self, sink: str, ids: Sequence[str], reason: RefusalReason | LeftOutReason) -> None:
        """The sink will never get these, and why."""

    def hold_back(self, sink: str, ids: Sequence[str], roll_up: Alert) -> None:
        """Marks these as failed with the reason `held_back`, and makes the roll-up pending in the same transaction.

        A roll-up with the same id that is still pending is replaced; one that the sink has stays as it is.
        """
