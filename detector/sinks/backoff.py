"""How long to wait before the next attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_MOST_DOUBLINGS: Final = 30


class Backoff:
    """Exponential back-off with full jitter: anything from nothing to a span that doubles with every failure.

    Full jitter keeps many waiting clients from coming back in step; see "Exponential Backoff And Jitter", AWS
    Architecture Blog, 2015.

    Args:
        base: Longest wait after the first failure, seconds.
        cap: Longest wait ever, seconds.
        random: Numbers from 0 to 1.
    """

    def __init__(self, base: float, cap: float, random: Callable[[], float]) -> None:
        self._base = base
        self._cap = cap
        self._random = random

    def after(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row, counted from 1."""
        doublings = min(max(failures - 1, 0), _MOST_DOUBLINGS)
        return self._random() * min(self._cap, self._base * 2.0**doublings)
