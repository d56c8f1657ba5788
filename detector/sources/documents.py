"""One JSON text with many records in it: an array, a page of Graph, `{"records": [...]}`, printed prettily or not.

A text that fits in memory is cut by a parser; a longer or broken one, or several texts in a row, by looking at
strings and brackets only, while it streams by: so an array may be longer than memory, and a broken record costs
itself only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import msgspec

from detector.errors import SourceError
from detector.sources.chunk import CHUNK_BYTES, MAX_LINE_BYTES, Chunk

_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)|[\[\]{}]', re.DOTALL)
"""A string (without its end where the text is cut), or a bracket."""
_LISTS: Final = frozenset({b'"records"', b'"value"'})
_BETWEEN: Final = b", \t\r\n"


class _Message(msgspec.Struct, gc=False):
    records: list[msgspec.Raw] | None = None
    value: list[msgspec.Raw] | None = None


_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT: Final = msgspec.json.Decoder(_Message)


def elements(text: bytes) -> list[bytes] | None:
    """The records of a well-formed array or message, each in one line; `None` for anything else."""
    try:
        if text.lstrip()[:1] == b"[":
            found = _ARRAY.decode(text)
        else:
            message = _OBJECT.decode(text)
            listed = message.records if message.records is not None else message.value
            if listed is None:
                return None
            found = listed
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return [one_line(bytes(element)) for element in found]


def one_line(record: bytes) -> bytes:
    """Without line ends: inside a JSON string they are not allowed, outside they are mere space."""
    return record.replace(b"\r", b" ").replace(b"\n", b" ")


def document_records(blocks: Iterator[bytes], place: str, max_record: int = MAX_LINE_BYTES) -> Iterator[Chunk]:
    """Chunks of lines, one record a line.

    Raises:
        SourceError: The text is cut off, or an element is too long, which mostly means that brackets do not match.
    """
    text = b""
    for block in blocks:
        text += block
        if len(text) > max_record:
            break
    else:
        found = elements(text)
        # An array of messages is left to the splitter, which looks into them.
        if found is not None and not any(_is_message(element) for element in found[:1]):
            return (yield from _chunks(found, place))
    yield from _chunks(_split(chain((text,), blocks), place, max_record), place)


def _is_message(element: bytes) -> bool:
    return element.lstrip(b"{ \t")[:9].lower() in _LISTS or element.lstrip(b"{ \t")[:7].lower() in _LISTS


def _chunks(records: Iterable[bytes], place: str) -> Iterator[Chunk]:
    lines: list[bytes] = []
    size = 0
    try:
        for record in records:
            lines.append(record)
            size += len(record)
            if size >= CHUNK_BYTES:
                yield Chunk(b"\n".join(lines), place, "lines")
                lines, size = [], 0
    except SourceError:
        if lines:
            yield Chunk(b"\n".join(lines), place, "lines")
        raise
    if lines:
        yield Chunk(b"\n".join(lines), place, "lines")


def _split(blocks: Iterable[bytes], place: str, max_record: int) -> Iterator[bytes]:
    splitter = Splitter(place, max_record)
    for block in blocks:
        yield from splitter.feed(block)
    yield from splitter.end()


class Splitter:
    """Cuts a stream of JSON into its records; what stands between records and is none is given as if it were one."""

    def __init__(self, place: str, max_record: int) -> None:
        self._place = place
        self._max = max_record
        self._text = b""
        self._at = 0
        """Where to look for the next token."""
        self._start = 0
        """Where the element, or what is not accounted for yet, begins."""
        self._depth = 0
        """Brackets open."""
        self._levels = [0]
        """Depths at which elements lie, of the lists that are open; 0 is the text itself."""
        self._emptied = False
        """Whether the element that is open turned out to be a message, whose records were given already."""
        self._key = b""
        """The last string seen: the name of a member, if a bracket follows."""

    def feed(self, block: bytes) -> Iterator[bytes]:
        """The records that end in this block."""
        self._text = self._text[self._start :] + block
        self._at -= self._start
        self._start = 0
        for token in _TOKEN.finditer(self._text, self._at):
            mark = token.group()
            if mark in (b"{", b"["):
                yield from self._opened(mark, token.start())
            elif mark in (b"}", b"]"):
                yield from self._closed(token.end())
            elif token.group(1):
                self._key = mark
            else:
                break
            self._at = token.end()
        if len(self._text) - self._start > self._max:
            message = f"An element is longer than {self._max:,} bytes, or its brackets do not match"
            raise SourceError(self._place, f"{message}; records before were read.")

    def end(self) -> Iterator[bytes]:
        """What is left when the text ends: nothing, or a record that was cut off."""
        if not self._emptied:
            yield from self._between(len(self._text))
        if self._depth:
            raise SourceError(self._place, "The JSON text is cut off; records before were read. Export it again.")

    def _opened(self, mark: bytes, start: int) -> Iterator[bytes]:
        level = self._levels[-1]
        if self._depth == level:
            yield from self._between(start)
            self._start = start
            self._emptied = False
            if mark == b"[" and level == 0:
                self._levels.append(1)
                self._start = start + 1
        elif mark == b"[" and self._depth == level + 1 and level <= 1 and self._key.lower() in _LISTS:
            self._levels.append(level + 2)
            self._start = start + 1
        self._depth += 1

    def _closed(self, end: int) -> Iterator[bytes]:
        if not self._depth:
            return
        self._depth -= 1
        if len(self._levels) > 1 and self._depth == self._levels[-1] - 1:
            yield from self._between(end - 1)
            self._levels.pop()
            self._start = end
            self._emptied = self._depth > 0
        elif self._depth == self._levels[-1]:
            if not self._emptied:
                yield one_line(self._text[self._start : end])
            self._emptied = False
            self._start = end

    def _between(self, end: int) -> Iterator[bytes]:
        stray = self._text[self._start : end].strip(_BETWEEN)
        if stray:
            yield one_line(stray)
