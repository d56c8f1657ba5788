"""Which files belong together: a growing file and what rotation made of its predecessors, oldest first.

`a.jsonl` is the living file; `a.jsonl.1`, `a.jsonl-20261126`, `a.jsonl.2.gz` and `a.jsonl.gz` are what logrotate and
its kind leave of it. `a-20261126.jsonl` has the ending of a living file and is one of its own.
"""

from __future__ import annotations

import os
import re
import stat
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

ENDINGS: Final = ("jsonl", "ndjson", "json", "log")
_NAME: Final = re.compile(
    rf"""(?x)
    (?P<live> .+? \. (?: {"|".join(ENDINGS)} ) )
    (?: [.-] (?P<mark> \d{{1,10}} | \d{{4}}-\d\d-\d\d (?: [T_-]? \d{{2,6}} )? | \d{{8}} [T_-]? \d{{2,6}} ) )?
    (?P<pack> \. (?: gz | gzip | zst | zstd ) )?
    """
)
LIVING: Final = (3, 0)
"""Rank of the file that grows."""
_MAX_NUMBER: Final = 5
"""Up to so many digits a mark counts rotations, and 1 is the youngest; a longer one is a date."""


class Entry(NamedTuple):
    """A file in the directory, at one look."""

    rank: tuple[int, int]
    """Rises with age the other way round: the living file is the greatest."""
    path: str
    packed: bool
    device: int
    inode: int
    modified: int
    size: int

    @property
    def file(self) -> tuple[int, int]:
        """Device and inode."""
        return (self.device, self.inode)


class Place:
    """A directory, or a directory with a pattern for the names of living files.

    Raises:
        ValueError: The directory part holds a pattern.
    """

    def __init__(self, path: str) -> None:
        directory, name = (path, "") if os.path.isdir(path) else os.path.split(path)
        if any(mark in directory for mark in "*?[") and not os.path.isdir(directory):
            raise ValueError(f"{path}: Only the last part may be a pattern. Name one directory.")
        self.directory: Final = directory or "."
        self.pattern: Final = name

    def look(self) -> dict[str, list[Entry]]:
        """The files that are there, by the name of their living file, oldest first.

        Raises:
            OSError: The directory cannot be listed.
        """
        found: dict[str, dict[tuple[int, int], Entry]] = {}
        for name in sorted(os.listdir(self.directory)):
            known = self._name(name)
            if known is None:
                continue
            live, rank, packed = known
            path = os.path.join(self.directory, name)
            try:
                status = os.stat(path)
            except OSError:
                continue  # gone since it was listed, or a link to nowhere
            if not stat.S_ISREG(status.st_mode):
                continue
            entry = Entry(rank, path, packed, status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
            family = found.setdefault(live, {})
            # While a file is being packed both are there: the plain one is whole.
            if rank not in family or family[rank].packed:
                family[rank] = entry
        return {live: [family[rank] for rank in sorted(family)] for live, family in found.items()}

    def _name(self, name: str) -> tuple[str, tuple[int, int], bool] | None:
        if name.startswith("."):
            return None
        parts = _NAME.fullmatch(name)
        live = parts["live"] if parts is not None else name
        if not self._wanted(live, name, regular=parts is not None):
            return None
        if parts is None:
            return name, LIVING, False
        mark, packed = parts["mark"], parts["pack"] is not None
        if mark is None:
            return live, (2, 0) if packed else LIVING, packed
        if len(mark) <= _MAX_NUMBER:
            return live, (1, -int(mark)), packed
        digits = re.sub(r"\D", "", mark)
        return live, (0, int(digits.ljust(14, "0"))), packed

    def _wanted(self, live: str, name: str, *, regular: bool) -> bool:
        if not self.pattern:
            return regular
        return fnmatchcase(live, self.pattern) or fnmatchcase(name, self.pattern)
