"""Columns of Arrow as texts: times as RFC 3339 in UTC, what is nested as JSON, nothing for nulls.

So a row is what the same row of a CSV export is, which the decoder reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import orjson

_EACH: Final = 64
"""Bytes that a value costs besides its own, roughly."""


def size_of(array: Any) -> int:  # noqa: ANN401 -- the library has no types
    """About how many bytes the values of an array are, without making them: a dictionary's value counts every time."""
    import pyarrow.compute as pc
    from pyarrow import types

    kind = array.type
    own = _EACH * len(array)
    if types.is_dictionary(kind):
        if not _is_text(kind.value_type):
            return own
        return own + (pc.sum(pc.binary_length(array.dictionary).take(array.indices)).as_py() or 0)
    if _is_text(kind):
        return own + (pc.sum(pc.binary_length(array)).as_py() or 0)
    if types.is_struct(kind):
        return own + sum(map(size_of, array.flatten()))
    if _is_list(kind):
        return own + size_of(_elements(array))
    return own


def texts_of(array: Any) -> list[str | None]:  # noqa: ANN401
    """Each value as text; `None` for nulls."""
    return [None if value is None else text_of(value) for value in values_of(array)]


def text_of(value: object) -> str:
    """A value as an export to CSV writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # whole numbers with nulls among them are often kept as floats
    return orjson.dumps(value).decode()


def values_of(array: Any) -> list[Any]:  # noqa: ANN401
    """Each value as JSON can hold it."""
    from pyarrow import types

    kind = array.type
    if hasattr(array, "storage"):
        return values_of(array.storage)
    if types.is_null(kind) or array.null_count == len(array):
        return [None] * len(array)
    if types.is_dictionary(kind):
        return values_of(array.dictionary_decode())
    if types.is_struct(kind):
        return _structures(array)
    if _is_list(kind):
        return _lists(array, named=types.is_map(kind))
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return [None if value != value else value for value in array.to_pylist()]  # noqa: PLR0124 -- not a number
    if types.is_timestamp(kind):
        return _times(array)
    return _texts(array)


def _structures(array: Any) -> list[dict[str, Any] | None]:  # noqa: ANN401
    names = [field.name for field in array.type]
    columns = [values_of(each) for each in array.flatten()]
    found: list[dict[str, Any] | None] = [
        {name: value for name, value in zip(names, values, strict=True) if value is not None}
        for values in zip(*columns, strict=True)
    ] or [{}] * len(array)
    if array.null_count:
        return [each if there else None for each, there in zip(found, array.is_valid().to_pylist(), strict=True)]
    return found


def _lists(array: Any, *, named: bool) -> list[Any]:  # noqa: ANN401
    """Lists; maps, which are lists of pairs, as objects."""
    values = values_of(_elements(array))
    found: list[Any] = []
    for part, there in zip(_parts(array), array.is_valid().to_pylist(), strict=True):
        pairs = values[part]
        if not there:
            found.append(None)
        else:
            found.append({str(pair["key"]): pair.get("value") for pair in pairs} if named else pairs)
    return found


def _elements(array: Any) -> Any:  # noqa: ANN401
    """What the lists of an array hold, one after the other."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_fixed_size_list(array.type):
        size = array.type.list_size
        return array.values.slice(array.offset * size, len(array) * size)
    bounds = array.offsets
    start, length = bounds[0].as_py(), bounds[-1].as_py() - bounds[0].as_py()
    if types.is_map(array.type):
        pairs = [array.keys.slice(start, length), array.items.slice(start, length)]
        return pa.StructArray.from_arrays(pairs, ["key", "value"])
    return array.values.slice(start, length)


def _parts(array: Any) -> list[slice]:  # noqa: ANN401
    """Which of the elements each list holds."""
    from pyarrow import types

    if types.is_fixed_size_list(array.type):
        size = array.type.list_size
        bounds: Sequence[int] = range(0, (len(array) + 1) * size, size) if size else [0] * (len(array) + 1)
    else:
        bounds = array.offsets.to_pylist()
    return [slice(start - bounds[0], end - bounds[0]) for start, end in pairwise(bounds)]


def _times(array: Any) -> list[str | None]:  # noqa: ANN401
    """Moments; without a zone they are UTC, as in every export of Azure."""
    import pyarrow as pa

    # Arrow keeps UTC whatever zone is named; the cast takes the name away, not the value.
    plain = array.cast(pa.timestamp("us"), safe=False).cast(pa.string())
    return [None if text is None else f"{text.replace(' ', 'T')}Z" for text in plain.to_pylist()]


def _texts(array: Any) -> list[str | None]:  # noqa: ANN401
    """Texts, and whatever else has a spelling: dates, times of day, decimals. What is not UTF-8 is replaced."""
    import pyarrow as pa
    from pyarrow import types

    kind = array.type
    if types.is_fixed_size_binary(kind):
        array = array.cast(pa.binary())
    elif types.is_duration(kind):
        array = array.cast(pa.int64()).cast(pa.string())
    elif not _is_text(kind):
        array = array.cast(pa.string())
    if types.is_binary(array.type) or types.is_large_binary(array.type) or types.is_binary_view(array.type):
        return [None if value is None else value.decode("utf-8", "replace") for value in array.to_pylist()]
    try:
        texts: list[str | None] = array.to_pylist()
    except UnicodeDecodeError:
        return _texts(array.cast(pa.large_binary() if types.is_large_string(array.type) else pa.binary()))
    return texts


def _is_text(kind: Any) -> bool:  # noqa: ANN401
    from pyarrow import types

    return bool(
        types.is_string(kind)
        or types.is_binary(kind)
        or types.is_large_string(kind)
        or types.is_large_binary(kind)
        or types.is_string_view(kind)
        or types.is_binary_view(kind)
    )


def _is_list(kind: Any) -> bool:  # noqa: ANN401
    from pyarrow import types

    return bool(
        types.is_list(kind) or types.is_large_list(kind) or types.is_map(kind) or types.is_fixed_size_list(kind)
    )
