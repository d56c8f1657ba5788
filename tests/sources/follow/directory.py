"""A directory whose files grow, are rotated, packed, copied, emptied; and a follower that can be restarted."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import zstandard

from detector.domain.delivery import Delivery, Position
from detector.sources.follow.facts import Silent
from detector.sources.follow.source import FollowOptions, FollowSource

WAIT = 5.0


class Clock:
    """A clock that stands until it is told otherwise."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


class Facts(Silent):
    """Remembers the names of the facts, and for which partition."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or name in {"told", "looked", "names"}:
            return object.__getattribute__(self, name)
        return lambda *arguments: self.told.append((name, *arguments))

    def names(self) -> list[str]:
        return [name for name, *_ in self.told]


class Follower:
    """A follower of a directory, driven look by look; restarted from any position that it handed over."""

    def __init__(self, directory: Path, pattern: str = "", **options: Any) -> None:
        self.path = str(directory / pattern) if pattern else str(directory)
        self.options = FollowOptions(**{"rotate_wait_seconds": WAIT, **options})
        self.clock = Clock()
        self.facts = Facts()
        self.deliveries: list[Delivery] = []
        self.source = self.made({})

    def made(self, positions: dict[str, Position]) -> FollowSource:
        return FollowSource(
            self.path,
            positions=positions,
            deliver=self.take,
            now=lambda: 42.0,
            monotonic=self.clock,
            facts=self.facts,
            options=self.options,
        )

    async def take(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    async def look(self, times: int = 1) -> list[str]:
        """The lines that came with the next looks."""
        before = len(self.deliveries)
        for _ in range(times):
            await self.source.poll()
        return lines_of(self.deliveries[before:])

    async def settle(self) -> list[str]:
        """The lines that come until rotations are over and nothing is left."""
        before = len(self.deliveries)
        quiet = 0
        while quiet < 4:
            seen = len(self.deliveries)
            told = len(self.facts.told)
            await self.source.poll()
            self.clock.at += WAIT + 1
            quiet = quiet + 1 if (seen, told) == (len(self.deliveries), len(self.facts.told)) else 0
        return lines_of(self.deliveries[before:])

    def committed(self, count: int | None = None) -> dict[str, Position]:
        """Positions when so many deliveries were committed."""
        return {delivery.partition: delivery.position for delivery in self.deliveries[:count]}

    def restart(self, count: int | None = None) -> None:
        """A new process: what was behind the first `count` deliveries is not known to it."""
        self.close()
        self.deliveries = self.deliveries[: len(self.deliveries) if count is None else count]
        self.source = self.made(self.committed())

    def close(self) -> None:
        for family in self.source._families.values():
            family.close()


def lines_of(deliveries: list[Delivery]) -> list[str]:
    return [line for delivery in deliveries for line in delivery.body.decode().splitlines()]


def followed(test: Callable[..., Awaitable[None]], *arguments: Any) -> None:
    asyncio.run(test(*arguments))  # type: ignore[arg-type]


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def rotate(path: Path) -> None:
    """As logrotate does by default: every number is raised by one, the living file becomes number 1."""
    for number in range(20, 0, -1):
        for pack in ("", ".gz", ".zst"):
            old = path.with_name(f"{path.name}.{number}{pack}")
            if old.exists():
                old.rename(path.with_name(f"{path.name}.{number + 1}{pack}"))
    if path.exists():
        path.rename(path.with_name(f"{path.name}.1"))


def copy_and_truncate(path: Path) -> None:
    """As logrotate does with `copytruncate`."""
    rotate_numbers = path.with_name(f"{path.name}.keep")
    path.rename(rotate_numbers)
    rotate(path)
    rotate_numbers.rename(path)
    shutil.copy2(path, path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)


def pack(path: Path, kind: str = "gz") -> None:
    """As `gzip` and `zstd --rm` do: the packed file has the time of the plain one, which is deleted."""
    packed = path.with_name(f"{path.name}.{kind}")
    data = path.read_bytes()
    packed.write_bytes(gzip.compress(data) if kind == "gz" else zstandard.compress(data))
    shutil.copystat(path, packed)
    path.unlink()
