"""What `agent-detector inventory` does; loaded only when it is called."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click

from detector.cli import exits
from detector.config.load import load
from detector.errors import UsageError
from detector.inventory.connect import connected, world_of
from detector.inventory.facts import Part, Reason, Silent
from detector.inventory.tokens import credential_of

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from detector.config.inventory import InventorySettings
    from detector.inventory.poller import Outcome

MEANINGS: Final[dict[Reason, str]] = {
    "connection_lost": "the connection was lost",
    "credential_failed": "there was no token to be had: check inventory.identity",
    "forbidden": "the identity may not read it: docs/inventory.md lists the permissions",
    "gone": "Graph no longer has it",
    "left_origin": "Graph led to another server",
    "malformed": "the answer could not be understood",
    "not_found": "Graph does not have it",
    "redirected": "Graph led elsewhere",
    "rejected": "Graph does not answer such a question",
    "throttled": "Graph was asked too often: lower inventory.requests_per_second",
    "timed_out": "there was no answer in time",
    "too_large": "the answer was too long",
    "too_many_pages": "the list did not end",
    "unauthorized": "the token was not accepted",
    "unavailable": "Graph was not available",
}


class Failures(Silent):
    """Remembers what could not be read."""

    def __init__(self) -> None:
        self.parts: Final[Counter[tuple[Part, Reason]]] = Counter()
        self.unreadable: Final[Counter[Part]] = Counter()

    def part_failed(self, part: Part, reason: Reason) -> None:
        """Is remembered."""
        self.parts[part, reason] += 1

    def object_unreadable(self, part: Part) -> None:
        """Is remembered."""
        self.unreadable[part] += 1


def write(
    config: Path | None,
    out: Path,
    credential: Callable[[InventorySettings], AsyncTokenCredential] = credential_of,
) -> int:
    """Reads, writes, says how it went and returns the exit code.

    Raises:
        UsageError: No inventory is configured, or the file cannot be written.
        SourceError: There is no identity to ask with.
    """
    settings = load(config).inventory
    if settings is None:
        raise UsageError(
            "No inventory is configured. Set `inventory`, with the id of your tenant, in the configuration."
        )
    failures = Failures()
    new = out.with_name(f"{out.name}.tmp")
    try:
        # What is known of a tenant's agents is for its owner's eyes.
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:
            outcome = asyncio.run(_read(settings, file, failures, credential))
        told = sum(outcome.told.values())
        if told or not outcome.failures:
            new.replace(out)
    except OSError as error:
        raise UsageError(f"{out}: The inventory cannot be written there ({error.strerror}).") from None
    finally:
        new.unlink(missing_ok=True)
    _say(outcome, out, failures)
    return exits.INPUT if outcome.failures else exits.OK


async def _read(
    settings: InventorySettings,
    file: BinaryIO,
    failures: Failures,
    credential: Callable[[InventorySettings], AsyncTokenCredential],
) -> Outcome:
    async def tell(lines: bytes) -> None:
        file.write(lines)

    world = world_of(time.time, time.monotonic)  # noqa: TID251 -- the records say when they were observed
    async with connected(settings, failures, world, credential) as poller:
        return await poller.full(tell)


def _say(outcome: Outcome, out: Path, failures: Failures) -> None:
    told = sum(outcome.told.values())
    for (part, reason), times in sorted(failures.parts.items()):
        often = "" if times == 1 else f", {times:,} times"
        click.echo(f"Not known: {_name(part)} ({MEANINGS[reason]}{often}).", err=True)
    for part, times in sorted(failures.unreadable.items()):
        objects = "1 object" if times == 1 else f"{times:,} objects"
        click.echo(f"Not understood: {objects} among {_name(part)}.", err=True)
    if not told and outcome.failures:
        click.echo(f"Nothing could be read, so {out} was not written.", err=True)
        return
    counts = ", ".join(f"{number:,} {kind}" for kind, number in outcome.told.items()) or "no objects"
    click.echo(f"{out}: {counts}.", err=True)


def _name(part: Part) -> str:
    return part.replace("_", " ")
