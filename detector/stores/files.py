"""Files that are there as a whole or not at all, and for their owner only."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from shutil import copyfileobj

from detector.stores.errors import StoreUnavailable

_BLOCK = 2**20


def private_directory(path: Path) -> None:
    """Makes a directory that only its owner may enter; one that is there already stays as it is.

    Raises:
        StoreUnavailable: It cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"{path}: The directory cannot be made ({error.strerror}). Name another, or change its rights."
        ) from None


def private_file(path: Path) -> None:
    """Makes an empty file, or takes rights away from one that is there, so that only its owner may read it."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file that is there as a whole or not at all, even if power fails."""
    new = path.with_name(path.name + ".tmp")
    private_file(new)
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_directory(path.parent)


def copy_whole(source: Path, path: Path) -> None:
    """Copies a file, likewise."""
    new = path.with_name(path.name + ".tmp")
    private_file(new)
    with source.open("rb") as origin, new.open("wb") as file:
        copyfileobj(origin, file, _BLOCK)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_directory(path.parent)


def sync_file(path: Path) -> None:
    """Waits until the disk has the content of a file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Waits until the disk has the names in a directory."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
