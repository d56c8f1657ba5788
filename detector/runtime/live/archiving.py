"""A file of the records that this process made itself: what came by no stream is in no archive of one.

A replay that is to give what the live service gave needs them too.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final


class Archive:
    """Appends JSON lines to a file and syncs it to the disk; a file that was moved away is begun anew.

    Args:
        path: Where; directories on the way are made.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = path

    async def keep(self, lines: bytes) -> None:
        """Returns once the lines are on the disk.

        Raises:
            OSError: The disk refused; part of them may be there, as a last line without its end.
        """
        await asyncio.to_thread(self._append, lines)

    def _append(self, lines: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as file:
            if file.tell() and not _ends_well(file.fileno(), file.tell()):
                lines = b"\n" + lines
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())


def _ends_well(file: int, size: int) -> bool:
    """Whether the last line is whole: a crash may have left half of one, which must not spoil the next."""
    return os.pread(file, 1, size - 1) == b"\n"
