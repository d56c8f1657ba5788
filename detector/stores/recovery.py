"""What happens before a store is opened: it is checked, and if damaged, moved aside and replaced."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from detector.stores import schema, snapshots
from detector.stores.errors import StoreCorrupted, StoreUnavailable
from detector.stores.facts import StoreFacts
from detector.stores.failpoints import At
from detector.stores.files import private_directory, sync_directory
from detector.stores.integrity import inspect
from detector.stores.lock import Lock
from detector.stores.records import Opening
from detector.stores.wal import commits_lost

FOLDER: Final = "damaged"
_KEPT: Final = 2
"""Damaged stores that are kept for whoever looks into it."""


def recover(
    path: Path, lock: Lock, *, steps: tuple[schema.Step, ...], now: Callable[[], float], facts: StoreFacts, at: At
) -> Opening:
    """Leaves a file at `path` that is good, or none.

    Raises:
        StoreTooNew: A later release wrote the store.
        StoreUnavailable: The disk refused.
    """
    for leftover in path.parent.glob("*.tmp"):
        leftover.unlink(missing_ok=True)
    try:
        if path.exists() and inspect(path, steps):
            lost = commits_lost(path)
            if lost:
                facts.log_cut(lost)
            return "kept"
        if not lock.used and not snapshots.any_in(path.parent):
            return "new"
        reason = "The store is gone or empty, though one was in use here."
    except StoreCorrupted as error:
        reason = str(error)
    facts.store_corrupted(reason, _move_aside(path, now(), at))
    manifest = snapshots.restore(path.parent, path, steps=steps, facts=facts, at=at)
    if manifest is None:
        facts.store_lost()
        return "lost"
    facts.store_restored(manifest.snapshot, max(0.0, now() - manifest.created))
    return "restored"


def _move_aside(path: Path, moment: float, at: At) -> str:
    """Moves the files of a store into a directory of their own, the database first.

    Should the process die half way, the next start finds a log without a database, and moves that too. The other way
    round it would find a database without its log, which is an older one.
    """
    folder = path.parent / FOLDER
    try:
        private_directory(folder)
        stamp = datetime.fromtimestamp(moment, UTC).strftime("%Y%m%dT%H%M%SZ")
        number = max((int(old.name.partition("-")[0]) for old in _old(folder)), default=0) + 1
        place = folder / f"{number:04d}-{stamp}"
        private_directory(place)
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(place / (path.name + suffix))
            at("in_moving_aside")
        for folder_changed in (place, path.parent):
            sync_directory(folder_changed)
        for old in sorted(_old(folder))[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise StoreUnavailable(f"{folder}: The damaged store cannot be moved aside ({error.strerror}).") from None
    return str(place.relative_to(path.parent))


def _old(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.partition("-")[0].isdecimal()]
