"""Irregular values made to fit a structure: names in any case, JSON inside strings, nulls, times in any format.

The structures of the category files say what is wanted; this file walks them, never the data, so the depth and
the cost of the walk are those of the structure whatever was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import orjson
from msgspec import inspect

from detector.decode.problems import Unusable
from detector.decode.times import NotATime, rfc3339

Fit = Callable[[object, str], object]
"""Value and dotted path to the value that `msgspec.convert` takes; raises `Unusable`."""

_FREE = frozenset({"oldValue", "newValue", "value"})
"""Fields whose value is JSON text in the export and plain JSON elsewhere."""

_MAX_ELEMENTS = 1024


def fitter(kind: object) -> Fit:
    """The function that fits values to a structure type."""
    return _of(inspect.type_info(kind))


def _of(info: inspect.Type) -> Fit:
    if isinstance(info, inspect.UnionType):
        return _of(next(each for each in info.types if not isinstance(each, inspect.NoneType)))
    if isinstance(info, inspect.StructType):
        fields = {field.encode_name: _field(field) for field in info.fields}
        return _structure(fields if info.tag_field is None else {info.tag_field: _as_is, **fields})
    if isinstance(info, inspect.ListType):
        return _list(_of(info.item_type))
    if isinstance(info, inspect.DateTimeType):
        return _time
    return _as_is


def _field(field: inspect.Field) -> Fit:
    return _free if field.encode_name in _FREE else _of(field.type)


def _structure(fields: dict[str, Fit]) -> Fit:
    wanted: Final = {name.casefold(): (name, fit) for name, fit in fields.items()}

    def fit_structure(value: object, path: str) -> object:
        value = unpacked(value)
        if value == "":
            return None
        if not isinstance(value, dict):
            return value
        fitted: dict[str, object] = {}
        for key, inner in value.items():
            known = wanted.get(key.casefold())
            if known is None or inner is None:
                continue
            name, fit = known
            if key == name or name not in fitted:  # the exact name goes before the same in other case
                fitted[name] = fit(inner, f"{path}.{name}" if path else name)
        return fitted

    return fit_structure


def _list(fit: Fit) -> Fit:
    def fit_list(value: object, path: str) -> object:
        value = unpacked(value)
        if value == "":
            return None
        if not isinstance(value, list):
            return value
        elements = enumerate(value[:_MAX_ELEMENTS])
        return [fit(element, f"{path}[{index}]") for index, element in elements if element is not None]

    return fit_list


def _time(value: object, path: str) -> object:
    if not isinstance(value, str):
        raise Unusable("bad_time", f"{path} is not a text")
    try:
        return rfc3339(value)
    except NotATime as error:
        raise Unusable("bad_time", f"{path} {error}") from None


def _free(value: object, _: str) -> object:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _as_is(value: object, _: str) -> object:
    return value


def unpacked(value: object) -> object:
    """The object or list inside a JSON text; anything else is itself."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def converted(kind: object, value: object) -> object:
    """A fitted value as the structure; numbers may be text. Raises `msgspec.ValidationError`."""
    return msgspec.convert(value, type=kind, strict=False)
