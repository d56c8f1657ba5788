"""Where in a partition to begin: always an explicit place, decided by what is stored and what the hub holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from detector.config.event_hubs import start_time
from detector.domain.delivery import Position

BEGINNING: Final = "-1"
"""The offset before the oldest message that the hub holds."""


class PartitionProperties(NamedTuple):
    """What the hub says about a partition."""

    beginning: int
    """Sequence number of the oldest message it holds."""
    last: int
    """Sequence number of the newest message ever enqueued; -1 when there was none."""
    last_time: datetime
    """When that was enqueued."""
    empty: bool
    """Whether it holds no message."""

    @property
    def first(self) -> int:
        """Sequence number of the oldest message that can still be read, or of the next one to come."""
        return self.last + 1 if self.empty else self.beginning

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> PartitionProperties:
        """From the answer of `EventHubConsumerClient.get_partition_properties`."""
        return cls(
            int(answer["beginning_sequence_number"]),
            int(answer["last_enqueued_sequence_number"]),
            answer["last_enqueued_time_utc"],
            bool(answer["is_empty"]),
        )


@dataclass(frozen=True, slots=True)
class Start:
    """Where a receiver is opened."""

    at: str | int | datetime
    """An offset, a sequence number or a time, as the SDK takes them."""
    position: Position | None
    """The message before the first one wanted; `None` when only a time is known."""
    inclusive: bool = False
    """Whether a message at exactly this place is wanted; only a time is inclusive."""
    lost: int = 0
    """Messages that the hub no longer holds."""


class Ahead(Exception):  # noqa: N818 -- an answer rather than an error
    """The stored position lies behind the end of the partition: it belongs to another hub."""


def first_start(setting: str, properties: PartitionProperties) -> Start:
    """Where the very first start begins: "latest", "earliest" or a time.

    "latest" becomes a sequence number here, once, so that what arrives while nothing is stored yet is not skipped by a
    second start.
    """
    if setting == "latest":
        last = properties.last
        if properties.empty:
            return Start(BEGINNING, Position(last, BEGINNING))
        return Start(last, Position(last, ""))
    if setting == "earliest":
        return beginning(properties)
    return Start(start_time(setting), None, inclusive=True)


def beginning(properties: PartitionProperties) -> Start:
    """Everything that the hub holds."""
    return Start(BEGINNING, Position(properties.first - 1, BEGINNING))


def resumed(position: Position, properties: PartitionProperties, *, by_sequence: bool = False) -> Start:
    """Where to go on after `position`, with the number of messages that were lost meanwhile.

    Args:
        position: The last message taken.
        properties: What the hub says now.
        by_sequence: Whether to use the sequence number because the hub refused the offset.

    Raises:
        Ahead: The hub has never held such a message.
    """
    if position.sequence > properties.last:
        raise Ahead
    lost = properties.first - position.sequence - 1
    if lost > 0:
        return Start(BEGINNING, Position(properties.first - 1, BEGINNING), lost=lost)
    if position.offset and not by_sequence:
        return Start(position.offset, position)
    return Start(position.sequence if position.sequence >= 0 else BEGINNING, position)
