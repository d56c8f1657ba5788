"""Text out of records, safe to show: nothing in it moves a cursor, reverses what is read, or hides."""

from __future__ import annotations

import unicodedata
from typing import Final

_UNSAFE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that can move the cursor, reverse the text, hide or break a line."""
_MARKS: Final = 2


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
