"""The one place of the test hub that reads clocks."""

from __future__ import annotations

import time


def wall() -> float:
    """Seconds since the epoch, UTC: enqueue times and the expiry of tokens."""
    return time.time()  # noqa: TID251  # a server stamps what it takes in; tests pass a clock of their own
