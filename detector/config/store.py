"""Settings of the store, and of the way of messages to it."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator

from detector.config.blocks import Block
from detector.config.event_hubs import start_time

MEBI = 2**20


def _moment(value: str) -> str:
    start_time(value)
    return value


class StoreSettings(Block):
    """Where memory, positions and outgoing alerts are kept."""

    directory: Path = Path("data")
    """Directory of the store; one process at a time."""
    full_sync: bool = True
    """false: a loss of power may undo the last commits; they are read again and give the same alerts."""
    snapshot_every: Annotated[float, Ge(60), Le(86_400)] = 900.0
    """Seconds between two snapshots."""
    snapshots: Annotated[int, Ge(1), Le(48)] = 3
    """Snapshots kept."""
    max_alerts: Annotated[int, Ge(1_000), Le(10_000_000)] = 100_000
    """Alerts kept; the oldest that no sink waits for go first."""
    min_free: Annotated[float, Ge(0), Le(0.9)] = 0.1
    """Part of the disk that must be free; below, nothing more is read."""
    max_outbox: Annotated[int, Ge(100), Le(10_000_000)] = 100_000
    """Alerts waiting for sinks beyond which nothing more is read."""
    send_after: Annotated[str, AfterValidator(_moment)] | None = None
    """Alerts of an earlier event time are stored and not sent; for reading again what was lost with a volume."""

    @property
    def sends_after(self) -> float:
        """`send_after` in seconds since the epoch; minus infinity when there is none."""
        return -inf if self.send_after is None else start_time(self.send_after).timestamp()


class BatchSettings(Block):
    """How many messages are judged and committed together."""

    bytes: Annotated[int, Ge(4 * 2**10), Le(256 * MEBI)] = 3 * MEBI
    """Bytes after which a batch is closed: about a thousand sign-ins."""
    linger: Annotated[float, Gt(0), Le(10)] = 0.25
    """Seconds that the first message of a batch waits for others at most."""
    inbox_bytes: Annotated[int, Ge(64 * 2**10), Le(2**32)] = 64 * MEBI
    """Bytes of messages that wait for the worker at most."""
