"""The log of the service: lines of `LINES`, at most so many of one kind a minute, from any thread, never fatal."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, TextIO

from detector.telemetry import logs
from detector.telemetry.lines import LINES

WINDOW: Final = 60.0
"""Seconds over which lines of one kind are counted."""
_MAX_KEYS: Final = 1_000


class Log:
    """Writes lines, and counts what it leaves out.

    Args:
        stream: Where lines go. When it refuses them (closed pipe, full disk) they are counted and the service goes on.
        monotonic: Seconds that only rise, for the limit.
        limit: Lines of one kind in `WINDOW` seconds; what comes beyond is counted, and told when the window is over.
        level: Least level that is written.
        on_written: Told the level of every line that was written.
        on_suppressed: Told of every line that was left out.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        monotonic: Callable[[], float],
        limit: int = 100,
        level: str = "info",
        on_written: Callable[[str], None] = lambda _level: None,
        on_suppressed: Callable[[], None] = lambda: None,
    ) -> None:
        self._logger: Final = logs.logger(stream, level)
        self._least: Final = logs.LEVELS.index(level)
        self._monotonic: Final = monotonic
        self._limit: Final = limit
        self._on_written: Final = on_written
        self._on_suppressed: Final = on_suppressed
        self._lock: Final = threading.RLock()
        self._counts: Counter[str] = Counter()
        self._ends = -1.0

    def say(self, event: str, kind: str = "", /, **members: Any) -> None:  # noqa: ANN401 -- whatever JSON holds
        """Writes a line; `kind` sets lines of one event apart for the limit, and comes from a closed set."""
        with self._lock:
            self._roll()
            key = f"{event}:{kind}" if kind else event
            if key not in self._counts and len(self._counts) >= _MAX_KEYS:
                key = event
            self._counts[key] += 1
            if self._counts[key] <= self._limit:
                self._write(event, members)
            else:
                self._on_suppressed()

    def flush(self) -> None:
        """Tells what was left out in windows that are over; called now and then, as nobody may have a line to write."""
        with self._lock:
            self._roll()

    def close(self) -> None:
        """Tells what was left out so far."""
        with self._lock:
            self._tell()

    def _roll(self) -> None:
        now = self._monotonic()
        if now >= self._ends:
            self._ends = now + WINDOW
            self._tell()

    def _tell(self) -> None:
        counts, self._counts = self._counts, Counter()
        for key, count in counts.items():
            if count > self._limit:
                self._write("lines_suppressed", {"suppressed": key, "count": count - self._limit})

    def _write(self, event: str, members: dict[str, Any]) -> None:
        level = LINES[event].level
        if logs.LEVELS.index(level) < self._least:
            return
        try:
            logs.write(self._logger, event, **members)
        except (OSError, ValueError):
            self._on_suppressed()  # the stream is closed or full; a log that cannot be written stops nobody
        else:
            self._on_written(level)
