"""The inputs of a report: how large they are and what their bytes hash to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from detector.report.facts import InputFile


def inputs_of(paths: Iterable[str]) -> Iterator[InputFile]:
    """Each file with size and SHA-256 as it lies on the disk now; a pipe has neither."""
    for place in paths:
        path = Path(place)
        try:
            if place == "-" or not path.is_file():
                yield InputFile(place, None, None)
                continue
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield InputFile(place, path.stat().st_size, digest)
        except OSError:
            yield InputFile(place, None, None)
