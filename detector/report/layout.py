"""Where the objects of an attack chain stand in its picture: a column for each kind, arrows between neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from detector.report.facts import COLUMNS, Chain, Edge, Node, NodeKind

_WIDTH: Final = 196
_HEIGHT: Final = 40
_GAP: Final = 12
_ALLEY: Final = 84
_TOP: Final = 30
_LETTERS: Final = 24


class Box(NamedTuple):
    """One object in the picture; pixels."""

    node: Node
    x: int
    y: int
    title: str
    """What there is room for."""
    subtitle: str


class Arrow(NamedTuple):
    """One edge in the picture."""

    edge: Edge
    path: str
    """SVG path data."""


class Picture(NamedTuple):
    """An attack chain, ready to be drawn."""

    width: int
    height: int
    box_width: int
    box_height: int
    heads: tuple[tuple[int, str], ...]
    """Left edge and title of each column."""
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def picture_of(chain: Chain) -> Picture | None:
    """The picture of a chain; `None` when there is nothing to draw."""
    kinds = [kind for kind in COLUMNS if any(node.kind == kind for node in chain.nodes)]
    if not kinds:
        return None
    places: dict[str, Box] = {}
    columns = _ordered(chain, kinds)
    most = max(map(len, columns))
    for column, nodes in enumerate(columns):
        shift = (most - len(nodes)) * (_HEIGHT + _GAP) // 2
        for row, node in enumerate(nodes):
            x, y = column * (_WIDTH + _ALLEY), _TOP + shift + row * (_HEIGHT + _GAP)
            title = node.name or node.id
            places[_key(node)] = Box(node, x, y, _cut(title), _cut(node.note or (node.id if node.name else "")))
    arrows = tuple(Arrow(edge, _path(places[edge.source], places[edge.target])) for edge in chain.edges)
    return Picture(
        width=len(kinds) * (_WIDTH + _ALLEY) - _ALLEY,
        height=_TOP + most * (_HEIGHT + _GAP),
        box_width=_WIDTH,
        box_height=_HEIGHT,
        heads=tuple((place * (_WIDTH + _ALLEY), f"{kind}s") for place, kind in enumerate(kinds)),
        boxes=tuple(places.values()),
        arrows=arrows,
    )


def _ordered(chain: Chain, kinds: Sequence[NodeKind]) -> list[list[Node]]:
    """Each column sorted by where its neighbours to the left stand, which leaves few crossings (barycentre method)."""
    columns = [[node for node in chain.nodes if node.kind == kind] for kind in kinds]
    for left, right in pairwise(columns):
        rows = {_key(node): row for row, node in enumerate(left)}
        order: dict[str, float] = {}
        for row, node in enumerate(right):
            near = [rows[edge.source] for edge in chain.edges if edge.target == _key(node) and edge.source in rows]
            order[_key(node)] = sum(near) / len(near) if near else float(row)
        right.sort(key=lambda node: order[_key(node)])
    return columns


def _path(source: Box, target: Box) -> str:
    begin, end = source.x + _WIDTH, target.x - 6
    high, low = source.y + _HEIGHT // 2, target.y + _HEIGHT // 2
    bend = max(30, (end - begin) // 2)
    return f"M{begin} {high}C{begin + bend} {high} {end - bend} {low} {end} {low}"


def _key(node: Node) -> str:
    return f"{node.kind}:{node.id}"


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
