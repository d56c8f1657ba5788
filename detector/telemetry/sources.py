"""What live sources have to tell: the facts of `detector.sources`, as metrics and lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from detector.telemetry.log import Log
from detector.telemetry.metrics import Metrics
from detector.telemetry.reasons import ENDINGS, SDK_WARNINGS


class SourceFacts:
    """Facts of a hub: partitions, receivers, and what goes wrong between.

    Args:
        now: Wall clock, seconds since the epoch.
    """

    def __init__(self, metrics: Metrics, log: Log, *, now: Callable[[], float]) -> None:
        self._metrics: Final = metrics
        self._log: Final = log
        self._now: Final = now

    # Partitions and receivers

    def connected(self, partitions: int) -> None:
        """The hub answered for the first time, or a whole client was replaced."""
        self._log.say("source_connected", partitions=partitions)

    def partition_found(self, partition: str) -> None:
        """A partition is read from now on."""
        self._metrics.prepare(partition)
        self._log.say("partition_found", partition=partition)

    def receiver_opened(self, partition: str) -> None:
        """A receiver was started from an explicit position."""
        self._log.say("receiver_opened", partition=partition)

    def receiver_ended(self, partition: str, ending: str) -> None:
        """A receiver ended, or was ended; another is opened."""
        known = _known(ending, ENDINGS)
        self._metrics.count("receiver_restarts_total", partition=partition, reason=known)
        self._log.say("receiver_ended", known, partition=partition, ending=known)

    def client_replaced(self, ending: str) -> None:
        """Connections, receivers and credentials were all given up and made anew."""
        self._problem("client_replaced")
        self._log.say("client_replaced", ending=_known(ending, ENDINGS))

    def waited(self, partition: str, seconds: float) -> None:  # noqa: ARG002 -- the sum over all partitions is enough
        """A pause before the next attempt begins."""
        self._metrics.count("source_wait_seconds_total", seconds)

    # Messages

    def received(self, partition: str, messages: int, size: int) -> None:  # noqa: ARG002 -- records say more of both
        """Messages came that are new."""
        self._metrics.count("messages_received_total", messages)
        self._metrics.set("partition_stalled", 0, partition=partition)

    def redelivered(self, partition: str, messages: int) -> None:  # noqa: ARG002 -- a matter of the client, not of one
        """Messages came again and were dropped."""
        self._metrics.count("events_dropped_total", messages, reason="replayed_sequence")

    def events_lost(self, partition: str, messages: int) -> None:
        """Messages left the hub before they were read."""
        self._metrics.count("events_lost_total", messages, partition=partition)
        self._log.say("events_lost", partition=partition, messages=messages)

    def unreadable(self, partition: str, part: str) -> None:
        """Part of a message could not be read."""
        self._problem("unreadable")
        self._log.say("message_unreadable", partition=partition, part=part)

    # Trouble

    def offset_refused(self, partition: str) -> None:
        """The hub did not know the stored offset; the sequence number is used instead."""
        self._problem("offset_refused")
        self._log.say("offset_refused", partition=partition)

    def management_failed(self, ending: str) -> None:
        """The management endpoint did not answer a question."""
        self._problem("management_failed")
        self._log.say("management_failed", ending=_known(ending, ENDINGS))

    def stalled(self, partition: str, behind: int) -> None:
        """A partition made no progress although messages wait in the hub."""
        self._problem("stalled")
        self._metrics.set("partition_stalled", 1, partition=partition)
        self._log.say("partition_stalled", partition=partition, behind=behind)

    def held(self, partition: str, seconds: float) -> None:
        """A message has been waiting to be taken over: the rest of the service is slow."""
        self._problem("held")
        self._log.say("message_held", partition=partition, seconds=seconds)

    def hub_accepted(self) -> None:
        """The hub was made anew, and is read from its beginning because the configuration says so."""
        self._log.say("hub_accepted")

    def exception_caught(self, stage: str, kind: str) -> None:
        """An exception that should not have come."""
        self._problem("exception_caught")
        self._log.say("source_exception_caught", stage=stage, error=kind)

    def left_behind(self, what: str) -> None:
        """A receiver or question did not end in time after it was told to."""
        self._problem("left_behind")
        self._log.say("source_left_behind", what=what)

    def sdk_warned(self, warning: str) -> None:
        """The SDK logged a line behind which it may have stopped silently."""
        known = _known(warning, SDK_WARNINGS)
        self._metrics.count("sdk_warnings_total", warning=known)
        self._log.say("sdk_warned", known, warning=known)

    # The mirror of positions

    def mirror_written(self, partitions: int) -> None:  # noqa: ARG002 -- when is what matters
        """Positions were copied to the mirror."""
        self._metrics.set("mirror_last_written_timestamp_seconds", self._now())

    def mirror_failed(self, kind: str) -> None:
        """Positions could not be copied to the mirror."""
        self._problem("mirror_failed")
        self._log.say("mirror_failed", error=kind)

    def _problem(self, kind: str) -> None:
        self._metrics.count("source_problems_total", kind=kind)


def _known(value: str, values: tuple[str, ...]) -> str:
    return value if value in values else "other"
