"""The JSON Schema of the configuration file, for editors and other tools: `docs/configuration.schema.json`."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

from detector.config.blocks import BLOCKS, DetectorBlocks
from detector.config.settings import Settings
from detector.config.shape import block_in, fields_of
from detector.detectors.registry import DETECTORS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_ENABLED: Final = {"enabled": "false: the detector says nothing."}


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12, with descriptions from the docstrings of the fields.

    What it accepts, `load` may still refuse: a time zone that does not exist, a network that is too wide.
    """
    schema = Settings.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs")
    for model, notes in _documented():
        block = schema if model is Settings else definitions[model.__name__]
        block.pop("title", None)
        block["description"] = _sentence(inspect.getdoc(model) or "")
        for name, shown in zip(model.model_fields, fields_of(model), strict=True):
            setting = block["properties"][shown]
            setting.pop("title", None)
            setting["description"] = notes[name]
    named = {name: definitions[name] for name in sorted(definitions)}
    return {"$schema": DIALECT, "title": "Configuration of entra-agent-detector", **schema, "$defs": named}


def _documented() -> Iterator[tuple[type[BaseModel], dict[str, str]]]:
    """Every model of the schema, with a description of each of its fields."""
    for detector in DETECTORS:
        yield BLOCKS[detector.name], {**_ENABLED, **_docs_of(detector)}
    yield DetectorBlocks, {detector.name: _sentence(inspect.getmodule(detector).__doc__) for detector in DETECTORS}
    waiting: list[type[BaseModel]] = [Settings]
    while waiting:
        model = waiting.pop()
        yield model, _docs_of(model)
        inner = (block_in(field) for field in model.model_fields.values())
        waiting += [block for block in inner if block is not None and block is not DetectorBlocks]


def _docs_of(documented: type) -> dict[str, str]:
    """Field to docstring, of a class and its bases."""
    found: dict[str, str] = {}
    for each in reversed(documented.__mro__):
        if each.__module__.startswith("detector."):
            found.update(_docs_in(each))
    return found


def _docs_in(documented: type) -> Iterator[tuple[str, str]]:
    (statement,) = ast.parse(textwrap.dedent(inspect.getsource(documented))).body
    assert isinstance(statement, ast.ClassDef)
    for field, note in zip(statement.body, statement.body[1:], strict=False):
        match field, note:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, _sentence(text)


def _sentence(text: str | None) -> str:
    """The first paragraph, on one line."""
    return " ".join((text or "").split("\n\n")[0].split())
