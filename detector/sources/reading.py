"""The account of one input: what it was, how much of it was read, and what it held. A manifest is made of these."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from math import inf
from typing import Final, Literal

import msgspec

Status = Literal["waiting", "read", "partly", "failed"]
"""Not reached (yet); read to its end; read up to a place; nothing could be read."""

_OUTSTANDING: Final = 2
"""Errands that may wait on the hashing thread, of one input. Many inputs may be open, so few."""
_TOGETHER: Final = 4 * 2**20
"""Bytes that are hashed in one errand, as one piece: behind each the thread waits for the interpreter's lock, and the
thread that judges for its return."""
NOTHING: Final = hashlib.sha256().hexdigest()
"""Of an empty input."""


class Reading(msgspec.Struct):
    """What became of one input."""

    place: str
    """Path or address, without any secret."""
    size: int = 0
    """Bytes that it had when the replay began; 0 for a pipe."""
    version: str = ""
    """What tells it from another one of that name: ETag of a blob, time of the last change of a file."""
    status: Status = "waiting"
    read: int = 0
    """Bytes read of it, packed as it is."""
    sha256: str | None = None
    """Of all its bytes; `None` unless it was read to its end."""
    form: str | None = None
    """See `detector.sources.sniff.Kind`."""
    sorted: bool = False
    """Whether it was out of order and had to be sorted."""
    category: str | None = None
    tenant: str | None = None
    slot: float | None = None
    """Beginning of the hour that its name says, seconds since the epoch, UTC."""
    first: float | None = None
    """About the least event time in it."""
    last: float | None = None
    """About the greatest event time in it."""
    grown: int = 0
    """Bytes that were added while it was read, and were not read."""
    problem: str | None = None
    """What went wrong, a sentence."""

    def covers(self, earliest: float, latest: float) -> None:
        """Takes over the times that were seen."""
        if earliest < inf:
            self.first, self.last = earliest, latest


class Hasher:
    """Hashes blocks beside the work, on one thread: hashing lets go of the interpreter's lock, and so does reading.

    Where that thread gets no processor, whoever gives it work does the work: nobody waits, and no more is held.

    Used as a context manager; belongs to one thread.
    """

    def __init__(self) -> None:
        self._thread: Final = ThreadPoolExecutor(1, thread_name_prefix="hash")

    def digest(self) -> Digest:
        """A new digest."""
        return Digest(self._thread)

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(cancel_futures=True)


class Digest:
    """SHA-256 of blocks that are told in order."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread: Final = thread
        self._hash: Final = hashlib.sha256()
        self._outstanding: Final[deque[tuple[Future[None], list[bytes]]]] = deque()
        self._held: list[bytes] = []
        self._size = 0
        """Bytes held."""

    def update(self, block: bytes) -> None:
        """Takes in a block."""
        self._held.append(block)
        self._size += len(block)
        if self._size >= _TOGETHER:
            self._begin()

    def along(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The same blocks, taken in on their way."""
        for block in blocks:
            self.update(block)
            yield block

    def ahead(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The same blocks, read and taken in by the thread, each while somebody works with the one before it.

        So nothing is held, or copied, for the sake of the hash. Nothing else may be told; blocks should be large. The
        first is given before the second is read: an input that then waits for its time holds no more.
        """

        def take() -> bytes:
            block = next(blocks, b"")
            self._hash.update(block)
            return block

        yield take()
        block, errand = take(), None
        try:
            while block:
                errand = self._thread.submit(take)
                yield block
                block = take() if errand.cancel() else errand.result()
        finally:
            if errand is not None and not errand.cancel():
                wait((errand,))  # it may be using the file

    def _begin(self) -> None:
        while len(self._outstanding) >= _OUTSTANDING:
            self._settle()
        self._outstanding.append((self._thread.submit(self._take, self._held), self._held))
        self._held, self._size = [], 0

    def _settle(self) -> None:
        """Sees to the oldest errand. If it was not begun, it is done here: nor were those behind it begun then."""
        errand, blocks = self._outstanding.popleft()
        if errand.cancel():
            self._take(blocks)
        else:
            errand.result()

    def _take(self, blocks: list[bytes]) -> None:
        self._hash.update(b"".join(blocks))

    def hexdigest(self) -> str:
        """Of all that was told."""
        self._begin()
        while self._outstanding:
            self._settle()
        return self._hash.hexdigest()
