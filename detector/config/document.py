"""YAML text to plain data that remembers its lines.

A smaller YAML than the library reads, without its surprises: numbers as in JSON (`1e-7` is a number, `18:00` is
text), `true` and `false` but not `yes` and `no`, no anchors, aliases or tags, and no key twice. What is refused is
said with its line. Nothing in a file can make an object, refer to another file or name an environment variable.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple, TypeAlias

from yaml import MarkedYAMLError, SafeLoader
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from detector.errors import ConfigurationError, Problem

MAX_BYTES: Final = 256 * 1024
"""Largest file that is read."""

MAX_DEPTH: Final = 16
"""Deepest nesting that is read."""

Path = tuple[str | int, ...]
"""Keys and list positions from the top of a document."""

_SHOWN: Final = 80
"""Letters of a key that a problem shows."""

_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,4})?")


Data: TypeAlias = Any
"""Dictionaries with text keys, lists, text, numbers, booleans and `None`."""


class Document(NamedTuple):
    """What a text says."""

    data: Data
    lines: dict[Path, int]
    """Line of every key and list entry, counted from 1."""
    problems: tuple[Problem, ...]
    """What is wrong with the text and did not keep the rest from being read."""


def parse(text: str, file: str | None = None, most: int = MAX_BYTES) -> Document:
    """Reads a text of `most` characters at most; `file` is how problems name it.

    Raises:
        ConfigurationError: The text is not YAML, or uses what is not supported; with its line.
    """
    if len(text) > most:
        raise too_long(file, most)
    try:
        node = _Loader(text).get_single_node()
    except MarkedYAMLError as error:
        raise _syntax(error, file) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _refused("The text contains a character that YAML does not allow.", file, line) from None
    except (ValueError, OverflowError):
        raise _refused("The text contains an escape that stands for no character.", file, None) from None
    reading = _Reading(file)
    data = {} if node is None else reading.value(node, ())
    return Document(data, reading.lines, tuple(reading.problems))


def dotted(path: Path) -> str:
    """A path as people write it: `pipelines[0].addresses[1]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:_SHOWN]}" for part in path)
    return text.removeprefix(".")


def _syntax(error: MarkedYAMLError, file: str | None) -> ConfigurationError:
    said = " ".join(part for part in (error.context, error.problem) if part)
    assert error.problem_mark is not None
    return _refused(f"This is not YAML as it is read here: {said[:200]}.", file, error.problem_mark.line + 1)


def too_long(file: str | None, most: int = MAX_BYTES) -> ConfigurationError:
    """The problem of a text that is not read at all."""
    return _refused(f"The text is longer than {most // 1024} KiB, which no configuration needs.", file, None)


def plain(text: str) -> Data:
    """What an unquoted word stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _refused(message: str, file: str | None, line: int | None) -> ConfigurationError:
    return ConfigurationError((Problem(path="", message=message, file=file, line=line),))


class _Loader(SafeLoader):
    """Composes nodes; refuses what could make a small text large or deep."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave its type out
        self.depth += 1
        problem = None
        if isinstance(event, AliasEvent) or event.anchor is not None:
            problem = "anchors (&) and aliases (*) are not supported; write the value out, or in quotes if it is text"
        elif event.tag is not None:
            problem = "tags (!) are not supported; leave the tag out, or write the value in quotes if it is text"
        elif self.depth > MAX_DEPTH:
            problem = f"it is nested more than {MAX_DEPTH} deep"
        if problem is not None:
            raise MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Reading:
    """The way from nodes to data."""

    def __init__(self, file: str | None) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []

    def value(self, node: Node, path: Path) -> Data:
        """The data of one node."""
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, ScalarNode):
            return self._text(node.value, path) if node.style is not None else plain(self._text(node.value, path))
        if isinstance(node, SequenceNode):
            return [self.value(child, (*path, place)) for place, child in enumerate(node.value)]
        assert isinstance(node, MappingNode)
        return self._mapping(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Data]:
        found: dict[str, Data] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self._wrong(path, "A key must be a single word.", line)
                continue
            key = self._text(key_node.value, path)
            inner = (*path, key)
            if key in found:
                self._wrong(inner, f"Written twice; the first is in line {self.lines[inner]}.", line)
                continue
            self.lines[inner] = line
            found[key] = self.value(value_node, inner)
        return found

    def _text(self, text: str, path: Path) -> str:
        """Text without anything that could disturb a terminal, a log or an alert."""
        if text.isprintable():
            return text
        self._wrong(path, "Contains a character that cannot be printed.", self.lines.get(path))
        return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)

    def _wrong(self, path: Path, message: str, line: int | None) -> None:
        self.problems.append(Problem(path=dotted(path), message=message, file=self.file, line=line))
