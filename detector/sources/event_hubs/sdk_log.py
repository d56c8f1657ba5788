"""Counts the lines of the SDK's log behind which a receiver has stopped without an error.

The SDK writes them at DEBUG or INFO. They are counted and, below WARNING, go no further. Nothing
here acts on a line, the watchdog does; a wording that changes costs a counter only, and a test notices.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from detector.sources.facts import SdkWarning, SourceFacts

LINES: Final[dict[str, tuple[tuple[str, SdkWarning], ...]]] = {
    "azure.eventhub._pyamqp.aio._client_async": (
        ("Timeout reached, closing receiver.", "receiver_shut_down"),
        ("Connection keep-alive for", "keep_alive_failed"),
    ),
    "azure.eventhub._pyamqp.aio._session_async": (("Unable to attach new link", "link_refused"),),
    "azure.eventhub._pyamqp.aio._receiver_async": (("Transfer callback function failed", "callback_failed"),),
}
"""How the lines begin that are counted, by logger."""


class _Counter(logging.Filter):
    def __init__(self, lines: tuple[tuple[str, SdkWarning], ...], level: int, facts: SourceFacts) -> None:
        super().__init__()
        self._lines = lines
        self._level = level
        self._facts = facts

    def filter(self, record: logging.LogRecord) -> bool:
        for beginning, warning in self._lines:
            if str(record.msg).startswith(beginning):
                self._facts.sdk_warned(warning)
        return record.levelno >= self._level


@contextmanager
def watched(facts: SourceFacts) -> Iterator[None]:
    """Counts while it is entered, and leaves the loggers as they were."""
    counters: list[tuple[logging.Logger, int, _Counter]] = []
    for name, lines in LINES.items():
        logger = logging.getLogger(name)
        counter = _Counter(lines, max(logging.WARNING, logger.getEffectiveLevel()), facts)
        counters.append((logger, logger.level, counter))
        logger.addFilter(counter)
        logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for logger, level, counter in counters:
            logger.setLevel(level)
            logger.removeFilter(counter)
