"""Secrets in mounted files, read anew for every use, so that a rotated one works without a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

from detector.config.secret_files import read_secret
from detector.errors import SourceError


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
            return read_secret(self._path)
        except SourceError as error:
            raise SecretUnreadableError(str(error)) from None
