"""A poller put together: identity, connection, poller."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from detector.inventory.client import Graph
from detector.inventory.pace import World
from detector.inventory.poller import Poller
from detector.inventory.tokens import Tokens, credential_of

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from detector.config.inventory import InventorySettings
    from detector.inventory.facts import InventoryFacts

Credential = Callable[["InventorySettings"], "AsyncTokenCredential"]
"""Makes the credential of the configured identity."""


def world_of(now: Callable[[], float], monotonic: Callable[[], float]) -> World:
    """The real world, with the clocks that the runtime was given."""
    return World(
        now=now,
        monotonic=monotonic,
        sleep=asyncio.sleep,
        chance=random.random,
        token=lambda: secrets.token_hex(4),
    )


@asynccontextmanager
async def connected(
    settings: InventorySettings, facts: InventoryFacts, world: World, credential: Credential = credential_of
) -> AsyncIterator[Poller]:
    """A poller with a connection, which is closed in the end.

    Raises:
        SourceError: There is no identity to ask with.
    """
    async with connection(settings, facts, world, credential) as graph:
        yield Poller(settings, graph, facts, world)


@asynccontextmanager
async def connection(
    settings: InventorySettings, facts: InventoryFacts, world: World, credential: Credential = credential_of
) -> AsyncIterator[Graph]:
    """A connection without a poller, which is closed in the end.

    Raises:
        SourceError: There is no identity to ask with.
    """
    tokens = Tokens(credential(settings), f"{settings.endpoint}/.default", world.now)
    async with Graph(settings, tokens, facts, world) as graph:
        yield graph
