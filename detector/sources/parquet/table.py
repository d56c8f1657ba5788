"""A Parquet file on the disk as rows of text, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import IO, Any, Final

from detector.domain.quarantine import MAX_BYTES
from detector.sources.parquet.columns import size_of, texts_of
from detector.sources.parquet.frames import Answer, Ended, Failed, Refused, Rows
from detector.sources.parquet.messages import column_of, unfolded
from detector.sources.streams import PARQUET
from detector.sources.tables import ROWS

_AT_ONCE: Final = 5 * ROWS
"""Rows that are unpacked at once: fewer cost more a row."""
_LENGTH: Final = 4
"""Bytes of the length of the index, which stands at the end before the mark."""
_BUFFER: Final = 64 * 2**10
DAMAGED: Final = "The Parquet file is damaged here; rows before were read. Copy it again."
CUT_OFF: Final = "The Parquet file is cut off or damaged: nothing can be read without its index. Copy it again."
TOO_LARGE: Final = (
    "The Parquet file needs more memory than is allowed to it; rows before were read. Write it in smaller row groups."
)


def answers(file: IO[bytes], longest_row: int, only: Collection[str] | None) -> Iterator[Answer]:
    """Rows and what became of the others; the last one says how it ended."""
    try:
        if not _is_whole(file):
            yield Failed(CUT_OFF)
            return
        for batch in _batches(file, only):
            for piece, size in _pieces(batch, longest_row):
                if size > longest_row:
                    yield _refused(piece, size)
                else:
                    yield from _told(piece)
        yield Ended()
    except MemoryError:
        yield Failed(TOO_LARGE)
    except Exception:  # noqa: BLE001 -- the library raises whatever comes of damaged bytes
        yield Failed(DAMAGED)


def _is_whole(file: IO[bytes]) -> bool:
    size = file.seek(0, 2)
    tail = _LENGTH + len(PARQUET)
    if size < len(PARQUET) + tail:
        return False
    file.seek(-tail, 2)
    end = file.read()
    return end.endswith(PARQUET) and int.from_bytes(end[:_LENGTH], "little") <= size - len(PARQUET) - tail


def _batches(file: IO[bytes], only: Collection[str] | None) -> Iterator[Any]:
    """Some rows at a time, in Arrow's form."""
    from pyarrow.parquet import ParquetFile

    table = ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False, coerce_int96_timestamp_unit="us")
    names = table.schema_arrow.names
    holder = column_of(names)
    names = [name for name in names if only is None or name.casefold() in only or name == holder]
    yield from table.iter_batches(_AT_ONCE, columns=names, use_threads=False)


def _pieces(batch: Any, most: int) -> Iterator[tuple[Any, int]]:  # noqa: ANN401 -- the library has no types
    """Parts of a batch and the bytes of their texts: at most so many rows and bytes, or a single row."""
    size = sum(map(size_of, batch.columns))
    if (size <= most and batch.num_rows <= ROWS) or batch.num_rows == 1:
        yield batch, size
        return
    half = ROWS if size <= most else batch.num_rows // 2
    for part in (batch.slice(0, half), batch.slice(half)):
        yield from _pieces(part, most)


def _told(batch: Any) -> Iterator[Rows]:  # noqa: ANN401
    """The records of a batch: its rows, or what they hold."""
    rows = _rows(batch)
    holder = column_of(batch.schema.names)
    if holder is None:
        yield Rows(rows)
        return
    records = unfolded(rows, holder, batch.column(holder))
    while some := list(islice(records, ROWS)):
        yield Rows(some)


def _rows(batch: Any) -> list[dict[str, str]]:  # noqa: ANN401
    """Rows of those values that say something."""
    rows: list[dict[str, str]] = [{} for _ in range(batch.num_rows)]
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if column.null_count < len(column):
            for row, text in zip(rows, texts_of(column), strict=True):
                if text:
                    row[name] = text
    return rows


def _refused(batch: Any, size: int) -> Refused:  # noqa: ANN401
    short = [at for at, column in enumerate(batch.columns) if size_of(column) <= MAX_BYTES]
    return Refused(size, _rows(batch.select(short))[0])
