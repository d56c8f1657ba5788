"""Real programs beside the service: found, started on a free port, asked until they answer what is wanted."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import Any, NoReturn

import pytest

PATIENCE = 120.0
"""Seconds after which a test gives up on another program. A slow machine needs many, a quiet one next to none."""


def needed(program: str | Path, where: str) -> str:
    """Path of a program; without it a run in CI fails, another skips."""
    return shutil.which(program) or _missing(f"{program} is missing: {where}")


def component(module: str, where: str) -> None:
    """Wants a module that can be imported; without it a run in CI fails, another skips."""
    if importlib.util.find_spec(module) is None:
        _missing(f"The package of {module} is missing: {where}")


def _missing(message: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    """A port that nobody listens at, and that the system gives to nobody who asks for any: not to a client either.

    So it is still free when the program that is to have it has started.
    """
    while True:
        port = SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


@contextmanager
def program(log: Path, *command: str | Path) -> Iterator[None]:
    """A program that runs for as long as it is needed."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)


def fetched(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def eventually(url: str, wanted: Any) -> Any:
    """What an address answers once that is what is wanted: another program starts and works in its own time."""
    deadline = time.monotonic() + PATIENCE
    found: Any = None
    while time.monotonic() < deadline:
        try:
            found = fetched(url)
        except (OSError, urllib.error.URLError):
            found = None
        if found is not None and wanted(found):
            return found
        time.sleep(0.1)
    pytest.fail(f"{url} does not come to what is wanted; last: {str(found)[:500]}")
