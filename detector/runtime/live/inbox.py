"""Between the event loop, where messages arrive, and the worker's thread, where they are judged, in one order of time.

The partitions of a stream are read at different speeds, above all after a pause. If their messages were judged as they
come, the watermark would run ahead with the fastest partition and the records of the others would be late. So messages
are merged by the time at which they entered the stream, and while a partition is known to hold older messages that did
not arrive yet, the others wait for it, though not for ever (`alignment`).
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection
from threading import Condition
from typing import Final, NamedTuple

from detector.domain.delivery import Delivery
from detector.runtime.live.alignment import Alignment, Patience

PATIENCE: Final = Patience()
_GLANCE: Final = 0.05
"""Seconds between two looks of a worker that lingers."""


class _Waiting(NamedTuple):
    order: float
    delivery: Delivery


class Inbox:
    """A line of messages for each partition, bounded in bytes: whoever brings one waits while there is no room.

    What the worker has taken counts until `release`, so that what waits, what is judged and what is being committed
    together stay within the bound; but a partition with nothing in line may always bring one message, for the others
    may be waiting for it.

    Args:
        loop: The loop on which `put` is awaited.
        most: Bytes beyond which no further message is let in.
        monotonic: Seconds that only rise.
        patience: How long a partition that is behind is waited for.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        most: int,
        monotonic: Callable[[], float],
        *,
        patience: Patience = PATIENCE,
    ) -> None:
        self._loop: Final = loop
        self._most: Final = most
        self._monotonic: Final = monotonic
        self._alignment: Final = Alignment(monotonic, patience)
        self._lines: Final[dict[str, deque[_Waiting]]] = {}
        self._changed: Final = Condition()
        self._room: Final = asyncio.Event()
        self._held = 0
        self._owed: Final[Counter[str]] = Counter()
        self._paused = False
        self._closed = False
        self._ending = 0

    def align(self, behind: Callable[[], Collection[str]]) -> None:
        """Waits from now on for partitions that are known to hold messages which were not brought yet.

        Args:
            behind: Names them; asked on the worker's thread.
        """
        self._alignment.behind = behind

    # On the event loop

    async def put(self, delivery: Delivery, order: float | None = None) -> None:
        """Brings a message; returns once it is in line. Whoever is cancelled while it waits has not brought it.

        Args:
            delivery: The message.
            order: By which it is merged, rising within a partition; when it entered the stream unless given.
        """
        size = len(delivery.body)
        at = delivery.enqueued if order is None else order
        while True:
            with self._changed:
                line = self._lines.setdefault(delivery.partition, deque())
                if self._has_room(delivery.partition):
                    self._held += size
                    self._owed[delivery.partition] += 1
                    line.append(_Waiting(at, delivery))
                    self._changed.notify()
                    return
                self._room.clear()
            await self._room.wait()

    def room(self, partition: str) -> bool:
        """Whether `put` would take a message of this partition at once."""
        with self._changed:
            return self._has_room(partition)

    def _has_room(self, partition: str) -> bool:
        return not self._paused and (not self._lines.get(partition) or self._held < self._most)

    async def settled(self, partitions: Collection[str] | None = None) -> None:
        """Waits until nothing of these partitions, or of any, is in line or in work.

        Who waits for all waits for the end of a stream: what partitions are behind with meanwhile is of the next one.
        """
        whole = partitions is None
        self._ending += whole
        try:
            while True:
                with self._changed:
                    if not any(self._owed[name] for name in (self._owed if partitions is None else partitions)):
                        return
                    self._room.clear()
                await self._room.wait()
        finally:
            self._ending -= whole

    def pause(self, *, paused: bool) -> None:
        """Lets nothing in for a while, whatever room there is."""
        with self._changed:
            self._paused = paused
        if not paused:
            self._room.set()

    def close(self) -> None:
        """Nothing comes any more: `take` gives what is left as far as it is in order, without waiting for anybody.

        What comes after a message that is missing is not given: judged now, it would make that one late. It was not
        committed, so it is read again.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def nudge(self) -> None:
        """Makes a worker that waits look up; from any thread."""
        with self._changed:
            self._changed.notify_all()

    # On the worker's thread

    def take(self, *, most: int, linger: float, patience: float) -> list[Delivery]:
        """The next messages in order; called by the worker.

        Args:
            most: Bytes after which no further message is taken.
            linger: Seconds to wait for more once there is one.
            patience: Seconds to wait for the first; an empty list when none came, or the inbox was closed.
        """
        taken: list[Delivery] = []
        size = 0
        with self._changed:
            if not any(self._lines.values()) and not self._closed:
                self._changed.wait(patience)
            deadline = self._monotonic() + linger
            while size < most:
                found = self._next()
                if found is not None:
                    taken.append(found)
                    size += len(found.body)
                    # Its line may be empty now, and somebody waiting to fill it.
                    self._wake()
                    continue
                left = deadline - self._monotonic()
                if self._closed or left <= 0 or not (taken or any(self._lines.values())):
                    break
                self._changed.wait(min(left, _GLANCE))
        return taken

    def release(self, deliveries: Collection[Delivery]) -> None:
        """These are done with: there is room again."""
        with self._changed:
            self._held -= sum(len(delivery.body) for delivery in deliveries)
            self._owed.subtract(delivery.partition for delivery in deliveries)
        self._wake()

    @property
    def held(self) -> int:
        """Bytes that wait or are in work."""
        return self._held

    @property
    def done(self) -> bool:
        """Whether it is closed, and holds nothing that may be taken."""
        with self._changed:
            return self._closed and self._first() is None

    def _next(self) -> Delivery | None:
        """The message that entered the stream first, if none that is known to exist may be older."""
        line = self._first()
        if line is None:
            return None
        order, delivery = line.popleft()
        self._alignment.passed(delivery.partition, order)
        return delivery

    def _first(self) -> deque[_Waiting] | None:
        """The line whose first message is to be given now."""
        best: deque[_Waiting] | None = None
        for line in self._lines.values():
            if line and (best is None or line[0].order < best[0].order):
                best = line
        if best is None or (not self._ending and self._alignment.waits(best[0].order, self._lines.get)):
            return None
        return best

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._room.set)
        except RuntimeError:
            pass  # The loop is closed: nobody brings anything any more.
