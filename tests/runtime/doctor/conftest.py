"""A configuration in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.doctor.stage import Examined


@pytest.fixture
def examined(tmp_path: Path) -> Examined:
    return Examined(tmp_path)
