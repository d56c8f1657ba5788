"""The wheel holds what a checkout holds, and works where there is no checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import detector
from detector.decode import compiled

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / ".venv" / "wheels"
"""Wheels of the lock, kept by `make venv`."""

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command away from the checkout and give what it printed; its complaint becomes the failure."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "PIP_"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout with the locked build backend."""
    folder = tmp_path_factory.mktemp("dist")
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", "wheel", *options, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_code_typing_marker_configuration_and_models(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    checkout = {
        f"{target}/{path.relative_to(ROOT / source).as_posix()}"
        for source, target in (
            ("detector", "detector"),
            ("config", "detector/_data/config"),
            ("models", "detector/_data/models"),
        )
        for path in (ROOT / source).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "detector/py.typed" in names
    assert any(name.startswith("detector/_data/config/") for name in names)
    assert {name for name in names if not re.match(r"entra_agent_detector-[^/]+\.dist-info/", name)} == checkout


def test_the_wheel_works_in_a_clean_environment_with_only_the_runtime_lock(wheel: Path, tmp_path: Path) -> None:
    if not WHEELS.is_dir():
        if os.environ.get("CI"):
            pytest.fail("CI has no .venv/wheels: run the tests with `make test`.")
        pytest.skip("needs the wheels that `make venv` keeps")
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    # uv, because it takes a quarter of the time of pip, with which tests/packaging/test_sandbox.py installs the same.
    python = tmp_path / "venv" / "bin" / "python"
    uv = (Path(sys.executable).with_name("uv"), "--no-config", "--offline", "--quiet", "pip")
    # Beside its target, so that it links and need not copy.
    place = ("--python", python, "--cache-dir", tmp_path / "unpacked", "--link-mode", "hardlink")
    install = (*uv, "install", *place, "--no-index", "--find-links", WHEELS)
    run(*install, "--require-hashes", "-r", ROOT / "requirements.lock", cwd=tmp_path)
    run(*install, "--no-deps", wheel, cwd=tmp_path)
    run(*uv, "check", "--python", python, cwd=tmp_path)
    command = tmp_path / "venv" / "bin" / "agent-detector"
    assert detector.__version__ in run(command, "--version", cwd=tmp_path)
    for room in ("decode", "engine"):
        asked = f"from detector.{room} import compiled; print(compiled.COMPILED)"
        assert run(tmp_path / "venv" / "bin" / "python", "-c", asked, cwd=tmp_path).strip() == str(compiled.COMPILED)
    assert "Usage" in run(command, "--help", cwd=tmp_path)
