"""What happened at the server, counted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable


class Stats:
    """Counters that any thread may read while the server runs."""

    def __init__(self) -> None:
        self.connections = 0
        """Connections accepted, ever."""
        self.open_connections = 0
        """Connections open now."""
        self.opened: Counter[str] = Counter()
        """Receivers opened, ever, by partition."""
        self.receivers: Counter[str] = Counter()
        """Receivers attached now, by partition."""
        self.deliveries: Counter[str] = Counter()
        """Events delivered, by partition; a copy delivered again counts again."""
        self.received: Counter[str] = Counter()
        """Events taken from producers, by partition."""
        self.refused: Counter[str] = Counter()
        """Links refused, by condition."""
        self.tokens = 0
        """Tokens accepted."""
        self.denied = 0
        """Tokens refused."""
        self.management_reads = 0
        """Requests answered at the management node with success."""
        self._changed = threading.Condition()
        self._waiting = 0

    def wait_for(self, condition: Callable[[Stats], bool], timeout: float = 60.0) -> bool:
        """Block until the condition holds; whether it did within so many seconds."""
        with self._changed:
            self._waiting += 1
            try:
                return self._changed.wait_for(lambda: condition(self), timeout)
            finally:
                self._waiting -= 1

    def notify(self) -> None:
        """The server counted something."""
        if self._waiting:
            with self._changed:
                self._changed.notify_all()
