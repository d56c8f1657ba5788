"""One process a directory: `flock` on a file that also remembers the highest epoch ever handed out."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from pathlib import Path
from typing import Any, Final

from detector.stores.errors import StoreLocked, StoreUnavailable

NAME: Final = "store.lock"


class Lock:
    """Held from construction to `release`, or to the death of the process.

    Raises:
        StoreLocked: Another process holds it.
        StoreUnavailable: The file cannot be made.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / NAME
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{path}: The lock cannot be made ({error.strerror}).") from None
        self._closed = False
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = _said(os.read(self._file, 4096))
            self.release()
            raise StoreLocked(
                f"{directory}: Another process works on this store ({_who(holder)}). Stop it first, or give this one "
                "a directory of its own."
            ) from None
        text = os.read(self._file, 4096)
        self.used: Final = bool(text)
        """Whether a store was ever open here."""
        self.epoch = _epoch(_said(text))
        """Highest epoch handed out here so far; 0 when none is known."""

    def record(self, epoch: int) -> None:
        """Writes down who holds the lock, and the epoch handed out, so that it rises even if the store is lost.

        Raises:
            StoreUnavailable: The disk refused.
        """
        text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "epoch": epoch}).encode() + b"\n"
        try:
            os.pwrite(self._file, text, 0)
            os.ftruncate(self._file, len(text))
            os.fsync(self._file)
        except OSError as error:
            raise StoreUnavailable(f"{NAME}: The epoch cannot be written ({error.strerror}).") from None
        self.epoch = epoch

    def release(self) -> None:
        """Lets go; a second time does nothing."""
        if not self._closed:
            self._closed = True
            os.close(self._file)


def _said(text: bytes) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _epoch(said: dict[str, Any]) -> int:
    epoch = said.get("epoch")
    return epoch if isinstance(epoch, int) and epoch >= 0 else 0


def _who(said: dict[str, Any]) -> str:
    pid, host = said.get("pid"), said.get("host")
    return f"process {pid} on {host}" if isinstance(pid, int) and isinstance(host, str) else "it has not said who"
