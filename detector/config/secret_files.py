"""Secrets in mounted files, which a configuration or an option names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from detector.errors import SourceError

LONGEST: Final = 64 * 2**10
"""Bytes that are read of such a file; keys and connection strings are far shorter."""


def read_secret(file: str | Path) -> str:
    """The secret as it is now; white space around it, which editors add, is no part of it.

    Raises:
        SourceError: There is nothing to read. The message holds the path, never the content.
    """
    try:
        with Path(file).open("rb") as opened:
            secret = opened.read(LONGEST).decode().strip()
    except OSError as error:
        reason = error.strerror or "no reason given"
        raise SourceError(
            str(file), f"The file of the secret cannot be read ({reason}). Check the path and who may read it."
        ) from None
    except UnicodeDecodeError:
        raise SourceError(
            str(file), "The file of the secret is not UTF-8 text. It must hold the secret only."
        ) from None
    if not secret:
        raise SourceError(str(file), "The file of the secret is empty. It must hold the secret only.")
    return secret
