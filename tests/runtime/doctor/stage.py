"""A configuration to be examined, a hub on loopback, and the report by name of the check."""

from __future__ import annotations

import gc
import io
import time
from pathlib import Path
from typing import Any

import yaml

from detector.config.load import load
from detector.runtime.doctor.examination import examine
from detector.runtime.doctor.results import Report, Result
from detector.runtime.doctor.world import Limits, World
from tests.hub import Server, abort_leftovers

CANARY = "6f1e8a52-0000-4000-8000-0000000ca4a7"
TENANT = "7a1e8a52-0000-4000-8000-000000000007"
AGENT = "6f1e8a52-0000-4000-8000-000000000001"


def _no_credential() -> Any:
    raise AssertionError("no sink of this test needs an identity")


class Examined:
    """A folder with a configuration in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "detector.yaml"
        self.stdout = io.BytesIO()
        self.document: dict[str, Any] = {
            "store": {"directory": str(folder / "state"), "min_free": 0.0},
            "telemetry": {"port": 0},
        }

    def hub(self, server: Server, *, connection_string: str | None = None, **more: Any) -> None:
        """Reads a hub by a connection string."""
        secret = self.folder / "connection"
        secret.write_text(connection_string or server.connection_string(), encoding="utf-8")
        hub = {"connection_string_file": str(secret), "socket_timeout": 0.2, **more}
        self.document["source"] = {"event_hubs": hub}

    def files(self, path: Path | str) -> None:
        self.document["source"] = {"files": {"path": str(path)}}

    def write(self) -> Path:
        self.config.write_text(yaml.safe_dump(self.document), encoding="utf-8")
        return self.config

    async def report(self, *, send: bool = False, alone: bool = True, **changes: Any) -> Report:
        """Examines; `alone` is whether nobody else has connections in this loop."""
        values: dict[str, Any] = {
            "now": time.time,  # noqa: TID251 -- the clock of the hub and the servers of a test is the real one
            "monotonic": time.monotonic,
            "stdout": self.stdout,
            "credential": _no_credential,
            # Long enough for a slow machine: a test that is about a limit says which.
            "limits": Limits(each=30.0, total=150.0, close=30.0),
            **changes,
        }
        try:
            return await examine(load(self.write()), World(**values), send=send)
        finally:
            if alone:
                # Sockets that the SDK forgets; see there.
                await abort_leftovers()
            gc.collect()

    async def results(self, **order: Any) -> dict[str, Result]:
        report = await self.report(**order)
        named = {result.check: result for result in report.results}
        assert len(named) == len(report.results), "a check has one result"
        return named


def verdicts(results: dict[str, Result]) -> dict[str, str]:
    return {name: result.verdict for name, result in results.items()}
