"""The detection catalogue, and what the best practices ask: `config/catalogue.yaml` and `config/guide.yaml`."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from detector.config.document import Data, parse
from detector.config.resources import text_of

_NEEDED: Final = {"S": "signins", "A": "audit", "R": "risk", "G": "graph", "Z": "azure", "I": "inventory"}
"""Letter of an input to the name of what provides it."""


class Row(NamedTuple):
    """One detection."""

    id: str
    title: str
    inputs: tuple[str, ...]
    """Letters of the catalogue."""
    tier: int
    """0 is the first release, 1 the next, 2 later."""
    techniques: tuple[str, ...]
    """MITRE ATT&CK v18.1."""
    needs: tuple[tuple[str, ...], ...]
    """Names of inputs: all of them are needed, of each one of its alternatives."""
    command: str | None
    """The command that answers it, where that is no detector's work."""


class Input(NamedTuple):
    """Something that a deployment can provide."""

    name: str
    title: str
    letter: str
    categories: tuple[str, ...]
    """Log categories that carry it; empty when it is part of the configuration."""
    connect: str
    """What to do when it is not there."""


class Sentence(NamedTuple):
    """One thing that the best practices ask for."""

    id: str
    asks: str
    rows: tuple[str, ...]


@cache
def rows() -> dict[str, Row]:
    """Every row of the catalogue, by id, in its order."""
    found: dict[str, Data] = _read("catalogue.yaml")["rows"]
    return {identifier: _row(identifier, row) for identifier, row in found.items()}


@cache
def inputs() -> dict[str, Input]:
    """Everything that a deployment can provide, by name."""
    found: dict[str, Data] = _read("guide.yaml")["inputs"]
    return {
        name: Input(name, each["title"], each["letter"], tuple(each["categories"]), each["connect"])
        for name, each in found.items()
    }


@cache
def sentences() -> dict[str, Sentence]:
    """What the best practices ask, by id, in their order."""
    found: dict[str, Data] = _read("guide.yaml")["sentences"]
    return {identifier: Sentence(identifier, each["asks"], tuple(each["rows"])) for identifier, each in found.items()}


def _row(identifier: str, row: Data) -> Row:
    letters = tuple(row["inputs"])
    needs = row.get("needs") or [_NEEDED[letter] for letter in letters if letter in _NEEDED]
    return Row(
        id=identifier,
        title=row["title"],
        inputs=letters,
        tier=row["tier"],
        techniques=tuple(row["techniques"]),
        needs=tuple(tuple(need.split("|")) for need in needs),
        command=row.get("command"),
    )


def _read(name: str) -> Data:
    return parse(text_of(name), name).data
