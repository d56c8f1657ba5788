"""What a replay knows before it judges: nothing, the days before the window, or the memory of the live service."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from detector.engine.engine import Engine
from detector.engine.journal import rebuild
from detector.engine.state import State
from detector.errors import SnapshotError, UsageError
from detector.runtime.live.memory import CORE
from detector.runtime.summary import utc
from detector.runtime.window import DAY, Window
from detector.stores.database import Database
from detector.stores.errors import StoreError
from detector.stores.integrity import inspect
from detector.stores.reading import load
from detector.stores.schema import STEPS
from detector.stores.snapshots import FOLDER

if TYPE_CHECKING:
    from detector.engine.settings import EngineSettings
    from detector.stores.records import Loaded

_ENOUGH: Final = 0.9
"""Share of the days asked for from which on a baseline counts as whole."""


def described(window: Window, first: float | None) -> tuple[dict[str, Any], str | None]:
    """Which baseline a replay learned, as JSON can hold it; and a sentence when it is not what was asked for.

    Args:
        window: What was asked for.
        first: Least event time that was read.
    """
    if window.start == -inf:
        return ({"kind": "none", "judged_until": utc(window.end)} if window.end < inf else {}), None
    said: dict[str, Any] = {"kind": "learned" if window.baseline else "none", "judged_from": utc(window.start)}
    if window.end < inf:
        said["judged_until"] = utc(window.end)
    if not window.baseline:
        return said, None
    had = 0.0 if first is None else max(0.0, window.start - first)
    said |= {"days_wanted": round(window.baseline / DAY, 2), "days_found": round(min(had, window.baseline) / DAY, 2)}
    if had >= _ENOUGH * window.baseline:
        return said, None
    return said, (
        f"The baseline is {had / DAY:.1f} of {window.baseline / DAY:g} days: there are no records before. What is new "
        "in the window may only be new to this archive."
    )


class Taken(msgspec.Struct, frozen=True):
    """A snapshot of a live store."""

    name: str
    watermark: float
    """Greatest event time that it knows."""

    def document(self, window: Window) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "kind": "snapshot",
            "snapshot": self.name,
            "snapshot_until": utc(self.watermark),
            "judged_from": utc(self.watermark if window.start == -inf else window.start),
            **({"judged_until": utc(window.end)} if window.end < inf else {}),
        }


def engine_of_snapshot(path: Path, settings: EngineSettings, before: float) -> tuple[Engine, Taken]:
    """An engine with the memory of the live service, to go on in an archive.

    Args:
        path: A snapshot, or the directory of a store: then its newest snapshot that knows nothing of `before` or later.
        settings: As for any engine.
        before: Event time, seconds since the epoch, UTC.

    Raises:
        UsageError: There is no such snapshot.
        SnapshotError: It is damaged, or of a form that this release does not read.
    """
    candidates = [path] if path.is_file() else sorted((path / FOLDER).glob("snapshot-*.db"), reverse=True)
    if not candidates:
        raise UsageError(f"{path}: There is no snapshot. Name a file, or the directory of a store that has some.")
    oldest = inf
    for candidate in candidates:
        state, watermark = _state(candidate)
        if watermark <= before:
            return Engine(settings, state), Taken(candidate.name, watermark)
        oldest = min(oldest, watermark)
    raise UsageError(
        f"{path}: Every snapshot knows of events later than {utc(before)}; the oldest reaches to {utc(oldest)}. "
        "Use --baseline instead."
    )


def _state(path: Path) -> tuple[State, float]:
    try:
        inspect(path, STEPS)
        database = Database(path, "ro")
        try:
            return _memory(load(database, "kept"), path)
        finally:
            database.close()
    except StoreError as error:
        raise SnapshotError(f"{path}: The snapshot cannot be used. {error}") from None


def _memory(loaded: Loaded, path: Path) -> tuple[State, float]:
    core = loaded.core.get(CORE)
    if core is None or core.payload is None:
        raise SnapshotError(f"{path}: The snapshot holds no memory of the engine.")
    rows = ((row.kind, row.tenant, row.id, row.payload or b"") for row in loaded.state)
    state = rebuild(core.payload, rows, loaded.digests).state
    return state, state.admission.watermark
