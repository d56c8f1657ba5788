"""A circuit breaker: a sink that keeps failing is left alone for a while, then tried with one alert."""

from __future__ import annotations

from typing import Final, Literal

State = Literal["closed", "open", "half_open"]

_MOST_DOUBLINGS: Final = 16


class Breaker:
    """Closed while all is well; open after `threshold` failures in a row; half-open when the rest is over.

    Half-open lets one attempt through: success closes the breaker, failure opens it again, for twice as long up to
    `longest`. Times are those of the monotonic clock that the caller reads.

    Args:
        threshold: Failures in a row that open it.
        rest: How long it first stays open, seconds.
        longest: How long it stays open at most, seconds.
    """

    def __init__(self, threshold: int = 5, rest: float = 30.0, longest: float = 300.0) -> None:
        self._threshold = threshold
        self._rest = rest
        self._longest = longest
        self._failures = 0
        self._openings = 0
        self._until = 0.0

    @property
    def failures(self) -> int:
        """Failures in a row."""
        return self._failures

    def state(self, time: float) -> State:
        """What it is at a time."""
        if not self._openings:
            return "closed"
        return "open" if time < self._until else "half_open"

    def remaining(self, time: float) -> float:
        """Seconds until an attempt is let through; 0 when one is."""
        return max(0.0, self._until - time) if self._openings else 0.0

    def failed(self, time: float) -> float:
        """Notes a failure; returns for how many seconds the breaker has opened just now, 0 if it has not."""
        self._failures += 1
        if self._failures < self._threshold or self.state(time) == "open":
            return 0.0
        rest = min(self._longest, self._rest * 2.0 ** min(self._openings, _MOST_DOUBLINGS))
        self._openings += 1
        self._until = time + rest
        return rest

    def succeeded(self) -> bool:
        """Notes a success; returns whether it closed the breaker just now."""
        reopened = self._openings > 0
        self._failures = self._openings = 0
        return reopened
