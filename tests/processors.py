"""Whether a process was slow itself, or the machine busy with others."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final, Self

STEP: Final = 0.02
"""Seconds between two looks of a watch."""


def kept_waiting(task: int) -> float:
    """Seconds in which a process or thread was ready to run and every processor was at work on something else."""
    try:
        return int(Path(f"/proc/{task}/schedstat").read_text(encoding="utf-8").split()[1]) / 1e9
    except FileNotFoundError:
        return 0.0  # not Linux, or it has ended


class Watch:
    """A clock that stands still while this process does: stopped, not let run, on a machine that was itself stopped.

    A thread looks many times a second how late it is. What is late beyond half a step is no time of this process.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        """Since it was entered."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._main, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _main(self) -> None:
        last = time.monotonic()
        while not self._over.wait(STEP):
            now = time.monotonic()
            self.seconds += min(now - last, 1.5 * STEP)
            last = now
