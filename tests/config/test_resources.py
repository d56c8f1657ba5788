"""The tables are found in a checkout and in an installed package, and cost little to import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from detector.config import resources

ROOT = Path(__file__).resolve().parents[2]
MEASURE = """
import time
start = time.process_time()
from pydantic import BaseModel
class Smallest(BaseModel):
    field: int = 0
import yaml, detector.engine.settings, detector.detectors.registry
needed = time.process_time() - start
import detector.config.load, detector.config.build
print(needed, time.process_time() - start)
"""


def test_a_checkout_has_them_beside_the_package() -> None:
    assert str(resources.folder()) == str(ROOT / "config")


def test_an_installed_package_has_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = tmp_path / "_data" / "config"
    packaged.mkdir(parents=True)
    (packaged / "detector.yaml").write_text("scope: agents\n", encoding="utf-8")
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    assert resources.folder() == packaged
    assert resources.text_of("detector.yaml") == "scope: agents\n"


@pytest.mark.untraced
@pytest.mark.slow
def test_importing_it_costs_little_beyond_what_it_stands_on(tmp_path: Path) -> None:
    """Measured against the import of pydantic, yaml and the core, so that the speed of the machine does not matter."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(tmp_path)}
    runs = []
    for _ in range(4):
        done = subprocess.run(
            (sys.executable, "-c", MEASURE), env=environment, capture_output=True, text=True, check=True
        )
        needed, whole = map(float, done.stdout.split())
        runs.append(whole / needed)
    assert min(runs) < 2.0
