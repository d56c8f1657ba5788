"""How fast Graph is asked: a budget of requests, and rests that Graph or a failure makes necessary."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

FIRST: Final = 1.0
"""Longest wait before a request is made again for the first time, seconds; it doubles with every failure."""
LONGEST: Final = 30.0
"""Longest wait of all, unless Graph asks for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the poller needs of the world, which tests replace."""

    now: Callable[[], float]
    """Wall clock, seconds since the epoch."""
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]
    """Numbers from 0 to 1."""
    token: Callable[[], str]
    """Text that is never the same twice, for the names of rounds."""


class Pace:
    """Spaces requests evenly, so that no second sees more of them than it may; belongs to the event loop.

    Graph counts requests in windows of seconds and punishes whoever goes on while throttled, so a wish to be left
    alone holds for all requests and not only for the one that was refused:
    https://learn.microsoft.com/graph/throttling.

    Args:
        per_second: Requests in a second at most.
        world: Clocks and chance.
    """

    def __init__(self, per_second: float, world: World) -> None:
        self._step: Final = 1.0 / per_second
        self._world: Final = world
        self._free = 0.0
        self._resting = 0.0

    async def turn(self, requests: int = 1) -> None:
        """Waits until so many requests may be made; those of a `$batch` are made at once, and count one by one."""
        clock = self._world.monotonic
        begin = max(self._free, self._resting, clock())
        at = begin + (requests - 1) * self._step / 2
        self._free = begin + requests * self._step
        while (left := max(at, self._resting) - clock()) > 0:
            await self._world.sleep(left)

    def rest(self, seconds: float) -> None:
        """Nothing is asked for so long."""
        self._resting = max(self._resting, self._world.monotonic() + seconds)

    def wait(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row, counted from 1: back-off with full jitter."""
        return self._world.chance() * min(LONGEST, FIRST * 2.0 ** min(failures - 1, 30))
