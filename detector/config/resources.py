"""Where the files of `config/` are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def folder() -> Traversable:
    """The folder of the default configuration and the tables."""
    package = files("detector")
    packaged = package / "_data" / "config"
    return packaged if packaged.is_dir() else Path(str(package)).parent / "config"


def models() -> Path:
    """The folder of the models that come with the product."""
    package = Path(str(files("detector")))
    packaged = package / "_data" / "models"
    return packaged if packaged.is_dir() else package.parent / "models"


def text_of(name: str) -> str:
    """The text of one file of `config/`."""
    return (folder() / name).read_text(encoding="utf-8")
