"""The logs of `agent-detector replay --graph`: fetched before they are read."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from detector.errors import UsageError
from detector.sources.chunk import FileFailure

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from detector.config.inventory import InventorySettings
    from detector.config.settings import Settings
    from detector.sources.layout import Wanted


def pulled(
    folder: Path,
    settings: Settings,
    wanted: Wanted,
    credential: Callable[[InventorySettings], AsyncTokenCredential] | None = None,
) -> list[FileFailure]:
    """Fetches what is wanted into a folder; what could not be had.

    Raises:
        UsageError: No identity is configured, or the folder cannot be written.
        SourceError: The identity is not set up here.
    """
    from detector.cli.inventorying import MEANINGS
    from detector.inventory.connect import connection, world_of
    from detector.inventory.facts import Silent
    from detector.inventory.logs import Missing, pull
    from detector.inventory.tokens import credential_of

    asked = settings.inventory
    if asked is None:
        raise UsageError("Nobody is configured to ask Graph. Set `inventory`, with the id of your tenant.")
    world = world_of(time.time, time.monotonic)  # noqa: TID251 -- Graph keeps the last 30 days, of the wall clock

    def told(log: str, day: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"Graph: {log} of {day}", err=True)

    async def work() -> list[Missing]:
        async with connection(asked, Silent(), world, credential or credential_of) as graph:
            return await pull(graph, folder, since=wanted.since, until=wanted.until, now=world.now(), told=told)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        missing = asyncio.run(work())
    except OSError as error:
        raise UsageError(f"{folder}: The logs cannot be written there ({error.strerror}).") from None
    return [
        FileFailure(f"{asked.endpoint} {each.log} {each.day}", f"It could not be read: {MEANINGS[each.reason]}.")
        for each in missing
    ]
