"""What a live source tells whoever counts and logs: one method a fact, named in the past tense.

Facts are told on the event loop and must return at once. Every argument but a number is of a small closed set, or the
name of a partition; nothing of a record is ever an argument.
"""

from __future__ import annotations

from typing import Literal, Protocol

Ending = Literal[
    "client",
    "closed",
    "connection",
    "detached",
    "gap",
    "handler",
    "new_hub",
    "not_found",
    "offset",
    "other",
    "refresh",
    "stalled",
    "stolen",
    "throttled",
    "timeout",
    "unauthorized",
    "unheard",
]
"""Why a receiver ended: an error of the service or the network, or a decision of our own (`client`, `gap`, `new_hub`,
`refresh`, `stalled`, `unheard`)."""

Part = Literal["sequence", "offset", "enqueued", "body"]
"""What of a message could not be read."""

Stage = Literal["message", "error", "initialize", "close", "deliver", "mirror"]
"""Where an exception was caught that should not have come."""

SdkWarning = Literal["receiver_shut_down", "link_refused", "keep_alive_failed", "callback_failed"]
"""Lines in the log of the SDK behind which it has stopped silently."""


class SourceFacts(Protocol):
    """Told by live sources."""

    def connected(self, partitions: int) -> None:
        """The hub answered for the first time, or a whole client was replaced."""

    def partition_found(self, partition: str) -> None:
        """A partition is read from now on: at the start, or because it was added to the hub."""

    def receiver_opened(self, partition: str) -> None:
        """A receiver was started from an explicit position."""

    def receiver_ended(self, partition: str, ending: Ending) -> None:
        """A receiver ended, or was ended; another is opened."""

    def client_replaced(self, ending: Ending) -> None:
        """Connections, receivers and credentials were all given up and made anew."""

    def waited(self, partition: str, seconds: float) -> None:
        """A pause before the next attempt begins."""

    def received(self, partition: str, messages: int, size: int) -> None:
        """Messages came that are new; `size` in bytes."""

    def redelivered(self, partition: str, messages: int) -> None:
        """Messages came again and were dropped."""

    def events_lost(self, partition: str, messages: int) -> None:
        """Messages left the hub before they were read; nobody will ever read them."""

    def unreadable(self, partition: str, part: Part) -> None:
        """Part of a message could not be read. Without a sequence number it is dropped, else delivered as it is."""

    def offset_refused(self, partition: str) -> None:
        """The hub did not know the stored offset; the sequence number is used instead."""

    def management_failed(self, ending: Ending) -> None:
        """The management endpoint did not answer a question."""

    def stalled(self, partition: str, behind: int) -> None:
        """A partition made no progress although at least `behind` messages wait in the hub."""

    def held(self, partition: str, seconds: float) -> None:
        """A message has been waiting to be taken over: the rest of the service is slow, not the hub."""

    def hub_accepted(self) -> None:
        """The hub was made anew, and the configuration says to read the new one from its beginning."""

    def exception_caught(self, stage: Stage, kind: str) -> None:
        """An exception that should not have come; `kind` is the name of its class."""

    def left_behind(self, what: str) -> None:
        """A receiver or question did not end in time after it was told to; `what` is "receiver" or "question"."""

    def sdk_warned(self, warning: SdkWarning) -> None:
        """The SDK logged a line behind which it may have stopped silently."""

    def mirror_written(self, partitions: int) -> None:
        """Positions were copied to the mirror."""

    def mirror_failed(self, kind: str) -> None:
        """Positions could not be copied to the mirror; `kind` is the class of the error."""


class Silent(SourceFacts):
    """Tells nobody."""
