"""JSON lines in a file: alerts, or the records that could not be used."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from detector.domain.alerts import Alert
from detector.domain.quarantine import Quarantined
from detector.errors import UsageError
from detector.sinks.encoding import alert_document, json_line


class JsonFile:
    """A file of JSON lines, opened at once, so that a path that cannot be written is known before the work begins.

    Args:
        path: Where; directories on the way are made.
        append: Whether to go on behind what the file holds, instead of replacing it.
        keep: With `append`, how many bytes of it stay; what is behind them is removed.

    Raises:
        UsageError: The file cannot be opened for writing.
    """

    def __init__(self, path: Path, *, append: bool = False, keep: int | None = None) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab" if append else "wb")
            if keep is not None:
                if self._file.tell() < keep:
                    raise UsageError(f"{path}: The file is shorter than it was when the replay was interrupted.")
                self._file.truncate(keep)
        except OSError as error:
            raise UsageError(f"{path}: The file cannot be written ({error.strerror}). Choose another path.") from None

    def deliver(self, alert: Alert) -> None:
        """Writes an alert; `docs/alert.schema.json` says how it reads."""
        self._file.write(json_line(alert_document(alert)))

    def keep(self, quarantined: Quarantined) -> None:
        """Writes a record that could not be used: `reason`, `detail`, `place`, `size`, `sha256`, `data` (Base64)."""
        self._file.write(
            json_line(
                {
                    "reason": quarantined.reason,
                    "detail": quarantined.detail,
                    "place": quarantined.place,
                    "size": quarantined.size,
                    "sha256": quarantined.sha256,
                    "data": base64.b64encode(quarantined.data).decode("ascii"),
                }
            )
        )

    def settle(self) -> int:
        """Returns once all lines are on the disk; how long the file is."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Writes out what is still buffered."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
