"""The store: may it be written, who has it, is it whole, and do its positions belong to the hub."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from detector.runtime.doctor.results import Result, ago, unchecked
from detector.stores import schema, snapshots
from detector.stores.alerts import FILE
from detector.stores.database import Database
from detector.stores.errors import StoreCorrupted, StoreError, StoreTooNew
from detector.stores.integrity import inspect
from detector.stores.lock import NAME
from detector.stores.reading import load

if TYPE_CHECKING:
    from detector.config.store import StoreSettings
    from detector.domain.delivery import Position

_GIB: Final = 2**30


@dataclass(slots=True)
class StoreFindings:
    """All that was found out about the store."""

    results: list[Result] = field(default_factory=list)
    held: bool = False
    """Whether a process works on it now."""
    epoch: int | None = None
    """Epoch, which is also the owner level, of whoever had it last; `None` when there is no store yet."""
    positions: Mapping[str, Position] = field(default_factory=dict)
    identities: Mapping[str, str] = field(default_factory=dict)


def store(settings: StoreSettings, now: float, found: StoreFindings) -> StoreFindings:
    """Looks at the directory and what is in it, and changes nothing there; fills in `found` as it goes."""
    directory = settings.directory
    found.results += [_directory(directory), _space(settings)]
    lock = _lock(directory)
    found.held = lock.details.get("held") is True
    found.results.append(lock)
    path = directory / FILE
    try:
        there = path.is_file()
    except OSError:
        there = False
    if not there:
        found.results += (unchecked(name, "There is no store yet.") for name in ("store.integrity", "store.content"))
        return found
    found.results += [_integrity(path, held=found.held), _content(path, found)]
    found.results += _snapshots(settings, now, held=found.held)
    return found


def _directory(directory: Path) -> Result:
    """Whether a file can be made there; a directory that is missing would be made by the service."""
    check = "store.directory"
    place = _nearest(directory)
    made = "" if place == directory else " The directory will be made."
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Result(
            check=check,
            verdict="failed",
            found=f"{directory}: No file can be written in {place} ({error.strerror}).",
            meaning="The service does not start without its store.",
            advice="Mount a volume there that the user of the service may write to (fsGroup in Kubernetes), or name "
            "another `store.directory`.",
        )
    return Result(check=check, verdict="ok", found=f"{directory} can be written.{made}")


def _nearest(directory: Path) -> Path:
    """The directory, or the nearest one above it that is there or may not be looked into."""
    try:
        while not directory.exists() and directory != directory.parent:
            directory = directory.parent
    except OSError:
        pass
    return directory


def _space(settings: StoreSettings) -> Result:
    place = _nearest(settings.directory)
    try:
        usage = shutil.disk_usage(place)
    except OSError as error:
        return unchecked("store.space", f"{place}: It cannot be looked at ({error.strerror}).")
    ratio = usage.free / usage.total if usage.total else 0.0
    details = {"free_bytes": usage.free, "free_ratio": round(ratio, 4), "least_ratio": settings.min_free}
    found = f"{usage.free / _GIB:,.1f} GiB are free ({ratio:.0%})."
    if ratio < settings.min_free:
        return Result(
            check="store.space",
            verdict="failed",
            found=found,
            meaning=f"Below {settings.min_free:.0%} (`store.min_free`) the service stops reading.",
            advice="Make room, or enlarge the volume.",
            details=details,
        )
    if ratio < 1.5 * settings.min_free:
        return Result(
            check="store.space",
            verdict="warning",
            found=found,
            meaning=f"It is not far to {settings.min_free:.0%}, below which the service stops reading.",
            advice="Make room, or enlarge the volume.",
            details=details,
        )
    return Result(check="store.space", verdict="ok", found=found, details=details)


def _lock(directory: Path) -> Result:
    """Who holds it. A shared lock, kept for an instant, is what cannot be had while somebody works on the store."""
    check = "store.lock"
    try:
        handle = os.open(directory / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Result(
            check=check, verdict="ok", found="No process was ever at work on this store.", details={"held": False}
        )
    except OSError as error:
        return Result(
            check=check,
            verdict="failed",
            found=f"{directory / NAME}: It cannot be read ({error.strerror}).",
            meaning="The service needs it to keep a second one away.",
            advice="Run this as the user of the service; if you do, give that user the files of the store.",
        )
    try:
        said = _said(os.read(handle, 4096))
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            who = (
                f"process {said.get('pid')} on {said.get('host')}" if said else "a process that has not said who it is"
            )
            found = f"A service is at work on it: {who}."
            return Result(check=check, verdict="ok", found=found, details={"held": True, **said})
        return Result(check=check, verdict="ok", found="No process is at work on it.", details={"held": False})
    finally:
        os.close(handle)


def _said(text: bytes) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(said, dict):
        return {}
    return {
        name: said[name]
        for name, kind in (("pid", int), ("host", str), ("epoch", int))
        if isinstance(said.get(name), kind)
    }


def _integrity(path: Path, *, held: bool) -> Result:
    check = "store.integrity"
    if held:
        # A commit between two of its questions would look like damage.
        return unchecked(
            check, "A service is at work on it, which checked all of it when it started, and does with every snapshot."
        )
    try:
        number = inspect(path, schema.STEPS)
    except StoreCorrupted as error:
        return Result(
            check=check,
            verdict="failed",
            found=f"The store is damaged. {error}",
            meaning="At its next start the service moves it aside, restores the newest good snapshot and reads on from "
            "there.",
            advice="Look for the cause: the disk, a network file system, a copy made of the live files.",
        )
    except StoreError as error:
        return Result(
            check=check,
            verdict="failed",
            found=str(error),
            meaning="The service does not start on it.",
            advice="Use the release that wrote it or a later one."
            if isinstance(error, StoreTooNew)
            else "Run this as the user of the service; if you do, give that user the files of the store.",
        )
    return Result(
        check=check, verdict="ok", found=f"Every row of it is whole (format {number}).", details={"format": number}
    )


def _content(path: Path, found: StoreFindings) -> Result:
    check = "store.content"
    try:
        with closing(Database(path, "ro", busy_seconds=2.0)) as database:
            with database.reading() as connection:
                number = connection.execute("PRAGMA user_version").fetchone()[0]
                if number > len(schema.STEPS):
                    return unchecked(check, f"The store has format {number}, which this release does not know.")
                found.epoch = schema.get_meta(connection, "epoch")
            loaded = load(database, "kept")
    except StoreError as error:
        return unchecked(check, str(error))
    found.positions, found.identities = loaded.positions, loaded.identities
    received, applied = loaded.counters.get("received", 0), loaded.counters.get("applied", 0)
    older = "" if number == len(schema.STEPS) else " It is converted at the next start."
    return Result(
        check=check,
        verdict="ok",
        found=f"Format {number}, epoch {found.epoch}: {received:,} records received so far, {applied:,} judged.{older}",
        details={
            "format": number,
            "epoch": found.epoch,
            "counters": loaded.counters,
            "positions": {partition: position.sequence for partition, position in loaded.positions.items()},
        },
    )


def _snapshots(settings: StoreSettings, now: float, *, held: bool) -> Iterator[Result]:
    check = "store.snapshots"
    folder = settings.directory / snapshots.FOLDER
    manifests: list[Path] = []
    try:
        manifests = sorted(folder.glob("snapshot-*.json"))
        created = [json.loads(manifest.read_bytes())["created"] for manifest in manifests[-1:]]
    except (OSError, ValueError, KeyError, TypeError):
        created = []
    if not created:
        if held:
            yield unchecked(check, "There is no snapshot yet.")
        return
    age = now - float(created[0])
    found = f"{len(manifests)} snapshots, the newest {ago(age)} old."
    if held and age > 3 * settings.snapshot_every:
        yield Result(
            check=check,
            verdict="warning",
            found=found,
            meaning="The service at work should have taken one since. Its log says why it could not.",
            advice="Look for room on the disk, and for the line store_snapshot_failed.",
        )
        return
    yield Result(check=check, verdict="ok", found=found)
