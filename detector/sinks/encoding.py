"""Documents as JSON that is safe wherever it is printed, and text that is safe on a terminal."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from detector.domain.alerts import Alert
from detector.domain.printing import printable

__all__ = ["alert_document", "json_line", "printable"]


def json_line(document: Any) -> bytes:  # noqa: ANN401 -- whatever JSON can hold
    """One line of ASCII with its line end; equal documents give equal bytes.

    Every character beyond the printable ASCII ones is escaped, so neither a terminal, nor a log reader that knows
    other line ends, nor an editor that knows bidirectional text can be deceived by a name in a record.
    """
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("\x7f", "\\u007f").encode("ascii") + b"\n"


def alert_document(alert: Alert) -> dict[str, Any]:
    """The alert as JSON can hold it, members in the order of the struct; see docs/alert.schema.json."""
    document: dict[str, Any] = msgspec.to_builtins(alert)
    return document
