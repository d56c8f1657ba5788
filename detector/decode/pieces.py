"""Bodies cut into the exact bytes of their records, well-formed or not.

Nothing here recurses or looks at a byte more than a fixed number of times, whatever the input.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec
import orjson

_TOKEN = re.compile(rb""""(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|'(?:[^'\\]++|\\.)*+(?:'|\\?\Z)|[\[\]{},]""", re.DOTALL)
"""A string in either quotes (the last one may be cut off), or one of the marks that make structure."""

_QUOTED = re.compile(rb"""("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))|'((?:[^'\\]++|\\.)*+)(?:'|\\?\Z)""", re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x1f]")
_BARE_QUOTE = re.compile(rb'(\\.)|"', re.DOTALL)
_HEAD = re.compile(rb"""\s*+(?:\{[^\[\]{}]{0,4096}?["'](?:records|value)["']\s*+:\s*+)?\[""", re.IGNORECASE)
_SEAM = re.compile(
    rb"""\}\s*+,\s*+(?=\{\s*+["'](?:time|level|category|calleripaddress|resourceid|tenantid|operationname)["'])""",
    re.IGNORECASE,
)

_LONG_LINE = 512
"""Bytes from which on a line is a long one."""


class Message(msgspec.Struct, gc=False):
    """A message that is not itself a record: the export's form, or a page of Graph."""

    records: list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET
    value: list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET


class Piece(NamedTuple):
    """The bytes of one element, and whether the body ended inside it."""

    data: bytes
    cut: bool


class Salvaged(NamedTuple):
    """What could be told apart in a broken body."""

    pieces: list[Piece]
    rest: bytes
    """What followed the array and is not the end of its message."""


def salvage(data: bytes) -> Salvaged | None:
    """The elements of the array of a message that no parser takes; `None` when it has no such array."""
    head = _HEAD.match(data)
    if head is None:
        return None
    pieces: list[Piece] = []
    start = end = head.end()
    depth = 0
    for token in _TOKEN.finditer(data, start):
        mark = token.group()
        if mark in (b"{", b"["):
            depth += 1
        elif mark == b"," and depth == 0:
            pieces.append(Piece(data[start : token.start()].strip(), cut=False))
            start = token.end()
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth < 0:
                end = token.start()
                break
    else:
        end = len(data)
    closed = end < len(data)
    last = data[start:end].strip()
    if last:
        pieces.append(Piece(last, cut=not closed))
    rest = data[end + 1 :].strip()
    return Salvaged(pieces, rest)


def seams(data: bytes) -> list[bytes]:
    """A broken piece cut where a new envelope seems to begin: an open quote hides all commas behind it.

    Inside a string the quotes of a forged envelope would be escaped, and so make no seam.
    """
    cuts = [0]
    for seam in _SEAM.finditer(data):
        cuts.extend((seam.start() + 1, seam.end()))
    cuts.append(len(data))
    return [data[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True)]


def endings(data: bytes) -> tuple[bytes, ...]:
    """The last part behind a seam, with and without the brackets that end the message."""
    return data, data.removesuffix(b"]").rstrip(), data.removesuffix(b"}").rstrip().removesuffix(b"]").rstrip()


def repair(data: bytes) -> bytes:
    """Two faults that Azure streams were seen with: raw newlines inside strings, and strings in single quotes."""
    return _QUOTED.sub(_mended, data)


def _mended(found: re.Match[bytes]) -> bytes:
    double, single = found.groups()
    inner = double[1:-1] if double is not None else _BARE_QUOTE.sub(_escaped_quote, single)
    closed = double is None or (len(double) > 1 and double.endswith(b'"'))
    if not closed:
        return found.group()
    return b'"' + _CONTROL.sub(lambda control: b"\\u%04x" % control.group()[0], inner) + b'"'


def _escaped_quote(found: re.Match[bytes]) -> bytes:
    escape: bytes | None = found.group(1)
    if escape is None:
        return b'\\"'
    return b"'" if escape == b"\\'" else escape


def depth_of(data: bytes) -> int:
    """How deep the nesting of a text goes, without parsing it."""
    deepest = depth = 0
    for token in _TOKEN.finditer(data):
        mark = token.group()
        if mark in (b"{", b"["):
            depth += 1
            deepest = max(deepest, depth)
        elif mark in (b"}", b"]"):
            depth -= 1
    return deepest


def is_json(data: bytes) -> bool:
    """Whether a text is sound JSON."""
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True


def ends(rest: bytes) -> bool:
    """Whether what follows the array of a message is the end of it, perhaps after other members."""
    return rest == b"" or is_json(b'{"":0' + rest)


def looks_like_lines(data: bytes) -> bool:
    """Whether the first of several lines is a JSON text of its own."""
    first, newline, _ = data.partition(b"\n")
    first = first.strip()
    return bool(newline) and first[:1] in (b"{", b"[") and first[-1:] in (b"}", b"]")


def line_ends(piece: bytes) -> int:
    """How many there are. The search for the next one is many times as fast as the count, and pays for long lines."""
    at = piece.find(b"\n")
    if at < _LONG_LINE:
        return piece.count(b"\n")
    count = 0
    while at >= 0:
        count += 1
        at = piece.find(b"\n", at + 1)
    return count
