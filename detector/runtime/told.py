"""Alerts that were told before: a file of JSON lines, as `replay --output` writes it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from detector.domain.alerts import Alert
from detector.errors import SourceError


def alerts_in(path: Path) -> list[Alert]:
    """The alerts of a file, in its order; lines of other things (incidents, summaries) are passed over.

    Raises:
        SourceError: It cannot be read, or a line of it is no JSON object.
    """
    found: list[Alert] = []
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    found += _alert(line, f"{path}:{number}")
    except OSError as error:
        raise SourceError(str(path), f"The file cannot be read ({error.strerror}).") from None
    return found


def _alert(line: bytes, place: str) -> list[Alert]:
    try:
        return [msgspec.json.decode(line, type=Alert)]
    except msgspec.ValidationError:
        return []
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SourceError(place, "This is no JSON. Give the file that `replay --output` writes.") from None
