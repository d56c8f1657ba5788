"""A poller before the stand-in for Graph, with a clock that only sleeping moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from azure.core.credentials import AccessToken

from detector.config.inventory import InventorySettings
from detector.inventory.connect import connected, world_of
from detector.inventory.facts import InventoryFacts
from detector.inventory.pace import World
from detector.inventory.poller import Outcome, Poller
from tests.graph.directory import Directory, guid
from tests.graph.server import TOKEN, GraphServer, Options

TENANT = guid("tenant", 0)
WALL = 1_795_000_000.0
NEVER = 10.0**9


class Identity:
    """A credential that gives the tokens it was told to, the last one for ever."""

    def __init__(self, *tokens: str | Exception) -> None:
        self.tokens = list(tokens) or [TOKEN]
        self.asked: list[str] = []
        self.closed = False

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.asked += scopes
        given = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        if isinstance(given, Exception):
            raise given
        return AccessToken(given, int(WALL + NEVER))

    async def close(self) -> None:
        self.closed = True


class Told(InventoryFacts):
    """Remembers the facts it was told."""

    def __init__(self) -> None:
        self.facts: list[tuple[Any, ...]] = []

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [fact[1:] for fact in self.facts if fact[0] == name]

    def round_finished(self, kind: str, seconds: float, requests: int, *, told: int, deleted: int) -> None:
        assert seconds >= 0
        self.facts.append(("round_finished", kind, requests, told, deleted))

    def round_failed(self, kind: str, error: str) -> None:
        self.facts.append(("round_failed", kind, error))

    def part_failed(self, part: str, reason: str) -> None:
        self.facts.append(("part_failed", part, reason))

    def object_unreadable(self, part: str) -> None:
        self.facts.append(("object_unreadable", part))

    def request_retried(self, reason: str, seconds: float) -> None:
        self.facts.append(("request_retried", reason, seconds))

    def delta_refused(self) -> None:
        self.facts.append(("delta_refused",))

    def deletions_unconfirmed(self, objects: int) -> None:
        self.facts.append(("deletions_unconfirmed", objects))


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        self._numbers = count()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    def world(self) -> World:
        return World(
            now=lambda: WALL + self.seconds,
            monotonic=lambda: self.seconds,
            sleep=self.sleep,
            chance=lambda: 1.0,
            token=lambda: f"{next(self._numbers):08x}",
        )


@dataclass
class Stage:
    """A poller and everything around it."""

    server: GraphServer
    poller: Poller
    facts: Told
    clock: Clock
    identity: Identity
    records: list[dict[str, Any]] = field(default_factory=list)
    """All that was told."""
    chunks: list[bytes] = field(default_factory=list)

    @property
    def directory(self) -> Directory:
        return self.server.directory

    async def tell(self, lines: bytes) -> None:
        assert lines.endswith(b"\n")
        self.chunks.append(lines)
        self.records += [json.loads(line) for line in lines.splitlines()]

    async def full(self) -> dict[str, dict[str, Any]]:
        """One full round; the properties of what was told, by object id."""
        return (await self.rounded("full"))[1]

    async def delta(self) -> dict[str, dict[str, Any]] | None:
        """One round of changes; `None` when everything has to be read."""
        outcome, told = await self.rounded("delta")
        return None if outcome is None else told

    async def rounded(self, kind: str) -> tuple[Outcome | None, dict[str, dict[str, Any]]]:
        before = len(self.records)
        outcome = await (self.poller.full(self.tell) if kind == "full" else self.poller.delta(self.tell))
        return outcome, {record["properties"]["objectId"]: record["properties"] for record in self.records[before:]}


def settings_of(server: GraphServer, **values: Any) -> InventorySettings:
    read = {"attributes": True, **values.pop("read", {})}
    return InventorySettings.model_validate(
        {
            "tenant_id": TENANT,
            "endpoint": server.origin,
            "requests_per_second": 200.0,
            "timeout": 60.0,
            "read": read,
            **values,
        }
    )


@asynccontextmanager
async def staged(
    directory: Directory, options: Options | None = None, *, identity: Identity | None = None, **values: Any
) -> AsyncIterator[Stage]:
    """A poller before a server with this directory."""
    facts, clock, who = Told(), Clock(), identity or Identity()
    async with GraphServer(directory, options or Options()).running() as server:
        settings = settings_of(server, **values)
        async with connected(settings, facts, clock.world(), lambda _: who) as poller:
            yield Stage(server, poller, facts, clock, who)


@asynccontextmanager
async def staged_in_time(directory: Directory, options: Options, **values: Any) -> AsyncIterator[Stage]:
    """The same with the clock of this machine, to measure."""
    facts, clock, who = Told(), Clock(), Identity()
    loop = asyncio.get_running_loop()
    async with GraphServer(directory, options).running() as server:
        settings = settings_of(server, **values)
        world = world_of(lambda: WALL + loop.time(), loop.time)
        async with connected(settings, facts, world, lambda _: who) as poller:
            yield Stage(server, poller, facts, clock, who)
