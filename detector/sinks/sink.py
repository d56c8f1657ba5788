"""What every destination of the live service looks like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from detector.domain.alerts import Alert
from detector.domain.findings import Severity
from detector.sinks.outcome import Outcome


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On which terms alerts go to a sink."""

    batch: int = 1
    """Most alerts that one call takes."""
    floor: Severity = "info"
    """Alerts below this severity are not offered to it."""
    per_hour: int = 0
    """Alerts that one subject may send in an hour before the rest is held back behind one roll-up; 0 for no limit.

    Here and below, what is critical is never held back."""
    per_day: int = 0
    """The same in a day of event time."""
    per_detector: int = 0
    """The same in a day of event time, of one detector."""


class Sink(Protocol):
    """A destination of alerts; takes the same alert again without harm wherever its other end can."""

    @property
    def name(self) -> str:
        """Its name in the configuration: short, safe as a metric label."""

    @property
    def terms(self) -> Terms:
        """On which terms alerts go there."""

    async def deliver(self, batch: Sequence[Alert]) -> Outcome:
        """Offers up to `terms.batch` alerts and says what became of each.

        Answers within seconds, raises nothing but cancellation. When cancelled nothing is known of the batch, so it
        is offered again.
        """

    async def close(self) -> None:
        """Gives back connections and files; the sink is not used again."""
