"""Custom security attributes in audit records (`Update attribute values assigned to a ...`).

No record with values was ever published, so several forms are read: a property named `Set.Name` with the values, one
named after the set with an object of names, and one that holds objects of sets; values are JSON text. Attributes may be
confidential (other roles read them than read the directory), so the value of only one is taken: that of the attribute
which says what environment an object belongs to, where the manifest names one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import orjson

from detector.decode.texts import MAX_CHARS, text
from detector.domain.events import AttributeChange

_ACTIVITY: Final = "update attribute values assigned to "
_WHOLE: Final = "customsecurityattributes"
_BOOKKEEPING: Final = ("included updated properties", "targetid.")
_MAX_LISTED: Final = 64
"""Attributes of a record, and values of an attribute, that are kept."""

_MAX_JSON: Final = 64 * 2**10

Values = dict[str, tuple[str, ...]]


def attribute_changes(
    activity: str, properties: Iterable[tuple[str, str | None, str | None]], wanted: str | None
) -> tuple[AttributeChange, ...]:
    """The attributes that a change of this folded activity changed; none for every other activity.

    Args:
        activity: Folded name of the activity.
        properties: Name, old and new value of its modified properties.
        wanted: `Set.Name` of the attribute whose values are read.
    """
    if not activity.startswith(_ACTIVITY):
        return ()
    before: Values = {}
    after: Values = {}
    for name, old, new in properties:
        if not name.casefold().startswith(_BOOKKEEPING):
            before.update(_values(name, old))
            after.update(_values(name, new))
    folded = None if wanted is None else wanted.casefold()
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return tuple(
        AttributeChange(name, before.get(name, ()), after.get(name, ()))
        if name.casefold() == folded
        else AttributeChange(name)
        for name in changed[:_MAX_LISTED]
    )


def _values(name: str, side: str | None) -> Values:
    """Values by `Set.Name` on one side of a property."""
    path = "" if name.casefold() == _WHOLE else name
    if path.casefold().startswith(f"{_WHOLE}."):
        path = path[len(_WHOLE) + 1 :]
    return dict(_flat(path, _parsed(side), 2))


def _parsed(side: str | None) -> object:
    if side is None or len(side) > _MAX_JSON:
        return None
    try:
        return orjson.loads(side)
    except orjson.JSONDecodeError:
        return side


def _flat(path: str, value: object, depth: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0]
    if isinstance(value, dict):
        for key, inner in list(value.items())[:_MAX_LISTED]:
            if depth and not key.startswith("#") and "@odata." not in key:
                yield from _flat(f"{path}.{key}" if path else key, inner, depth - 1)
        return
    listed = value if isinstance(value, list) else [value]
    said = tuple(each for each in map(_word, listed[:_MAX_LISTED]) if each is not None)
    shown = text(path)
    if shown is not None and said:
        yield shown[:MAX_CHARS], said


def _word(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return text(str(value)) if isinstance(value, str | int) else None
