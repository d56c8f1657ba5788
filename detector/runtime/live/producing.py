"""Messages that this process makes itself: what its inventory and its endpoint bring beside the source.

They go the way of all messages, through the inbox, the worker and the commit. So each producer has a partition of its
own, whose sequence numbers go on where the store has come to. Nobody else has these messages: whoever brings one
knows by `committed` when it may be forgotten elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from detector.domain.delivery import Delivery, Position

if TYPE_CHECKING:
    from detector.runtime.live.inbox import Inbox
    from detector.stores.records import Loaded

OWN: Final = "own/"
"""Begins the name of a partition whose messages this process makes: no file has a slash in its name, and the
partitions of a hub are numbers."""


def is_own(partition: str) -> bool:
    """Whether the messages of a partition are made by this process."""
    return partition.startswith(OWN)


def last_numbers(loaded: Loaded) -> dict[str, int]:
    """The last sequence number that each own partition has used.

    A message that was in work when the process died is gone; its number is not used again, for another message would
    stand under its suspicion.
    """
    numbers = {name: position.sequence for name, position in loaded.positions.items() if is_own(name)}
    for name, suspect in loaded.inflight.items():
        if is_own(name):
            numbers[name] = max(numbers.get(name, 0), suspect.last)
    return numbers


class Producer:
    """One partition that this process fills; belongs to the event loop.

    Args:
        name: What is made, like `inventory`; the partition is `own/` and this.
        inbox: Where messages go.
        last: Last sequence number that was used, see `last_numbers`; 0 when there is none.
        now: Wall clock, seconds since the epoch: no record of a message may have happened later.
        keep: Writes a message down for replays before it goes its way; `None` for nowhere.
    """

    def __init__(
        self,
        name: str,
        inbox: Inbox,
        *,
        last: int,
        now: Callable[[], float],
        keep: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> None:
        self.partition: Final = f"{OWN}{name}"
        self._inbox: Final = inbox
        self._now: Final = now
        self._keep: Final = keep
        self._last = last
        self._done = last
        self._ended = False
        self._turn: Final = asyncio.Lock()
        self._waiting: Final[dict[asyncio.Future[bool], int]] = {}

    def room(self) -> bool:
        """Whether there is room for a message."""
        return not self._ended and self._inbox.room(self.partition)

    async def put(self, lines: bytes) -> int:
        """Brings JSON lines, each a record; returns their sequence number once they are in line.

        Messages enter in the order of their calls. Whoever is cancelled while it waits for room has not brought one.

        Raises:
            OSError: It cannot be written down for replays; it was not brought.
        """
        async with self._turn:
            if self._keep is not None:
                await self._keep(lines)
            number = self._last + 1
            await self._inbox.put(Delivery(self.partition, Position(number, str(number)), self._now(), lines))
            self._last = number
            return number

    async def committed(self, number: int) -> bool:
        """Waits until the message of this number is in the store; false when the service ended before."""
        if number <= self._done or self._ended:
            return number <= self._done
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[waiting] = number
        try:
            return await waiting
        finally:
            del self._waiting[waiting]

    def reached(self, positions: Mapping[str, Position]) -> None:
        """The store has these."""
        position = positions.get(self.partition)
        if position is not None:
            self._done = max(self._done, position.sequence)
            self._wake(lambda number: number <= self._done, committed=True)

    def end(self) -> None:
        """Nothing is committed any more."""
        self._ended = True
        self._wake(lambda _: True, committed=False)

    def _wake(self, due: Callable[[int], bool], *, committed: bool) -> None:
        for waiting, number in self._waiting.items():
            if due(number) and not waiting.done():
                waiting.set_result(committed)
