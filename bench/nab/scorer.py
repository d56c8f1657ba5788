"""A score for each value of any series of numbers, as it comes: how unlikely it is, and whether that is news."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bench.nab.streams import STREAMS, Streams
from detector.features.peaks import Peaks, Tail

if TYPE_CHECKING:
    from collections.abc import Sequence

ALARM = 0.5
"""The score from which on a value is an alarm."""


class Settings(msgspec.Struct, frozen=True):
    """What the scorer goes by. None of it is fitted to a series."""

    tail: Tail = Tail()
    share: float = 0.2
    """Part that the less surprising streams add to the most surprising one: they are evidence, but depend on it."""
    level: float = 6.2
    """Combined surprise that is an alarm."""
    silence: int = 120
    """Values after an alarm in which none follows,"""
    louder: float = 2.0
    """unless it is this many times as surprising."""


def combined(surprises: Sequence[float], share: float) -> float:
    """The largest surprise and a share of all others."""
    largest = max(surprises)
    return largest + share * (sum(surprises) - largest)


SHIPPED = Settings()


class Silence:
    """Keeps what belongs to one anomaly from being several alarms."""

    __slots__ = ("level", "louder", "loudest", "rows", "until")

    def __init__(self, level: float, rows: int, louder: float) -> None:
        self.level, self.rows, self.louder = level, rows, louder
        self.until = -1
        self.loudest = 0.0

    def speaks(self, row: int, surprise: float) -> bool:
        """Whether the value in this row is an alarm; rows below the level may be left out."""
        if surprise < self.level or (row <= self.until and surprise < self.louder * self.loudest):
            return False
        self.loudest = surprise
        self.until = row + self.rows
        return True


class Scorer:
    """`update(timestamp, value)` for one series; causal, of constant size and constant time a value."""

    __slots__ = ("peaks", "row", "settings", "silence", "streams")

    def __init__(self, settings: Settings = SHIPPED) -> None:
        self.settings = settings
        self.row = -1
        self.streams = Streams()
        self.peaks = [Peaks(self.settings.tail) for _ in STREAMS]
        self.silence = Silence(self.settings.level, self.settings.silence, self.settings.louder)

    def surprises(self, timestamp: float, value: float) -> list[float]:
        """-log10 of the probability of the next value as each of the streams sees it."""
        return [
            0.0 if seen is None else peaks.update(seen)
            for peaks, seen in zip(self.peaks, self.streams.update(timestamp, value), strict=True)
        ]

    def update(self, timestamp: float, value: float) -> float:
        """Judges the next value of the series by those before it.

        Args:
            timestamp: Seconds since 1970, not falling; only the time of day is looked at.
            value: Below 1e100 in size.

        Returns:
            A score in [0, 1): from `ALARM` on the value is an alarm. What follows one is no news and is 0.
        """
        surprise = combined(self.surprises(timestamp, value), self.settings.share)
        self.row += 1
        if surprise >= self.settings.level and not self.silence.speaks(self.row, surprise):
            return 0.0
        return surprise / (surprise + self.settings.level)
