"""What happens to outgoing alerts, as past-tense facts.

They carry names of sinks, ids of alerts, reason codes and numbers: nothing that a record said. `Silent` is for tests
and for callers that do not listen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from detector.sinks.outcome import LeftOutReason, RefusalReason, RetryReason


class Facts(Protocol):
    """Told by a relay, in the event loop; must return at once."""

    def delivered(self, sink: str, ids: Sequence[str]) -> None:
        """The sink has these alerts, and the outbox knows it."""

    def retried(self, sink: str, ids: Sequence[str], reason: RetryReason, delay: float) -> None:
        """The sink did not take these alerts; they are tried again in about `delay` seconds."""

    def refused(self, sink: str, ids: Sequence[str], reason: RefusalReason) -> None:
        """The sink will never take these alerts; they stay stored."""

    def left_out(self, sink: str, ids: Sequence[str], reason: LeftOutReason) -> None:
        """These alerts are not offered to the sink; they stay stored."""

    def rolled_up(self, sink: str, roll_up: str, held_back: int) -> None:
        """A roll-up with this alert id now stands for so many alerts that are held back."""

    def breaker_opened(self, sink: str, seconds: float) -> None:
        """The sink failed so often in a row that it is left alone for so long."""

    def breaker_closed(self, sink: str) -> None:
        """The sink works again."""

    def outbox_failed(self, sink: str, error: str) -> None:
        """The outbox could not be read or written; `error` is the name of the error's class."""


class Silent:
    """Listens to nothing."""

    def delivered(self, sink: str, ids: Sequence[str]) -> None:
        """Says nothing."""

    def retried(self, sink: str, ids: Sequence[str], reason: RetryReason, delay: float) -> None:
        """Says nothing."""

    def refused(self, sink: str, ids: Sequence[str], reason: RefusalReason) -> None:
        """Says nothing."""

    def left_out(self, sink: str, ids: Sequence[str], reason: LeftOutReason) -> None:
        """Says nothing."""

    def rolled_up(self, sink: str, roll_up: str, held_back: int) -> None:
        """Says nothing."""

    def breaker_opened(self, sink: str, seconds: float) -> None:
        """Says nothing."""

    def breaker_closed(self, sink: str) -> None:
        """Says nothing."""

    def outbox_failed(self, sink: str, error: str) -> None:
        """Says nothing."""
