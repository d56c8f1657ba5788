"""A real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.browser import Viewer, flags


def missing(what: str) -> None:
    assert os.environ.get("CI") != "true", what
    pytest.skip(what)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Of one module: while it is open, playwright's event loop runs in this thread, and other tests could have none."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        missing("Chromium is not installed: install the package `chromium`, or name it in CHROMIUM.")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed: make venv.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags(), timeout=150_000)
        yield browser
        browser.close()


@pytest.fixture
def view(chromium: Any, tmp_path: Path) -> Iterator[Viewer]:
    viewer = Viewer(chromium, tmp_path)
    yield viewer
    viewer.close()
