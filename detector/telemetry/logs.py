"""Log lines: facts in the past tense, JSON on a stream, one schema.

Every line has `time` (RFC 3339, UTC), `level`, `event` (a fact: `file_failed`) and further members that depend on the
event alone, see `detector.telemetry.lines`. Import this module where a line is about to be written, not before: it
loads structlog.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final, TextIO

import structlog

from detector.telemetry.lines import LINES, MAX_TEXT
from detector.telemetry.reasons import LEVELS as _LEVELS

LEVELS: Final = _LEVELS
_NUMBERS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_MAX_DEPTH: Final = 8
_MAX_MEMBERS: Final = 1_000


def logger(stream: TextIO, level: str = "info") -> structlog.typing.FilteringBoundLogger:
    """A logger that writes to a stream; each call gets one of its own, nothing is configured globally."""
    made: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        wrapper_class=structlog.make_filtering_bound_logger(_NUMBERS[level]),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _ordered,
            structlog.processors.JSONRenderer(serializer=_ascii),
        ],
    )
    return made


def write(log: structlog.typing.FilteringBoundLogger, event: str, **members: Any) -> None:  # noqa: ANN401 -- JSON
    """Writes the line of an event of `LINES`, at its level."""
    getattr(log, LINES[event].level)(event, **members)


def file_failed(log: structlog.typing.FilteringBoundLogger, failure: str) -> None:
    """A file could not be read, or not to its end."""
    write(log, "file_failed", failure=failure)


def replay_finished(log: structlog.typing.FilteringBoundLogger, summary: dict[str, Any]) -> None:
    """A replay came to its end; `summary` is its document."""
    write(log, "replay_finished", summary=summary)


def command_failed(log: structlog.typing.FilteringBoundLogger, message: str, exit_code: int) -> None:
    """A command gave up."""
    write(log, "command_failed", message=message, exit_code=exit_code)


def _ordered(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    head = {name: event.pop(name) for name in ("time", "level", "event")}
    return {**head, **{name: _safe(value, _MAX_DEPTH) for name, value in event.items()}}


def _safe(value: object, depth: int) -> object:
    """A value that JSON knows, of bounded size, without half characters that strict readers refuse."""
    match value:
        case str():
            whole = value if len(value) <= MAX_TEXT else f"{value[: MAX_TEXT - 3]}..."
            return whole if whole.isascii() else whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case float():
            return value if math.isfinite(value) else None
        case None | bool() | int():
            return value
        case dict() if depth:
            some = list(value.items())[:_MAX_MEMBERS]
            return {str(_safe(str(name), 0)): _safe(inner, depth - 1) for name, inner in some}
        case list() | tuple() if depth:
            return [_safe(inner, depth - 1) for inner in value[:_MAX_MEMBERS]]
        case _:
            return type(value).__name__


def _ascii(event: object, **_: object) -> str:
    return json.dumps(event, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("\x7f", "\\u007f")
