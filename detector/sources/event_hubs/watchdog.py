"""Whether a partition makes progress, and what to try when it does not. Every method is told the time.

Progress is judged, never silence: an idle partition is silent and well. A partition is behind when the hub holds
messages that were not received, and stalled when it stays so without receiving any. Where neither messages nor answers
come, nothing can be judged; then a receiver is opened anew where the last one stood, which needs no answer.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from detector.config.event_hubs import WatchdogSettings

Health = Literal["opening", "opened", "idle", "held", "stalled", "unknown"]
"""Not opened yet; receiving; nothing to receive; waiting for the rest of the service; stalled; the hub is silent."""

Step = Literal["reopen", "receiver", "client", "restart"]
"""What to replace: the receiver without asking the hub where it stands, the receiver, every connection, the process."""


class Watchdog:
    """Watches one partition.

    Args:
        limits: When it counts as stalled.
        now: Monotonic seconds.
    """

    def __init__(self, limits: WatchdogSettings, now: float) -> None:
        self._limits = limits
        self._answered = now
        self._heard = now
        self._behind_since: float | None = None
        self._stalls: deque[float] = deque()
        self._stalled = False
        self.last_enqueued: int | None = None
        """Newest sequence number that the hub told of."""
        self.last_progress = now
        """When a message was last received."""

    def answered(self, now: float, last_enqueued: int, *, behind: bool) -> None:
        """The hub said how far the partition goes."""
        self._answered = now
        self.last_enqueued = last_enqueued
        if not behind:
            self._behind_since = None
            self._stalled = False
        elif self._behind_since is None:
            self._behind_since = now

    def progressed(self, now: float) -> None:
        """A message was received."""
        self.last_progress = now
        self._behind_since = None
        self._stalled = False

    def paused(self, now: float) -> None:
        """The receiver waits for room: being behind, and hearing nothing, is not the fault of the hub."""
        self._heard = now
        self._behind_since = None

    def health(self, now: float) -> Literal["stalled", "unknown", "opened"]:
        """How the partition is, as far as the hub is concerned."""
        if self._stalled or self._overdue(now):
            return "stalled"
        return "unknown" if now - self._answered >= self._limits.unknown_after else "opened"

    def due(self, now: float) -> Step | None:
        """What to replace now, if anything; the time until the next step then starts anew.

        While the hub does not answer the ladder waits: nothing could be opened either, and it may be the hub's outage.
        As soon as it answers, the step is due. But the silence may be ours: a receiver whose stream has lost its frames
        takes the next octets for the length of one and clears gigabytes of memory, again and again, until no other
        task is in time for an answer. So a receiver that brought nothing meanwhile is opened anew.
        """
        if self._unheard(now):
            self._heard = now
            return "reopen"
        if not self._overdue(now) or now - self._answered > 2 * self._limits.poll + self._limits.answer:
            return None
        while self._stalls and now - self._stalls[0] > self._limits.window:
            self._stalls.popleft()
        self._stalls.append(now)
        self._behind_since = now
        self._stalled = True
        steps: tuple[Step, ...] = ("receiver", "client", "restart")
        return steps[min(len(self._stalls), len(steps)) - 1]

    def _overdue(self, now: float) -> bool:
        return self._behind_since is not None and now - self._behind_since >= self._limits.stalled_after

    def _unheard(self, now: float) -> bool:
        return now - max(self._answered, self.last_progress, self._heard) >= self._limits.unknown_after
