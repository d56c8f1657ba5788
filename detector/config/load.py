"""From a file, or its text, to settings; or to everything that is wrong with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from detector.config import explain
from detector.config.document import MAX_BYTES, Document, parse, too_long
from detector.config.manifest import ManifestSettings
from detector.config.settings import SHIPPED_MODEL, Settings
from detector.config.shape import without_empty
from detector.errors import ConfigurationError, Problem

MAX_MANIFEST_BYTES: Final = 4 * 2**20
"""Largest manifest that is read as YAML, which takes some seconds: about ten thousand agents."""
MAX_JSON_BYTES: Final = 64 * 2**20
"""Largest manifest that is read as JSON."""

Model = TypeVar("Model", bound=BaseModel)


def load(path: Path | None = None, text: str | None = None) -> Settings:
    """The settings of a configuration.

    Args:
        path: The file; with `text`, only its name in problems.
        text: What the file says. Without `path` and `text` everything has its default.

    Raises:
        ConfigurationError: With every problem at once, each with its setting, its line and, where there is one, a
            suggestion.
    """
    file = None if path is None else str(path)
    if text is None:
        text = "" if path is None else _read(path)
    document = parse(text, file)
    settings, found = _validated(document, Settings, file)
    found.sort(key=lambda problem: problem.line or len(document.lines) + len(text))
    named = document.data.get("manifest_file") if isinstance(document.data, dict) else None
    place = (Path() if path is None else path.parent) / named if isinstance(named, str) and named else None
    manifest, wrong = (None, []) if place is None else _beside(place, document, file)
    if settings is None or found or wrong:
        raise ConfigurationError((*found, *wrong))
    settings = _with_model(settings, Path() if path is None else path.parent)
    if place is None:
        return settings
    return settings.model_copy(update={"manifest": manifest, "manifest_file": str(place.absolute())})


def _with_model(settings: Settings, beside: Path) -> Settings:
    """With the place of the model as it is found from anywhere."""
    block = settings.model
    if block is None or block.path == SHIPPED_MODEL:
        return settings
    return settings.model_copy(
        update={"model": block.model_copy(update={"path": str((beside / block.path).absolute())})}
    )


def _beside(place: Path, document: Document, file: str | None) -> tuple[ManifestSettings | None, list[Problem]]:
    """The manifest that a document names, and what is wrong with that."""
    found: list[Problem] = []
    if document.data.get("manifest") is not None:
        message = "There are two manifests: this file, and the block manifest. Leave one of them out."
        found.append(Problem(path="manifest_file", message=message, file=file, line=document.lines["manifest_file",]))
    try:
        return load_manifest(place), found
    except ConfigurationError as error:
        return None, [*found, *error.problems]


def load_manifest(path: Path) -> ManifestSettings:
    """The manifest in a file of its own: JSON when its name ends in `.json`, else YAML.

    Raises:
        ConfigurationError: With every problem at once; paths in it begin at the top of that file.
    """
    file = str(path)
    if path.suffix.casefold() != ".json":
        manifest, found = _validated(
            parse(_read(path, MAX_MANIFEST_BYTES), file, MAX_MANIFEST_BYTES), ManifestSettings, file
        )
    else:
        text = _read(path, MAX_JSON_BYTES)
        document = _json(text, file)
        manifest, found = _validated(document, ManifestSettings, file)
        if found:
            found = _with_lines(text, document, file)
    if manifest is None or found:
        raise ConfigurationError(tuple(found))
    return manifest


def _validated(document: Document, model: type[Model], file: str | None) -> tuple[Model | None, list[Problem]]:
    """The settings of a document, if there are no problems, and the problems."""
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        return None, [Problem(path="", message="Must be a block of settings.", file=file, line=1)]
    found = list(document.problems)
    try:
        settings = model.model_validate_json(json.dumps(without_empty(data, model)))
    except ValidationError as error:
        return None, found + explain.problems(error, document, model, file)
    return settings, found


def _json(text: str, file: str) -> Document:
    """A JSON text; a large one is read much faster than as YAML, but without its lines."""
    problems: list[Problem] = []

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            problems.append(Problem(path="", message="A block has the same key twice.", file=file))
        if not all(each.isprintable() for pair in pairs for each in pair if isinstance(each, str)):
            problems.append(Problem(path="", message="Contains a character that cannot be printed.", file=file))
            return {}
        return found

    try:
        data = json.loads(text, object_pairs_hook=mapping)
    except json.JSONDecodeError as error:
        problem = Problem(path="", message=f"This is not JSON: {error.msg}.", file=file, line=error.lineno)
        raise ConfigurationError((problem,)) from None
    except RecursionError:
        raise ConfigurationError((Problem(path="", message="This is nested too deep.", file=file),)) from None
    return Document(data, {(): 1}, tuple(problems))


def _with_lines(text: str, document: Document, file: str) -> list[Problem]:
    """The problems of a JSON text with their lines, which are those of the same text read as YAML, where it can be."""
    try:
        # A tab stands between the tokens of JSON only, where YAML has none.
        lines = parse(text.replace("\t", " "), file, MAX_MANIFEST_BYTES).lines
    except ConfigurationError:
        found = _validated(document, ManifestSettings, file)[1]
        return [replace(problem, line=None) for problem in found]
    return _validated(document._replace(lines=lines), ManifestSettings, file)[1]


def _read(path: Path, most: int = MAX_BYTES) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        message = f"The file cannot be read: {error.strerror}."
        raise ConfigurationError((Problem(path="", message=message, file=str(path)),)) from None
    if len(data) > most:
        raise too_long(str(path), most)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = Problem(path="", message="The file is not UTF-8 text.", file=str(path), line=line)
        raise ConfigurationError((problem,)) from None
