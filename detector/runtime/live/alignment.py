"""Which partitions are waited for, so that the records of a slow one are not late.

This is watermark alignment, as in Apache Flink (FLIP-182). How long it waits depends on what not waiting would do.
While the stream is followed closely, the messages of the others are hardly younger than what is missing, and nothing
becomes late when they go first. While a backlog is read, a few seconds of waiting less are hours of the stream, and
all that is missing would be late.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import inf
from typing import Final, NamedTuple

_GLANCE: Final = 0.05
"""Seconds between two looks at which partitions are behind."""


class Patience(NamedTuple):
    """How long a partition that is behind and brings nothing is waited for."""

    near: float = 5.0
    """Seconds, when the messages that wait for it are at most `reach` younger than anything that it can hold back."""
    far: float = 60.0
    """Seconds, when they are younger than that."""
    reach: float = 400.0
    """Seconds of the stream; well below the lateness, for a record is also late by the delay of its export."""


class _Missing(NamedTuple):
    since: float
    after: float
    """What it holds back entered the stream after this."""


class Alignment:
    """Waits for partitions by the order in which messages entered the stream.

    Args:
        monotonic: Seconds that only rise.
        patience: How long.
    """

    def __init__(self, monotonic: Callable[[], float], patience: Patience) -> None:
        self.behind: Callable[[], Collection[str]] = tuple
        """Partitions that are known to hold messages which were not brought yet."""
        self._monotonic: Final = monotonic
        self._patience: Final = patience
        self._missing: Final[dict[str, _Missing]] = {}
        self._known_behind: Collection[str] = ()
        self._asked = -_GLANCE
        self._passed: Final[dict[str, float]] = {}
        self._frontier = -inf

    def passed(self, partition: str, order: float) -> None:
        """A message was given to the worker."""
        self._passed[partition] = order
        self._frontier = max(self._frontier, order)

    def waits(self, order: float, brought: Callable[[str], object]) -> bool:
        """Whether a message must wait, because an older one may be missing that is still waited for.

        Args:
            order: When the message entered the stream.
            brought: Whether a partition has a message in line, so that nothing older of it can be missing.
        """
        now = self._monotonic()
        if not 0.0 <= now - self._asked < _GLANCE:
            self._asked, self._known_behind = now, self.behind()
        missing = {partition for partition in self._known_behind if not brought(partition)}
        for partition in [partition for partition in self._missing if partition not in missing]:
            del self._missing[partition]
        waits = False
        for partition in missing:  # Each of them, for the time of each is counted.
            waits = self._waits_for(partition, order, now) or waits
        return waits

    def _waits_for(self, partition: str, order: float, now: float) -> bool:
        known = self._missing.get(partition)
        if known is None:
            # Of a partition that brought nothing yet it is not known from when on it holds something back. Of another
            # one it is: until now it was not behind, so all before the newest message that was given has come.
            own = self._passed.get(partition)
            known = self._missing[partition] = _Missing(now, -inf if own is None else max(own, self._frontier))
        near = order - known.after <= self._patience.reach
        return now - known.since < (self._patience.near if near else self._patience.far)
