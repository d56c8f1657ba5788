"""Lines of libraries, routed into the one schema: warnings and errors, and the INFO line where the SDK's stalls hide.

azure-eventhub 5.15.1 logs an error that ends its receive loop as "Timeout reached, closing receiver." at INFO, tells
nobody else, and never reads again. That line is counted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from detector.telemetry.log import Log
from detector.telemetry.metrics import Metrics
from detector.telemetry.reasons import LIBRARIES
from detector.telemetry.scrubbing import scrubbed

HUB: Final = "azure.eventhub"
TIMEOUT: Final = "Timeout reached"


class LibraryLines(logging.Handler):
    """A handler for the loggers of libraries. It never raises, and never shows a traceback, a secret or a newline."""

    def __init__(self, metrics: Metrics, log: Log) -> None:
        super().__init__(logging.INFO)
        self._metrics: Final = metrics
        self._log: Final = log

    def emit(self, record: logging.LogRecord) -> None:
        """Takes one line of a library."""
        if record.levelno >= logging.WARNING:
            self._warned(record)
        elif record.name.startswith(HUB) and str(record.msg).startswith(TIMEOUT):
            self._metrics.count("sdk_timeouts_total")
            self._log.say("sdk_timeout", logger=record.name)

    def _warned(self, record: logging.LogRecord) -> None:
        library = record.name.partition(".")[0]
        self._metrics.count("library_lines_total", library=library)
        try:
            message = record.getMessage()
            if record.exc_info is not None and record.exc_info[0] is not None:
                message = f"{message} ({record.exc_info[0].__name__}: {record.exc_info[1]})"
        except Exception:  # noqa: BLE001 -- a line whose arguments do not fit must not stop whoever wrote it
            message = str(record.msg)
        self._log.say(
            "library_line",
            library if library in LIBRARIES else "other",
            logger=record.name,
            library_level=record.levelname.lower(),
            message=scrubbed(message),
        )


def route(handler: logging.Handler) -> Callable[[], None]:
    """Routes the loggers of the libraries to a handler and nowhere else; returns what puts all back as it was."""
    undo: list[Callable[[], None]] = []
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        undo.append(_restorer(logger))
        logger.addHandler(handler)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
    hub = logging.getLogger(HUB)
    undo.append(_restorer(hub))
    hub.setLevel(logging.INFO)

    def restore() -> None:
        for step in undo:
            step()
        for name in LIBRARIES:
            logging.getLogger(name).removeHandler(handler)

    return restore


def _restorer(logger: logging.Logger) -> Callable[[], None]:
    level, propagate = logger.level, logger.propagate

    def restore() -> None:
        logger.setLevel(level)
        logger.propagate = propagate

    return restore
