"""The blobs of some addresses as inputs of a `FileSource`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from detector.sources.blobs.access import Access, refusal, service_of
from detector.sources.blobs.address import Address
from detector.sources.blobs.listing import blobs, containers
from detector.sources.blobs.loop import Loop
from detector.sources.blobs.ranges import Blob, Budget
from detector.sources.chunk import FileFailure
from detector.sources.layout import Wanted
from detector.sources.streams import Input

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.blob.aio import BlobServiceClient

_AHEAD: Final = 64 * 2**20
"""Bytes that are fetched ahead, of all blobs together."""


class Archive:
    """What was found at some addresses; made by `opened`."""

    def __init__(self) -> None:
        self.inputs: list[Input] = []
        self.failures: list[FileFailure] = []
        self.left_out = 0
        """Blobs and folders that are not wanted."""


@contextmanager
def opened(addresses: Sequence[Address], access: Access, wanted: Wanted) -> Iterator[Archive]:
    """Lists what is wanted; while the context lasts, the inputs can be read.

    Raises:
        SourceError: A secret cannot be read.
        UsageError: A secret is for another account.
    """
    with Loop() as loop:
        holder = _Holder(access, loop)
        try:
            yield holder.found(addresses, wanted)
        finally:
            loop.do(holder.close())


class _Holder:
    """Clients and credential, which live on the loop."""

    def __init__(self, access: Access, loop: Loop) -> None:
        self._access: Final = access
        self._loop: Final = loop
        self._credential: AsyncTokenCredential | None = None
        self._services: Final[list[BlobServiceClient]] = []
        self._budget: Final = Budget(_AHEAD)

    def found(self, addresses: Sequence[Address], wanted: Wanted) -> Archive:
        archive = Archive()
        for address in addresses:
            service = self._loop.do(self._service(address))
            for container in self._containers(service, address, wanted, archive):
                self._list(service, address, container, wanted, archive)
        return archive

    async def _service(self, address: Address) -> BlobServiceClient:
        if self._credential is None and not address.sas:
            self._credential = self._access.credential()
        service = service_of(address, self._access, self._credential)
        self._services.append(service)
        return service

    def _containers(
        self, service: BlobServiceClient, address: Address, wanted: Wanted, archive: Archive
    ) -> Sequence[str]:
        if address.container:
            return [address.container]
        found: list[str] = self._tried(containers(service, wanted), address.account, archive, [])
        if not found and not archive.failures:
            archive.failures.append(
                FileFailure(address.account, "It has no container of archived logs (insights-logs-...). Name one.")
            )
        return found

    def _list(
        self, service: BlobServiceClient, address: Address, container: str, wanted: Wanted, archive: Archive
    ) -> None:
        place = f"{address.account}/{container}"
        listed, left_out = self._tried(blobs(service, container, address.prefix, wanted), place, archive, ([], 0))
        archive.left_out += left_out
        for each in listed:
            name = address.place(container, each.name)
            archive.inputs.append(Input(name, raw=Blob(name, each, service, self._loop, self._budget)))

    def _tried(self, coroutine: Any, place: str, archive: Archive, instead: Any) -> Any:  # noqa: ANN401 -- passed on
        try:
            return self._loop.do(coroutine)
        except* Exception as group:  # noqa: BLE001 -- whatever it was, what could not be listed is told
            archive.failures.append(FileFailure(place, refusal(_first(group))))
        return instead

    async def close(self) -> None:
        """Closes what was opened."""
        for service in self._services:
            await service.close()
        if self._credential is not None:
            await self._credential.close()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return inner
