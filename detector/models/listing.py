"""Which models there are, and whether they can be used."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from detector.config.resources import models
from detector.errors import ModelError
from detector.models import artefact
from detector.models.scoring import load
from detector.models.versions import is_folder, versions


def shipped() -> list[Path]:
    """The models that come with the product, in order."""
    return sorted(each.parent for each in models().glob(f"*/*/{artefact.MANIFEST}"))


def listed(places: Iterable[Path]) -> list[dict[str, Any]]:
    """One entry for each: the manifest of a model that can be used, the problem of one that cannot.

    A folder of versions stands for all that are in it.

    Raises:
        ModelError: A folder cannot be read.
    """
    return [_entry(each) for place in places for each in (versions(place) if is_folder(place) else [place])]


def _entry(place: Path) -> dict[str, Any]:
    try:
        scorer = load(place)
    except ModelError as error:
        return {"place": str(place), "usable": False, "problem": str(error)}
    return {
        "place": str(place),
        "usable": True,
        **msgspec.to_builtins(scorer.manifest),
        "sha256": scorer.sha256,
    }
