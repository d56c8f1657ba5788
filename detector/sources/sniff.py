"""Which form a file has, judged by its first bytes."""

from __future__ import annotations

import re
from typing import Literal

import orjson

from detector.sources.chunk import MAX_LINE_BYTES
from detector.sources.streams import AVRO, PARQUET
from detector.sources.tables import is_header

Kind = Literal["messages", "records", "document", "table", "capture", "parquet", "empty", "foreign"]
"""Lines of messages; lines of records; one JSON text; CSV; Avro of Event Hubs Capture; Parquet; nothing; something
else."""

_MESSAGE = re.compile(rb'\s*+\{[^\[\]{}]{0,4096}?"(?:records|value)"\s*+:\s*+\[', re.IGNORECASE)
_MIN_HEAD = 2**16
_LINES_TRIED = 8


def enough(head: bytes) -> bool:
    """Whether these first bytes can be judged: a whole line, or more than one may be long."""
    if len(head) > MAX_LINE_BYTES or head.startswith((AVRO, PARQUET)):
        return True
    return len(head) >= _MIN_HEAD and b"\n" in head.lstrip()


def kind_of(head: bytes) -> Kind:
    """The form of the file that begins so."""
    if head.startswith(AVRO):
        return "capture"
    if head.startswith(PARQUET):
        return "parquet"
    text = head.lstrip()
    if not text:
        return "empty"
    if text[:1] not in (b"{", b"["):
        if _some_line_is_json(text):
            return "records"
        return "table" if is_header(text) else "foreign"
    lines = _lines(text)
    if _is_json(lines[0]):
        if len(lines) > 1:
            return "messages" if _MESSAGE.match(lines[0]) or text.startswith(b"[") else "records"
        return "document" if _MESSAGE.match(text) or text.startswith(b"[") else "records"
    return "records" if _some_line_is_json(text) else "document"


def _lines(text: bytes) -> list[bytes]:
    return [line for line in text.split(b"\n", _LINES_TRIED)[:_LINES_TRIED] if line.strip()]


def _some_line_is_json(text: bytes) -> bool:
    """Whether a later line is a whole object: then the first one is only a broken record."""
    return any(line.lstrip()[:1] == b"{" and _is_json(line) and len(line.strip()) > 2 for line in _lines(text)[1:])


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
