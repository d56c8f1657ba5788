"""A blob as blocks: ranges are fetched side by side, within a budget that all blobs share."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from detector.errors import SourceError
from detector.sources.blobs.access import refusal
from detector.sources.blobs.listing import Listed
from detector.sources.blobs.loop import Loop
from detector.sources.reading import Digest
from detector.sources.streams import CHANGED

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobServiceClient

RANGE: Final = 2 * 2**20
"""Bytes of a range."""
_AHEAD: Final = 6
"""Ranges of one blob under way at most."""
_REPLACED: Final = "The blob was replaced by another one while it was read. Replay again."


class Budget:
    """Bytes that may be fetched ahead, by all blobs together; each may always fetch one range."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> bool:
        """Reserves some bytes, if there are so many left."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give(self, size: int) -> None:
        """Gives them back."""
        self._left += size


class Blob:
    """The bytes of a blob as it was when it was listed, see `detector.sources.streams.Raw`.

    A block blob is read with its ETag as a condition. An append blob may grow meanwhile: what it held stays as it is,
    and what was appended is not read, but told.

    Args:
        place: How it is called in messages.
        listed: What was listed.
        service: Client of its account.
        loop: Where the client lives.
        budget: See there.
    """

    def __init__(self, place: str, listed: Listed, service: BlobServiceClient, loop: Loop, budget: Budget) -> None:
        self.size = listed.size
        self.version = f"{listed.etag} {listed.created:.0f}"
        self.grown = 0
        self.samples = 8
        self._place: Final = place
        self._listed: Final = listed
        self._service: Final = service
        self._loop: Final = loop
        self._budget: Final = budget
        self._first: bytes | None = None
        """The first range, while it waits for its second reader: who looks at the head comes before who reads all."""

    def blocks(self) -> Iterator[bytes]:
        """The bytes, range by range.

        Raises:
            SourceError: They cannot be had, or are others than those listed.
        """
        if not self.size:
            return
        first, self._first = self._first, None
        if first is None:
            first = self._first = self.sample(0, min(RANGE, self.size))
        yield first
        self._first = None
        yield from self._ahead(len(first))

    def hashed(self, digest: Digest) -> Iterator[bytes]:
        """See `Raw.hashed`. Ranges are fetched ahead as it is."""
        return digest.along(self.blocks())

    def sample(self, position: int, length: int) -> bytes:
        """Some bytes out of the middle."""
        return self._result(self._loop.begin(self._fetch(position, length)), length)

    def pin(self, size: int, version: str) -> None:
        """See `Raw.pin`."""
        created = version.rpartition(" ")[2]
        same = self.version == version and self.size == size
        longer = self._listed.appended and self.size >= size and self.version.rpartition(" ")[2] == created
        if not same and not longer:
            raise SourceError(self._place, CHANGED)
        self.size = size

    def _ahead(self, position: int) -> Iterator[bytes]:
        under_way: deque[tuple[Future[bytes], int, bool]] = deque()
        try:
            while position < self.size or under_way:
                while position < self.size and len(under_way) < _AHEAD:
                    length = min(RANGE, self.size - position)
                    reserved = self._budget.take(length)
                    if not reserved and under_way:
                        break
                    under_way.append((self._loop.begin(self._fetch(position, length)), length, reserved))
                    position += length
                future, length, reserved = under_way.popleft()
                try:
                    yield self._result(future, length)
                finally:
                    if reserved:
                        self._budget.give(length)
        finally:
            for future, length, reserved in under_way:
                future.cancel()
                if reserved:
                    self._budget.give(length)

    def _result(self, future: Future[bytes], length: int) -> bytes:
        try:
            data = future.result()
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever the client ends with, the blob could not be read
            raise SourceError(self._place, refusal(error)) from None
        if len(data) != length:
            raise SourceError(self._place, _REPLACED)
        return data

    async def _fetch(self, position: int, length: int) -> bytes:
        from azure.core import MatchConditions

        condition: dict[str, Any] = {}
        if not self._listed.appended:
            condition = {"etag": self._listed.etag, "match_condition": MatchConditions.IfNotModified}
        client = self._service.get_blob_client(self._listed.container, self._listed.name)
        stream = await client.download_blob(position, length, max_concurrency=1, **condition)
        created = stream.properties.creation_time
        if created is not None and self._listed.created and created.timestamp() != self._listed.created:
            raise SourceError(self._place, _REPLACED)
        now = str(stream.properties.content_range or "").rpartition("/")[2]
        if now.isdecimal():
            self.grown = max(self.grown, int(now) - self.size)
        return bytes(await stream.read())
