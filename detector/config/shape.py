"""Which settings a block has, and which blocks lie in it."""

from __future__ import annotations

from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from detector.config.document import Data


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The settings of a block by the name that a file gives them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def block_in(field: FieldInfo) -> type[BaseModel] | None:
    """The block that a setting is, or is a list of."""
    arguments = get_args(field.annotation)
    inner = arguments[0] if arguments else field.annotation
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def without_empty(data: Data, model: type[BaseModel]) -> Data:
    """The data without known settings that have no value: an empty value means the default."""
    if isinstance(data, list):
        return [without_empty(each, model) for each in data]
    if not isinstance(data, dict):
        return data
    known = fields_of(model)
    kept: dict[str, Data] = {}
    for name, value in data.items():
        block = block_in(known[name]) if name in known else None
        if value is not None or name not in known:
            kept[name] = value if block is None else without_empty(value, block)
    return kept
