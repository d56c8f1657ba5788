"""CSV as Log Analytics exports it: dynamic columns hold JSON in quotes, which may run over several lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from typing import Final

from detector.errors import SourceError
from detector.sources import portal
from detector.sources.chunk import MAX_LINE_BYTES, Chunk

ROWS: Final = 200
"""Rows in a chunk."""
_KNOWN: Final = frozenset({"timegenerated", "createddatetime", "activitydatetime", "detecteddatetime", "correlationid"})


def is_header(text: bytes) -> bool:
    """Whether the first line names columns of a Log Analytics table."""
    line = text.partition(b"\n")[0][: 2**16].decode("utf-8", errors="replace")
    columns = next(csv.reader([line]), [])
    names = {name.strip().casefold().removesuffix(" [utc]") for name in columns}
    return len(names) > 1 and (bool(names & _KNOWN) or portal.is_portal(columns))


def table_rows(blocks: Iterator[bytes], place: str) -> Iterator[Chunk]:
    """Chunks of `ROWS` rows, each row by column name.

    Raises:
        SourceError: The quoting is broken beyond recovery.
    """
    csv.field_size_limit(MAX_LINE_BYTES)
    reader = csv.DictReader(_text_lines(blocks), restkey="", restval="")
    rows: list[Mapping[str, str]] = []
    start = 2
    try:
        named = portal.is_portal(reader.fieldnames or [])
        if named:
            reader.fieldnames = portal.renamed(reader.fieldnames or [])
        for row in reader:
            row.pop("", None)
            if named:
                portal.adapt(row)
            rows.append(row)
            if len(rows) == ROWS:
                yield Chunk(b"", place, "rows", start, rows=list(rows))
                start = reader.line_num + 1
                rows.clear()
    except csv.Error as error:
        if rows:
            yield Chunk(b"", place, "rows", start, rows=list(rows))
        message = f"The CSV is damaged near line {reader.line_num} ({error}); rows before were read. Export it again."
        raise SourceError(place, message) from None
    if rows:
        yield Chunk(b"", place, "rows", start, rows=rows)


def _text_lines(blocks: Iterator[bytes]) -> Iterator[str]:
    """Lines with their ends; bytes that are not UTF-8 become replacement characters."""
    begun = b""
    for block in blocks:
        lines = (begun + block).splitlines(keepends=True) if b"\r" not in block else _split(begun + block)
        begun = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        for line in lines:
            yield line.decode("utf-8", errors="replace")
    if begun:
        yield begun.decode("utf-8", errors="replace")


def _split(text: bytes) -> list[bytes]:
    """At line feeds only: a carriage return alone may stand inside a quoted field."""
    parts = text.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + parts[-1:]
