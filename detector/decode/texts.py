"""Strings as they may be kept: short, printable, and `None` where the record does not say."""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_CHARS = 256
"""Longest string kept from a record; names are cut here, ids beyond it are refused."""

_MAX_READ = 4 * MAX_CHARS
"""No character behind this one is looked at, so none is remembered: the caches below are bounded in bytes too."""

_NOTHING = frozenset({"", "<null>", "null"})


_MAX_CACHED = 65_536
_texts: dict[str, str] = {}
_idents: dict[str, str] = {}
"""What was made of a spelling, `""` for nothing: found again at the price of one look-up, and shared."""

_GUID = re.compile(r"[0-9a-f-]{36}").fullmatch


def text(value: str | None) -> str | None:
    """A name or free text: trimmed, cut to `MAX_CHARS`, unprintable characters replaced; empty means `None`."""
    if not value:
        return None
    kept = _texts.get(value)
    if kept is None:
        kept = _kept(_texts, value[:_MAX_READ], _text)
    return kept or None


def ident(value: str | None) -> str | None:
    """An id: as `text`, in lower case, because Entra's logs disagree on the case of one and the same GUID."""
    if not value:
        return None
    kept = _idents.get(value)
    if kept is None:
        kept = _kept(_idents, value[:_MAX_READ], _ident)
    return kept or None


def _kept(cache: dict[str, str], value: str, make: Callable[[str], str]) -> str:
    if len(cache) >= _MAX_CACHED:
        cache.clear()
    kept = cache[value] = make(value)
    return kept


def _text(value: str) -> str:
    value = value.strip()
    if not value.isprintable():
        value = "".join(char if char.isprintable() else " " for char in value).strip()
    if value in _NOTHING:
        return ""
    return value[:MAX_CHARS]


def _ident(value: str) -> str:
    if _GUID(value):
        return value
    return _text(value).lower()[:MAX_CHARS]  # a letter may become two
