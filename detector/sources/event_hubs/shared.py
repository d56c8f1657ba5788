"""What the partitions have in common, and what each says of itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from detector.config.event_hubs import EventHubsSettings
from detector.domain.delivery import Delivery, Position
from detector.sources.event_hubs.buffer import Allowance
from detector.sources.event_hubs.clocks import Clocks
from detector.sources.event_hubs.connection import Connector
from detector.sources.event_hubs.hub import Hub
from detector.sources.event_hubs.leftovers import Leftovers
from detector.sources.event_hubs.watchdog import Health
from detector.sources.facts import Ending, SourceFacts

Deliver = Callable[[Delivery], Awaitable[None]]
Remember = Callable[[str, Mapping[str, Position]], Awaitable[None]]


class PartitionState(NamedTuple):
    """How a partition is, for readiness and metrics."""

    health: Health
    accepted: Position | None
    """The last message that was taken over, or the place before the first one wanted."""
    last_enqueued: int | None
    """Newest sequence number that the hub told of."""
    last_progress: float
    """When a message was last received, in monotonic seconds."""

    @property
    def lag(self) -> int | None:
        """Messages that the hub is known to hold and that were not taken over yet."""
        if self.accepted is None or self.last_enqueued is None:
            return None
        return max(0, self.last_enqueued - self.accepted.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all partitions have in common."""

    settings: EventHubsSettings
    hub: Hub
    connector: Connector
    clocks: Clocks
    facts: SourceFacts
    leftovers: Leftovers
    allowance: Allowance
    owner_level: int
    deliver: Deliver
    remember: Remember
    replace_client: Callable[[Ending], Awaitable[None]]
    leave_hub: Callable[[], Awaitable[None]]
    """Ends all receivers of a hub that is no more, and waits until what they received was taken over."""
