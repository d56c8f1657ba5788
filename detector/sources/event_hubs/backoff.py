"""How long to wait before the next attempt."""

from __future__ import annotations

from collections.abc import Callable

from detector.config.event_hubs import BackoffSettings


class Backoff:
    """Waits of a random part of 1, 2, 4 ... seconds ("full jitter"), so that many receivers do not return at once.

    A receiver that was served before it failed waits a short time only: it received something, or all there was had
    been received and its connection broke. Else a quiet partition would wait for a minute after a few lost connections,
    and then bring its next message a minute late. Everything starts over after being served for `reset_after`.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    def __init__(self, settings: BackoffSettings, chance: Callable[[], float]) -> None:
        self._settings = settings
        self._chance = chance
        self._failures = 0

    def next(self, *, lived: float = 0.0, served: bool = False) -> float:
        """Seconds to wait after an attempt that lasted `lived` seconds and was or was not served."""
        settings = self._settings
        if served and lived >= settings.reset_after:
            self._failures = 0
        bound = min(settings.longest, settings.first * float(2 ** min(self._failures, 30)))
        if served:
            bound = min(bound, settings.flapping)
            # Flapping must not make a later, real failure wait for a minute at once.
            if bound < settings.flapping:
                self._failures += 1
        else:
            self._failures += 1
        return self._chance() * bound
