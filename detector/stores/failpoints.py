"""Moments at which a crash test may end the process: one or more for every row of the crash table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, get_args

Point = Literal[
    "before_begin",
    "in_transaction",
    "after_rows",
    "before_commit",
    "after_commit",
    "in_checkpoint",
    "before_inflight",
    "after_inflight",
    "before_mark_sent",
    "in_mark_sent",
    "in_snapshot",
    "snapshot_before_manifest",
    "snapshot_before_pruning",
    "in_creation",
    "in_migration",
    "before_epoch",
    "after_epoch",
    "in_moving_aside",
    "in_restore",
    "in_close",
]

At = Callable[[Point], None]


def nowhere(_: Point) -> None:
    """Ends nothing: what production uses."""


POINTS: Final[tuple[Point, ...]] = get_args(Point)
