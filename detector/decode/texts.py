"""Strings as they may be kept: short, printable, and `None` where the record does not say."""

from __future__ import annotations

from functools import lru_cache

MAX_CHARS = 256
"""Longest string kept from a record; names are cut here, ids beyond it are refused."""

_MAX_READ = 4 * MAX_CHARS
"""No character behind this one is looked at, so none is remembered: the caches below are bounded in bytes too."""

_NOTHING = frozenset({"", "<null>", "null"})


def text(value: str | None) -> str | None:
    """A name or free text: trimmed, cut to `MAX_CHARS`, unprintable characters replaced; empty means `None`."""
    return _text(value[:_MAX_READ]) if value else None


def ident(value: str | None) -> str | None:
    """An id: as `text`, in lower case, because Entra's logs disagree on the case of one and the same GUID."""
    return _ident(value[:_MAX_READ]) if value else None


@lru_cache(maxsize=65_536)
def _text(value: str) -> str | None:
    value = value.strip()
    if not value.isprintable():
        value = "".join(char if char.isprintable() else " " for char in value).strip()
    if value in _NOTHING:
        return None
    return value[:MAX_CHARS]


@lru_cache(maxsize=65_536)
def _ident(value: str) -> str | None:
    kept = _text(value)
    return None if kept is None else kept.lower()[:MAX_CHARS]  # a letter may become two
