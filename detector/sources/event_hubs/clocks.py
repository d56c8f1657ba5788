"""Time and chance, which a test replaces."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Where the source gets its time and chance from."""

    now: Callable[[], float]
    """Seconds since the epoch; used only for a message that does not say when it was enqueued."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds since any moment, never going back."""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    """A number from 0 to 1, for jitter."""
