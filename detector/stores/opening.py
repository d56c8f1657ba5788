"""From a directory to an open store: lock, check, restore, migrate, raise the epoch."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from detector.stores import inflight, schema, snapshots
from detector.stores.alerts import FILE
from detector.stores.database import Database
from detector.stores.errors import StoreError, StoreUnavailable
from detector.stores.files import private_file, sync_directory
from detector.stores.lock import Lock
from detector.stores.records import Opening
from detector.stores.recovery import recover
from detector.stores.workings import Workings


def prepare(directory: Path, lock: Lock, workings: Workings) -> tuple[Opening, int]:
    """Leaves a good store of this format behind, owned under the epoch that it returns.

    Raises:
        StoreTooNew: A later release wrote the store.
        StoreUnavailable: The disk refused.
    """
    path = directory / FILE
    opening = recover(path, lock, steps=workings.steps, now=workings.now, facts=workings.facts, at=workings.at)
    try:
        for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            if file == path or file.exists():
                private_file(file)
        sync_directory(directory)
    except OSError as error:
        raise StoreUnavailable(f"{path}: The store cannot be made ({error.strerror}).") from None
    writer = Database(path, "rw", busy_seconds=workings.settings.busy_seconds)
    try:
        _migrate(writer, workings)
        return opening, _own(writer, lock, workings)
    finally:
        writer.close()


def _migrate(writer: Database, workings: Workings) -> None:
    """Brings the store to this release's format, in one transaction; an older one is copied first."""
    ((found,),) = writer.rows("PRAGMA user_version")
    wanted = len(workings.steps)
    if found == wanted:
        return
    if found:
        # What the older release can go back to.
        snapshots.take(
            writer.path,
            created=workings.now(),
            keep=workings.settings.snapshots,
            steps=workings.steps,
            at=workings.at,
        )
    with writer.transaction() as connection:
        schema.upgrade(connection, workings.steps, found)
        workings.at("in_migration" if found else "in_creation")
    if found:
        workings.facts.store_migrated(found, wanted)


def _own(writer: Database, lock: Lock, workings: Workings) -> int:
    """Raises the epoch above every one that the store or the lock knows of, and looks who died at work."""
    workings.at("before_epoch")
    with writer.transaction() as connection:
        epoch = max(schema.get_meta(connection, "epoch") or 0, lock.epoch) + 1
        schema.set_meta(connection, "epoch", epoch)
        inflight.suspect(connection)
    workings.at("after_epoch")
    lock.record(epoch)
    return epoch


def owner(connection: sqlite3.Connection) -> int:
    """Epoch of whoever owns the store now.

    Raises:
        StoreError: It is not written down, so the file is not what was opened.
    """
    epoch = schema.get_meta(connection, "epoch")
    if epoch is None:
        raise StoreError("The store does not say who owns it. Start again.")
    return epoch
