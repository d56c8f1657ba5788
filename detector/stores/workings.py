"""What the parts of a store share: clocks, whom to tell, and where a test may interfere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from detector.stores.facts import SILENT, StoreFacts
from detector.stores.failpoints import At, nowhere
from detector.stores.schema import STEPS, Step
from detector.stores.settings import StoreSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Workings:
    """Given to every part."""

    now: Callable[[], float]
    """Wall clock, seconds since the epoch: for time stamps that people read, never for a decision."""
    monotonic: Callable[[], float]
    """Seconds that only rise, for durations."""
    facts: StoreFacts = SILENT
    at: At = nowhere
    settings: StoreSettings = field(default_factory=StoreSettings)
    steps: tuple[Step, ...] = STEPS
    """Ways from format to format; tests add one."""
