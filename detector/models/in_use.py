"""The model that a configuration asks for. Without one, nothing is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from detector.config.build import engine_settings
from detector.config.resources import models
from detector.config.settings import SHIPPED_MODEL

if TYPE_CHECKING:
    from detector.config.settings import Settings
    from detector.engine.settings import EngineSettings
    from detector.models.scoring import HourScorer

SHIPPED: Final = "hours/1"
"""The model that comes with the product."""


def place_of(name: str) -> Path:
    """Where a model is that a configuration names."""
    return models() / SHIPPED if name == SHIPPED_MODEL else Path(name)


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
