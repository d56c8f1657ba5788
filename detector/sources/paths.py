"""What a person names, as files: directories with all that lies in them, patterns, and single files."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterator, Sequence

from detector.sources.chunk import FileFailure

RECORD_SUFFIXES = frozenset(
    {"", ".json", ".jsonl", ".ndjson", ".log", ".csv", ".gz", ".gzip", ".zst", ".zstd", ".avro", ".parquet"}
)
"""Endings of the files that are read out of a directory; a file that is named itself may have any."""


class Found:
    """The files that paths stand for: each once, sorted by name within a directory or pattern.

    Args:
        paths: Files, directories, patterns, or `-`.
        exclude: Files that are not to be read although they lie in a directory: what is being written meanwhile.

    Attributes:
        files: Paths in the order of reading.
        ignored: Files in directories whose ending is not one of `RECORD_SUFFIXES`.
        failures: Paths that stand for nothing.
    """

    def __init__(self, paths: Sequence[str], exclude: Collection[str] = ()) -> None:
        self.files: list[str] = []
        self.ignored: list[str] = []
        self.failures: list[FileFailure] = []
        seen = {os.path.realpath(path) for path in exclude}
        for path in paths:
            for file in self._expanded(path):
                real = os.path.realpath(file)
                if real not in seen:
                    seen.add(real)
                    self.files.append(file)

    def _expanded(self, path: str) -> Iterator[str]:
        if os.path.isdir(path):
            yield from self._within(path)
        elif path == "-" or os.path.exists(path):
            yield path
        elif any(mark in path for mark in "*?["):
            matches = sorted(glob.glob(path, recursive=True))
            if not matches:
                self.failures.append(FileFailure(path, "No file matches this pattern."))
            for match in matches:
                if os.path.isdir(match):
                    yield from self._within(match)
                else:
                    yield match
        else:
            self.failures.append(FileFailure(path, "There is no such file or directory. Check the path."))

    def _within(self, directory: str) -> Iterator[str]:
        def unreadable(error: OSError) -> None:
            place = str(error.filename or directory)
            self.failures.append(FileFailure(place, f"The directory cannot be listed ({error.strerror})."))

        found = False
        for folder, folders, names in os.walk(directory, onerror=unreadable):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if name.startswith("."):
                    continue
                path = os.path.join(folder, name)
                if os.path.splitext(name)[1].lower() not in RECORD_SUFFIXES:
                    self.ignored.append(path)
                elif os.path.isfile(path):
                    found = True
                    yield path
        if not found and not self.ignored:
            self.failures.append(FileFailure(directory, "There is no file in this directory."))
