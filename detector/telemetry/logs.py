"""Log lines: facts in the past tense, JSON on standard error, one schema.

Every line has `time` (RFC 3339, UTC), `level`, `event` (a fact: `file_failed`) and further members that depend on the
event alone. Import this module where a line is about to be written, not before: it loads structlog.
"""

from __future__ import annotations

import json
from typing import Any, Final, TextIO

import structlog

LEVELS: Final = ("debug", "info", "warning", "error")


def logger(stream: TextIO) -> structlog.typing.FilteringBoundLogger:
    """A logger that writes to a stream; each call gets one of its own, nothing is configured globally."""
    made: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        wrapper_class=structlog.make_filtering_bound_logger(20),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _ordered,
            structlog.processors.JSONRenderer(serializer=_ascii),
        ],
    )
    return made


def file_failed(log: structlog.typing.FilteringBoundLogger, failure: str) -> None:
    """A file could not be read, or not to its end."""
    log.warning("file_failed", failure=failure)


def replay_finished(log: structlog.typing.FilteringBoundLogger, summary: dict[str, Any]) -> None:
    """A replay came to its end; `summary` is its document."""
    log.info("replay_finished", summary=summary)


def command_failed(log: structlog.typing.FilteringBoundLogger, message: str, exit_code: int) -> None:
    """A command gave up."""
    log.error("command_failed", message=message, exit_code=exit_code)


def _ordered(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    head = {name: event.pop(name) for name in ("time", "level", "event")}
    return {**head, **event}


def _ascii(event: object, **_: object) -> str:
    return json.dumps(event, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f")
