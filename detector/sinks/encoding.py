"""Documents as JSON that is safe wherever it is printed, and text that is safe on a terminal."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Final

import msgspec

from detector.domain.alerts import Alert

_UNSAFE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that can move the cursor, reverse the text, hide or break a line."""
_MARKS: Final = 2


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


def printable(text: str) -> str:
    """The text with every character replaced that is no visible character or plain space.

    Marks that combine with the letter before them stay, but no more than two of them: more are a way to scribble over
    the lines above and below.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if category == "Zs" or char in "\n\t\r":
            shown.append(" ")
        elif category in _UNSAFE:
            shown.append("\N{REPLACEMENT CHARACTER}")
        elif marks <= _MARKS:
            shown.append(char)
    return "".join(shown)
