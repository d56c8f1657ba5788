"""Which blobs there are: folders that hold nothing wanted are not entered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from detector.sources.layout import Wanted, category_of, slot_of
from detector.sources.paths import RECORD_SUFFIXES

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties
    from azure.storage.blob.aio import BlobServiceClient, ContainerClient

_AT_ONCE: Final = 8
"""Listings under way."""
_DAY: Final = 86400.0
_ARCHIVES: Final = ("insights-logs-", "am-")
"""What containers of archived logs begin with."""


class Listed(msgspec.Struct, frozen=True):
    """A blob as it was when it was listed."""

    container: str
    name: str
    size: int
    etag: str
    created: float
    """Seconds since the epoch, UTC: one that was deleted and made anew has another one."""
    appended: bool
    """Whether it is an append blob: what it holds stays as it is, and more may follow."""


async def containers(service: BlobServiceClient, wanted: Wanted) -> list[str]:
    """Containers of archived logs."""
    return [
        each.name
        async for each in service.list_containers()
        if each.name.startswith(_ARCHIVES) and wanted.keeps_category(category_of(each.name))
    ]


async def blobs(service: BlobServiceClient, container: str, prefix: str, wanted: Wanted) -> tuple[list[Listed], int]:
    """The blobs of a container that are wanted, by name; and how many were seen that are not."""
    client = service.get_container_client(container)
    listing = _Listing(client, container, wanted)
    async with asyncio.TaskGroup() as group:
        listing.enter(prefix, group)
    return sorted(listing.found, key=lambda each: each.name), listing.left_out


class _Listing:
    def __init__(self, client: ContainerClient, container: str, wanted: Wanted) -> None:
        self.found: list[Listed] = []
        self.left_out = 0
        """Blobs and folders."""
        self._client: Final = client
        self._container: Final = container
        self._wanted: Final = wanted
        self._places: Final = asyncio.Semaphore(_AT_ONCE)

    def enter(self, folder: str, group: asyncio.TaskGroup) -> None:
        group.create_task(self._list(folder, group))

    async def _list(self, folder: str, group: asyncio.TaskGroup) -> None:
        """A folder of a day or less is listed with all that lies in it; a larger one shows its folders."""
        from azure.storage.blob import BlobProperties

        slot = slot_of(f"/{self._container}/{folder}")
        async with self._places:
            if slot is not None and folder.endswith("/") and slot.end - slot.start <= _DAY:
                async for blob in self._client.list_blobs(name_starts_with=folder):
                    self._take(blob)
                return
            async for each in self._client.walk_blobs(name_starts_with=folder, delimiter="/"):
                if isinstance(each, BlobProperties):
                    self._take(each)
                elif self._keeps(each.name):
                    self.enter(each.name, group)
                else:
                    self.left_out += 1

    def _keeps(self, folder: str) -> bool:
        path = f"/{self._container}/{folder}"
        # A year is put behind a folder of a tenant, to hear what it says of the tenant.
        slot = slot_of(path) or slot_of(f"{path}y=1970/")
        if slot is None:
            return True
        if slot_of(path) is None:
            slot = msgspec.structs.replace(slot, start=self._wanted.since, end=self._wanted.until)
        return self._wanted.keeps(slot)

    def _take(self, blob: BlobProperties) -> None:
        slot = slot_of(f"/{self._container}/{blob.name}")
        file = blob.name.rpartition("/")[2]
        suffix = f".{file.rpartition('.')[2].lower()}" if "." in file else ""
        if suffix not in RECORD_SUFFIXES or (slot is not None and not self._wanted.keeps(slot)):
            self.left_out += 1
            return
        self.found.append(
            Listed(
                self._container,
                blob.name,
                blob.size,
                str(blob.etag).strip('"'),
                blob.creation_time.timestamp(),
                getattr(blob.blob_type, "value", blob.blob_type) == "AppendBlob",
            )
        )
