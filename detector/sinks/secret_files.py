"""Secrets in mounted files, read anew for every use, so that a rotated one works without a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

_MAX_BYTES: Final = 64 * 2**10


class SecretUnreadableError(Exception):
    """The file of a secret cannot be read or is empty; the message holds the path, never the content."""


class SecretFile:
    """A secret in a file; white space around it, which editors add, is no part of it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> str:
        """The secret as it is now.

        Raises:
            SecretUnreadableError: There is nothing to read.
        """
        return await asyncio.to_thread(self._read)

    def _read(self) -> str:
        try:
            with self._path.open("rb") as file:
                text = file.read(_MAX_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError):
            raise SecretUnreadableError(f"{self._path}: The file of a secret cannot be read.") from None
        if not text:
            raise SecretUnreadableError(f"{self._path}: The file of a secret is empty.")
        return text
