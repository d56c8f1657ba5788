"""Files that a command was asked to write."""

from __future__ import annotations

from pathlib import Path

from detector.errors import UsageError


def write(path: Path, content: bytes, what: str) -> None:
    """Writes a file, and the folders above it.

    Args:
        path: Where.
        content: All of it.
        what: In the words of the person who asked, for the sentence of an error.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path}: The {what} cannot be written ({error.strerror}). Choose another path.") from None
