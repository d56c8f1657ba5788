"""Looks at the newest messages of a partition, without an owner level: whoever reads it goes on undisturbed.

The SDK opens a receiver that is refused again for ever and tells nobody, so here its consumer is opened by hand, which
takes two private names of `azure.eventhub.aio`: `EventHubConsumerClient._create_consumer` and the consumer's `_open`. A
test fails when a release no longer has them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from azure.eventhub.exceptions import EventHubError

from detector.domain.delivery import Delivery
from detector.runtime.doctor.world import NOBODY
from detector.sources.event_hubs.events import delivery_of
from detector.sources.event_hubs.failures import ending_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from detector.sources.event_hubs.connection import HubClient
    from detector.sources.event_hubs.leftovers import Leftovers

Outcome = Literal["opened", "owned", "unauthorized", "not_found", "throttled", "silent", "other"]
"""What became of the attempt: open; somebody with an owner level reads it; refused, for one reason or another; no
answer."""

_LEVEL: Final = re.compile(r"epoch of '(\d{1,18})'")
_OUTCOMES: Final[dict[str, Outcome]] = {
    "stolen": "owned",
    "unauthorized": "unauthorized",
    "not_found": "not_found",
    "throttled": "throttled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Where to look."""

    partition: str
    after: int | str
    """Sequence number before the first message wanted, or the offset before the oldest."""
    count: int
    """Messages wanted; 0 to open only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen."""

    partition: str
    outcome: Outcome
    level: int | None = None
    """Owner level of whoever reads it, where the hub tells."""
    messages: Sequence[Delivery] = field(default_factory=tuple)


async def look(
    client: HubClient, group: str, where: Look, leftovers: Leftovers, seconds: float, now: Callable[[], float]
) -> Sight:
    """Opens a receiver and takes what is there, within `seconds`; the client is closed."""
    seen: list[Delivery] = []
    enough = asyncio.Event()

    async def took(events: Sequence[Any]) -> None:
        for event in events:
            delivery = delivery_of(event, where.partition, NOBODY, now)
            if delivery is not None and len(seen) < where.count:
                seen.append(delivery)
        if len(seen) >= where.count:
            enough.set()

    private: Any = client
    consumer = private._create_consumer(  # noqa: SLF001 -- see the module
        group, where.partition, where.after, took, prefetch=max(1, where.count)
    )
    opened = False

    async def work() -> None:
        nonlocal opened
        await consumer._open()  # noqa: SLF001 -- see the module
        opened = True
        if where.count:
            receiving = asyncio.create_task(consumer.receive(batch=True, max_batch_size=where.count))
            try:
                await enough.wait()
            finally:
                receiving.cancel()
                await asyncio.gather(receiving, return_exceptions=True)

    try:
        await leftovers.bounded(work(), seconds)
    except TimeoutError:
        return Sight(partition=where.partition, outcome="opened" if opened else "silent", messages=tuple(seen))
    except Exception as error:  # noqa: BLE001 -- the SDK lets any exception of its parser through
        return _refused(where.partition, error)
    finally:
        leftovers.adopt(asyncio.create_task(_close(consumer, client)))
    return Sight(partition=where.partition, outcome="opened", messages=tuple(seen))


def _refused(partition: str, error: Exception) -> Sight:
    told = error if isinstance(error, EventHubError) else EventHubError(str(error), error)  # type: ignore[arg-type]
    level = _LEVEL.search(str(told))
    return Sight(
        partition=partition,
        outcome=_OUTCOMES.get(ending_of(told), "other"),
        level=int(level.group(1)) if level is not None else None,
    )


async def _close(consumer: Any, client: HubClient) -> None:  # noqa: ANN401 -- the SDK's own
    try:
        await consumer.close()
    finally:
        await client.close()
