"""What a replay counts while it runs; it can be put down and taken up again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from math import inf
from typing import Final

import msgspec

from detector.decode.decoded import Decoded
from detector.domain.alerts import Alert
from detector.runtime.window import Window

_SETTLING: Final = 7200.0
"""Seconds of event time after the first record within which an earlier one may still come."""


class Tally(msgspec.Struct):
    """Counts so far."""

    severities: dict[str, int] = {}
    detectors: dict[str, int] = {}
    held: dict[str, int] = {}
    """Alerts over the budget, by detector; they are not among the others."""
    learned: int = 0
    """Alerts about the time of the baseline, which are not told."""
    beyond: int = 0
    """Alerts about the time behind the window, which are not told."""
    earliest: float = inf
    """Least event time."""
    settled: bool = False
    """Whether `earliest` is final."""
    seconds: float = 0.0
    """Wall-clock time of the runs before this one."""
    runs: int = 1

    def tell(
        self,
        alerts: list[Alert],
        window: Window,
        on_alert: Callable[[Alert], None],
        on_held: Callable[[Alert], None] | None = None,
    ) -> None:
        """Counts alerts and passes on those of the time that is judged."""
        for alert in alerts:
            if not window.is_all:
                time = datetime.fromisoformat(alert.time).timestamp()
                if time < window.start:
                    self.learned += alert.held is None
                    continue
                if time >= window.end:
                    self.beyond += alert.held is None
                    continue
            if alert.held is not None:
                self.held[alert.detector] = self.held.get(alert.detector, 0) + 1
                if on_held is not None:
                    on_held(alert)
                continue
            self.severities[alert.severity] = self.severities.get(alert.severity, 0) + 1
            self.detectors[alert.detector] = self.detectors.get(alert.detector, 0) + 1
            on_alert(alert)

    def saw(self, decoded: Decoded) -> None:
        """Takes in what a chunk decoded to, while the first event is not known for sure."""
        if decoded.events:
            self.earliest = min(self.earliest, *(event.time for event in decoded.events))
            self.settled = decoded.events[-1].time > self.earliest + _SETTLING
