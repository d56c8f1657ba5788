"""A replay put down on the disk, to be taken up again: memory, place in the archive, counts, and ends of its files.

The file is replaced as a whole, so a process that is killed at any moment leaves the one before. What a later run does
from there on is what this one would have done.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from detector import __version__
from detector.engine.engine import Engine
from detector.engine.state import State
from detector.errors import SnapshotError, UsageError
from detector.runtime.baseline import Taken
from detector.runtime.tally import Tally
from detector.sources.files import SourcePosition

FORMAT: Final = 1
_MAGIC: Final = b"agent-detector checkpoint 1\n"
_DIGEST: Final = 32


class Checkpoint(msgspec.Struct, kw_only=True):
    """All that a later run needs."""

    asked: str
    """Hash of what was asked for: version, configuration, inputs, selection."""
    not_after: float
    """Moment of the first reading, see `detector.runtime.replay.moment_of_reading`."""
    state: bytes
    """See `Engine.snapshot`."""
    position: SourcePosition
    tally: Tally
    ends: dict[str, int]
    """Files that are written, and their lengths."""
    taken: Taken | None = None
    """The snapshot that it began with."""

    def engine_state(self) -> State:
        """The memory of the engine."""
        return State.load(self.state)


def asked(parts: Sequence[object]) -> str:
    """Hash of what a replay depends on, besides the records."""
    text = "\x1f".join(map(str, [__version__, *parts]))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Replaces the file; when it returns, the disk has it.

    Raises:
        UsageError: The disk refused.
    """
    data = msgspec.msgpack.encode(checkpoint)
    new = path.with_name(f"{path.name}.tmp")
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:
            file.write(_MAGIC)
            file.write(hashlib.sha256(data).digest())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise UsageError(f"{path}: The checkpoint cannot be written ({error.strerror}). Choose another path.") from None


def read(path: Path, wanted: str) -> Checkpoint | None:
    """The checkpoint of an interrupted replay; `None` when there is none.

    Raises:
        SnapshotError: It is damaged.
        UsageError: It is of a replay that was asked something else, or it cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: The checkpoint cannot be read ({error.strerror}).") from None
    head, digest = data[: len(_MAGIC)], data[len(_MAGIC) : len(_MAGIC) + _DIGEST]
    body = data[len(_MAGIC) + _DIGEST :]
    if head != _MAGIC or hashlib.sha256(body).digest() != digest:
        raise SnapshotError(
            f"{path}: This is no checkpoint of this release, or it is damaged. Remove it to begin anew."
        )
    try:
        found = msgspec.msgpack.decode(body, type=Checkpoint)
    except msgspec.MsgspecError:
        raise SnapshotError(f"{path}: The checkpoint is of another release. Remove it to begin anew.") from None
    if found.asked != wanted:
        raise UsageError(
            f"{path}: The checkpoint is of a replay with other options, inputs, configuration or release. Give the "
            "same ones, or remove it to begin anew."
        )
    return found


def made(
    *,
    wanted: str,
    not_after: float,
    engine: Engine,
    position: SourcePosition,
    tally: Tally,
    ends: Mapping[str, int],
    taken: Taken | None,
) -> Checkpoint:
    """A checkpoint of this moment, between two chunks."""
    return Checkpoint(
        asked=wanted,
        not_after=not_after,
        state=engine.snapshot(),
        position=position,
        tally=tally,
        ends=dict(ends),
        taken=taken,
    )
