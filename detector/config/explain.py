"""From what pydantic complains of to problems that a person can put right."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from detector.config.document import Document, Path, dotted
from detector.config.fields import nearest
from detector.config.shape import block_in, fields_of
from detector.errors import Problem

MOST: Final = 100
"""Problems told of one file; the last says how many there are besides."""

_SENTENCES: Final[dict[str, str]] = {
    "setting": "{message}",
    "missing": "This setting is required.",
    "extra_forbidden": "Unknown setting.",
    "bool_type": "Must be true or false.",
    "int_type": "Must be a whole number.",
    "int_from_float": "Must be a whole number.",
    "int_parsing": "Must be a whole number.",
    "float_type": "Must be a number.",
    "finite_number": "Must be a finite number.",
    "string_type": "Must be text; put it in quotes.",
    "string_too_short": "Must not be empty.",
    "string_too_long": "Must not be longer than {max_length} characters.",
    "tuple_type": "Must be a list.",
    "frozen_set_type": "Must be a list.",
    "dict_type": "Must be a block of settings.",
    "model_type": "Must be a block of settings.",
    "greater_than": "Must be greater than {gt:g}.",
    "greater_than_equal": "Must be at least {ge:g}.",
    "less_than": "Must be less than {lt:g}.",
    "less_than_equal": "Must be at most {le:g}.",
    "too_short": "Must have at least {min_length} entry.",
}


def problems(error: ValidationError, document: Document, model: type[BaseModel], file: str | None) -> list[Problem]:
    """Every problem in the order of the text, bounded."""
    found = [(_path(details), details) for details in error.errors(include_url=False)]
    inside = {path[:-1] for path, _ in found}
    found = [each for each in found if each[1]["type"] != "too_short" or each[0] not in inside]
    found.sort(key=lambda each: line_of(each[0], document))
    return [
        Problem(
            path=dotted(path),
            message=_message(details),
            file=file,
            line=line_of(path, document),
            hint=_hint(path, details, model),
        )
        for path, details in found[:MOST]
    ] + _rest(len(found) - MOST, file)


def line_of(path: Path, document: Document) -> int:
    """Line of a setting, or of the nearest block around it that the text has."""
    while path not in document.lines:
        path = path[:-1]
    return document.lines[path]


def _rest(number: int, file: str | None) -> list[Problem]:
    return [Problem(path="", message=f"There are {number} more problems.", file=file)] if number > 0 else []


def _path(details: ErrorDetails) -> Path:
    return tuple(part for part in details["loc"] if part != "[key]")


def _message(details: ErrorDetails) -> str:
    sentence = _SENTENCES.get(details["type"])
    return f"{details['msg']}." if sentence is None else sentence.format(**details.get("ctx", {}))


def _hint(path: Path, details: ErrorDetails, model: type[BaseModel]) -> str | None:
    if details["type"] == "extra_forbidden":
        return nearest(str(path[-1]), _known(model, path[:-1])) or None
    hint: str = details.get("ctx", {}).get("hint", "")
    return hint or None


def _known(model: type[BaseModel], path: Path) -> list[str]:
    """Settings that the block at `path` has; the path leads from block to block, or nothing were refused there."""
    for part in path:
        if isinstance(part, str):
            inner = block_in(fields_of(model)[part])
            assert inner is not None
            model = inner
    return list(fields_of(model))
