"""The model that a configuration asks for. Without one, nothing is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from detector.config.build import engine_settings
from detector.config.resources import models
from detector.config.settings import SHIPPED_MODEL
from detector.models.versions import is_folder, newest, versions

if TYPE_CHECKING:
    from detector.config.settings import Settings
    from detector.engine.settings import EngineSettings
    from detector.models.scoring import HourScorer

SHIPPED: Final = "hours/1"
"""The model that comes with the product."""


def place_of(name: str) -> Path:
    """Where a model is that a configuration names.

    In a folder of versions that is the newest; until one is there, the one that ships.

    Raises:
        ModelError: The folder cannot be read.
    """
    shipped = models() / SHIPPED
    if name == SHIPPED_MODEL:
        return shipped
    place = Path(name)
    return newest(place) or shipped if is_folder(place) else place


def latest_of(settings: Settings) -> str:
    """The name of the newest version in the folder that a configuration names; empty where it names none.

    Little more than a list of names is read, so that one may look often.

    Raises:
        ModelError: The folder cannot be read.
    """
    block = settings.model
    if block is None or not is_folder(Path(block.path)):
        return ""
    found = versions(Path(block.path))
    return found[-1].name if found else ""


def model_of(settings: Settings) -> HourScorer | None:
    """The model; `None` when none is configured.

    Raises:
        ModelError: It cannot be used.
    """
    block = settings.model
    if block is None:
        return None
    from detector.models.scoring import load

    return load(place_of(block.path), shadow=block.shadow)


def judging(settings: Settings) -> EngineSettings:
    """What the engine is told, with the model.

    Raises:
        ModelError: The model cannot be used.
    """
    return engine_settings(settings, model=model_of(settings))
