"""From a file, or its text, to settings; or to everything that is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from detector.config import explain
from detector.config.document import MAX_BYTES, parse, too_long
from detector.config.settings import Settings
from detector.config.shape import without_empty
from detector.errors import ConfigurationError, Problem


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
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise ConfigurationError((Problem(path="", message="Must be a block of settings.", file=file, line=1),))
    found = list(document.problems)
    try:
        settings = Settings.model_validate_json(json.dumps(without_empty(data, Settings)))
    except ValidationError as error:
        found += explain.problems(error, document, Settings, file)
    else:
        if not found:
            return settings
    raise ConfigurationError(tuple(sorted(found, key=lambda problem: problem.line or len(document.lines) + len(text))))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"The file cannot be read: {error.strerror}."
        raise ConfigurationError((Problem(path="", message=message, file=str(path)),)) from None
    if len(data) > MAX_BYTES:
        raise too_long(str(path))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = Problem(path="", message="The file is not UTF-8 text.", file=str(path), line=line)
        raise ConfigurationError((problem,)) from None
