"""Tables whose rows hold messages, as Azure Stream Analytics writes them, and Event Hubs when it captures as Parquet.

Such a job takes `{"records": [...]}` from the hub. `SELECT *` makes the array a column, next to EventProcessedUtcTime,
PartitionId and EventEnqueuedUtcTime; `GetArrayElements` makes one row an element, which is in the column ArrayValue. A
record in such a column is told as a row of its own. (A query that selects `ArrayValue.*` writes a row a record; that is
a table like any other, and its three columns more are nobody's.) Types are those of JSON, arrays and structures
included; a job may also have made text of them:
https://learn.microsoft.com/stream-analytics-query/data-types-azure-stream-analytics.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from detector.sources.parquet.columns import text_of, values_of

_ELEMENT: Final = "arrayvalue"
"""What the name of a column ends with that holds one record; the editor without code puts the array's name before."""
_MESSAGE: Final = "records"


def column_of(names: Iterable[str]) -> str | None:
    """The column that holds records; `None` in a table of rows."""
    folded = {name.casefold(): name for name in names}
    elements = (folded[name] for name in folded if name.endswith(_ELEMENT))
    return next(elements, folded.get(_MESSAGE))


def unfolded(rows: Iterable[dict[str, str]], name: str, column: Any) -> Iterator[dict[str, str]]:  # noqa: ANN401
    """The records of rows. A row whose column says nothing of the kind is told as it is, so that it is counted.

    Args:
        rows: All columns as text.
        name: The column that holds records.
        column: Its values, in Arrow's form.
    """
    for row, value in zip(rows, values_of(column), strict=True):
        records = _records(value)
        if records is None:
            yield row
            continue
        for record in records or (None,):  # an empty array is counted, as it is in a message
            if isinstance(record, dict):
                yield record
            else:
                yield {} if record is None else {name: text_of(record)}


def _records(value: object) -> list[Any] | None:
    """The records that a value holds, each as a row where it is one; `None` where it holds nothing of the kind."""
    value = _parsed(value)
    if isinstance(value, dict):
        return [_row(value)]
    if isinstance(value, list):
        return [_row(found) if isinstance(found := _parsed(each), dict) else found for each in value]
    return None


def _row(record: dict[Any, Any]) -> dict[str, str]:
    return {str(name): text_of(value) for name, value in record.items() if value is not None}


def _parsed(value: object) -> object:
    """Text that a job made of a structure, as the structure."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
