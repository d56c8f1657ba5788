"""Checked copies of the store beside it: taken while it is in use, and the source of repair."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import msgspec

from detector.stores import schema
from detector.stores.database import Database
from detector.stores.errors import StoreCorrupted, StoreTooNew, StoreUnavailable
from detector.stores.facts import StoreFacts
from detector.stores.failpoints import At
from detector.stores.files import (
    copy_whole,
    private_directory,
    private_file,
    sha256,
    sync_directory,
    sync_file,
    write_whole,
)
from detector.stores.integrity import inspect

FOLDER: Final = "snapshots"
_NAME: Final = re.compile(r"snapshot-(\d{8})\.json")
_SPARE: Final = 16 * 2**20
"""Bytes of disk that a snapshot leaves free for the store itself."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What makes a copy a snapshot: written last, so a copy without it was never finished."""

    snapshot: str
    created: float
    """Wall clock, seconds since the epoch."""
    format: int
    epoch: int
    size: int
    """Bytes."""
    sha256: str


def take(source: Path, *, created: float, keep: int, steps: tuple[schema.Step, ...], at: At) -> Manifest:
    """Copies the store (`VACUUM INTO`), checks the copy, gives it a manifest, and removes all but the newest `keep`.

    Raises:
        StoreUnavailable: There is no room, or the disk refused.
        StoreCorrupted: The copy does not check, so the store is damaged: older snapshots are kept.
    """
    folder = source.parent / FOLDER
    try:
        private_directory(folder)
        _sweep(folder)
        _check_room(source)
        name = f"snapshot-{max(_numbers(folder), default=0) + 1:08d}"
        new, path = folder / f"{name}.db.tmp", folder / f"{name}.db"
        private_file(new)
        with closing(Database(source, "ro")) as database:
            database.rows("PRAGMA query_only = OFF")  # it forbids even the copy; the file is open for reading only
            database.rows("VACUUM INTO ?", (str(new),))
        sync_file(new)
        at("in_snapshot")
        manifest = _described(name, new, created, inspect(new, steps))
        new.replace(path)
        sync_directory(folder)
        at("snapshot_before_manifest")
        write_whole(folder / f"{name}.json", msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        at("snapshot_before_pruning")
        _prune(folder, keep)
    except OSError as error:
        raise StoreUnavailable(f"{folder}: A snapshot cannot be written ({error.strerror}).") from None
    finally:
        with suppress(OSError):
            _sweep(folder)
    return manifest


def restore(
    directory: Path, target: Path, *, steps: tuple[schema.Step, ...], facts: StoreFacts, at: At
) -> Manifest | None:
    """Puts the newest good snapshot where the store was; `None` when there is none.

    Raises:
        StoreUnavailable: The disk refused.
    """
    folder = directory / FOLDER
    for number in sorted(_numbers(folder), reverse=True):
        name = f"snapshot-{number:08d}"
        manifest = _good(folder, name, facts)
        if manifest is None:
            continue
        try:
            inspect(folder / f"{name}.db", steps)
            copy_whole(folder / f"{name}.db", target)
        except (StoreCorrupted, StoreTooNew) as error:
            facts.snapshot_ignored(name, str(error))
            continue
        except OSError as error:
            raise StoreUnavailable(f"{target}: The snapshot cannot be restored ({error.strerror}).") from None
        at("in_restore")
        return manifest
    return None


def any_in(directory: Path) -> bool:
    """Whether there is a snapshot, good or not."""
    return bool(_numbers(directory / FOLDER))


def _good(folder: Path, name: str, facts: StoreFacts) -> Manifest | None:
    try:
        manifest = msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=Manifest)
        path = folder / f"{name}.db"
        if path.stat().st_size == manifest.size and sha256(path) == manifest.sha256:
            return manifest
        reason = "It differs from its manifest."
    except msgspec.MsgspecError:
        reason = "Its manifest cannot be read."
    except OSError as error:
        reason = f"It cannot be read ({error.strerror})."
    facts.snapshot_ignored(name, reason)
    return None


def _described(name: str, path: Path, created: float, number: int) -> Manifest:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        epoch = schema.get_meta(connection, "epoch") or 0
    return Manifest(name, created, number, epoch, path.stat().st_size, sha256(path))


def _check_room(source: Path) -> None:
    size = source.stat().st_size
    free = shutil.disk_usage(source.parent).free
    if free < size + _SPARE:
        raise StoreUnavailable(
            f"{source.parent}: There is no room for a snapshot: {size + _SPARE:,} bytes are needed, {free:,} are free."
        )


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return [int(found.group(1)) for path in folder.iterdir() if (found := _NAME.fullmatch(path.name))]


def _prune(folder: Path, keep: int) -> None:
    for number in sorted(_numbers(folder), reverse=True)[keep:]:
        # The manifest goes first: a snapshot half removed is none.
        (folder / f"snapshot-{number:08d}.json").unlink(missing_ok=True)
        (folder / f"snapshot-{number:08d}.db").unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Removes what was never finished."""
    finished = {f"snapshot-{number:08d}" for number in _numbers(folder)}
    for path in folder.glob("snapshot-*"):
        if path.name.partition(".")[0] not in finished or path.suffix not in {".db", ".json"}:
            path.unlink(missing_ok=True)
