"""Which stretch of event time a replay judges, and which one it reads for that."""

from __future__ import annotations

from math import inf
from typing import Final

import msgspec

DAY: Final = 86400.0
_AFTER: Final = 7 * 3600.0
"""Seconds behind the end that are read: the longest window of a feature is six hours, and records come late."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What is judged, and what is read for it."""

    start: float = -inf
    """First event time that is judged, seconds since the epoch, UTC; `-inf`: all that is read."""
    end: float = inf
    """First event time that is not judged any more."""
    baseline: float = 0.0
    """Seconds before `start` that are read to learn from."""

    @property
    def is_all(self) -> bool:
        """Whether everything that is read is judged."""
        return self.start == -inf and self.end == inf

    @property
    def read_from(self) -> float:
        """First event time that is read."""
        return self.start - self.baseline

    @property
    def read_until(self) -> float:
        """First event time that is not read: windows that are open at `end` are closed by what really followed."""
        return self.end + _AFTER
