"""Every builtin exception, to be thrown at what must not raise."""

from __future__ import annotations

import builtins

EXCEPTIONS = sorted(
    (
        kind
        for kind in vars(builtins).values()
        if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, ExceptionGroup)
    ),
    key=lambda kind: kind.__name__,
)
"""Every builtin exception class, with RecursionError and MemoryError among them."""


def raised(kind: type[Exception]) -> Exception:
    if issubclass(kind, UnicodeDecodeError):
        return kind("utf-8", b"", 0, 1, "bad")
    if issubclass(kind, UnicodeEncodeError):
        return kind("utf-8", "", 0, 1, "bad")
    if issubclass(kind, UnicodeTranslateError):
        return kind("", 0, 1, "bad")
    return kind()
