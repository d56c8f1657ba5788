"""Strings as they may be kept: short, printable, and `None` where the record does not say."""

from __future__ import annotations

MAX_CHARS = 256
"""Longest string kept from a record; names are cut here, ids beyond it are refused."""

_NOTHING = frozenset({"", "<null>", "null"})


def text(value: str | None) -> str | None:
    """A name or free text: trimmed, cut to `MAX_CHARS`, unprintable characters replaced; empty means `None`."""
    if not value:
        return None
    value = value[: 4 * MAX_CHARS].strip()
    if not value.isprintable():
        value = "".join(char if char.isprintable() else " " for char in value).strip()
    if value in _NOTHING:
        return None
    return value[:MAX_CHARS]


def ident(value: str | None) -> str | None:
    """An id: as `text`, in lower case, because Entra's logs disagree on the case of one and the same GUID."""
    kept = text(value)
    return None if kept is None else kept.lower()
