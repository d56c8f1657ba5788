"""A folder of models: versions of one, the newest of which is used. Training by the clock adds and removes versions.

A version is a directory with a manifest, which is written last. Others in the folder are no models: one that is being
written, or what a file system keeps there.
"""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from detector.errors import ModelError
from detector.models import artefact

_DATED: Final = re.compile(r"\d{4}\.\d{4}\.\d{4}", re.ASCII)
_FORMAT: Final = "%Y.%m%d.%H%M"
_DIGITS: Final = re.compile(r"(\d+)", re.ASCII)


def is_folder(place: Path) -> bool:
    """Whether a place holds versions, or will, and is no model itself: not even one that has lost its manifest."""
    return place.is_dir() and not any((place / name).exists() for name in (artefact.MANIFEST, *artefact.FILES))


def versions(folder: Path) -> list[Path]:
    """The versions in a folder, the newest last: by name, in which numbers count as numbers.

    Raises:
        ModelError: The folder cannot be read.
    """
    try:
        found = [each for each in folder.iterdir() if (each / artefact.MANIFEST).is_file()]
    except OSError as error:
        raise ModelError(f"{folder}: The folder of models cannot be read ({error.strerror}).") from None
    return sorted(found, key=_order)


def newest(folder: Path) -> Path | None:
    """The newest version that this release can use, going by its manifest.

    A version of another release does not stand in the way: after an upgrade it is the newest until training ran again.

    Raises:
        ModelError: The folder cannot be read.
    """
    for place in reversed(versions(folder)):
        with suppress(ModelError):
            artefact.manifest_of(place)
            return place
    return None


def dated(now: float) -> str:
    """The name of a version that is made now, to the minute, UTC: `2026.1130.0215`."""
    return datetime.fromtimestamp(now, UTC).strftime(_FORMAT)


def prune(folder: Path, keep: int) -> list[Path]:
    """Removes the oldest of the versions that have a dated name, but for so many; says which.

    Raises:
        ModelError: One cannot be removed.
    """
    old = [each for each in versions(folder) if _DATED.fullmatch(each.name)][:-keep]
    for place in old:
        try:
            (place / artefact.MANIFEST).unlink()  # First: nobody is to read half a model.
            shutil.rmtree(place)
        except OSError as error:
            raise ModelError(f"{place}: The old version cannot be removed ({error.strerror}).") from None
    return old


def _order(place: Path) -> list[tuple[int, int, str]]:
    parts = _DIGITS.split(place.name)
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
