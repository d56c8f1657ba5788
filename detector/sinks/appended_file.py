"""Alerts as JSON lines in a file that is appended to, each once, across restarts and crashes."""

from __future__ import annotations

import asyncio
import json
import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from detector.domain.alerts import Alert
from detector.sinks.formats import Format
from detector.sinks.outcome import DELIVERED, Outcome, Retry, all_of
from detector.sinks.sink import Terms

TAIL_BYTES: Final = 16 * 2**20
"""How much of the end of a file is read back for ids: far more than can be in flight at a crash."""
_MOST_IDS: Final = 100_000


class AppendedFile:
    """Appends alerts to a file and syncs it to the disk.

    When it is opened the end of the file is read back: ids that are there are not written again, and a last line
    without its end, which a crash left behind, is cut off. A file that was moved away (log rotation) is noticed and
    begun anew. Opened with the first batch, so that a full or missing disk is a matter of trying again.

    Args:
        name: Name of the sink.
        terms: On which terms alerts go there.
        form: How a line reads.
        path: Where; directories on the way are made.
    """

    def __init__(self, name: str, terms: Terms, form: Format, path: Path) -> None:
        self.name = name
        self.terms = terms
        self._form = form
        self._path = path
        self._file: BinaryIO | None = None
        self._ids: OrderedDict[str, None] = OrderedDict()

    async def deliver(self, batch: Sequence[Alert]) -> Outcome:
        """Appends what is not there yet."""
        ids = [alert.id for alert in batch]
        try:
            await asyncio.to_thread(self._append, batch)
        except OSError:
            return all_of(ids, Retry("write_failed"))
        return all_of(ids, DELIVERED)

    async def close(self) -> None:
        """Closes the file; everything in it is on the disk already."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, batch: Sequence[Alert]) -> None:
        file = self._opened()
        fresh = {alert.id: self._form.line(alert) for alert in batch if alert.id not in self._ids}
        if not fresh:
            return
        size = os.fstat(file.fileno()).st_size
        try:
            _write_all(file, b"".join(fresh.values()))
            os.fsync(file.fileno())
        except OSError:
            # Half a line must not stay; were this to fail too, opening the file again cuts it off.
            self._file = None
            with file:
                file.truncate(size)
            raise
        self._remember(fresh)

    def _opened(self) -> BinaryIO:
        if self._file is not None:
            if _same(self._path, self._file):
                return self._file
            self._file.close()
            self._file = None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+b", buffering=0)
        try:
            self._read_back(file)
        except OSError:
            file.close()
            raise
        self._file = file
        return file

    def _read_back(self, file: BinaryIO) -> None:
        size = os.fstat(file.fileno()).st_size
        start = max(0, size - TAIL_BYTES)
        file.seek(start)
        tail = _read_all(file, size - start)
        end = tail.rfind(b"\n") + 1
        if end < len(tail) and (end or not start):
            file.truncate(start + end)
        lines = tail[:end].split(b"\n")
        # The first line of a tail out of the middle may be cut; as it is no JSON then, it counts for nothing.
        self._remember([found for line in lines if line and (found := self._id_in(line)) is not None])

    def _id_in(self, line: bytes) -> str | None:
        try:
            document = json.loads(line)
            found = self._form.identity(document)
        except (ValueError, AttributeError):
            return None
        return found if isinstance(found, str) else None

    def _remember(self, ids: Sequence[str] | dict[str, bytes]) -> None:
        for each in ids:
            self._ids[each] = None
            self._ids.move_to_end(each)
        while len(self._ids) > _MOST_IDS:
            self._ids.popitem(last=False)


def _same(path: Path, file: BinaryIO) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(file.fileno())
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def _read_all(file: BinaryIO, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (block := file.read(size - len(data))):
        data += block
    return bytes(data)


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
