"""The project keeps its own house rules: what the linters cannot say, said here."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import detector

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "detector").rglob("*.py"))
LOCKS = ("requirements.lock", "requirements-dev.lock")
LONGEST_MODULE = 500

UNSAFE = frozenset({"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"})
"""Modules whose files can run code when they are read."""

# Put together from pieces, so that this file does not break its own rule.
MACHINE_PATHS = tuple(f"/{name}/" for name in ("work", "root", "home/runner"))
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
    )
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked_files() -> list[Path]:
    """Everything that is or would be in the repository."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return sorted(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def imports_of(source: str) -> set[str]:
    """Top-level names of everything a module imports, wherever in it, by statement or by call with a literal."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=aliases):
                names.update(alias.name for alias in aliases)
            case ast.ImportFrom(module=str(module)):
                names.add(module)
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                names.add(module)
    return {name.partition(".")[0] for name in names}


def lock_pins(name: str) -> dict[str, list[str]]:
    """Requirement lines of a lock and, for each, its hashes."""
    pins: dict[str, list[str]] = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        text = line.strip().removesuffix("\\").strip()
        if text.startswith("--hash="):
            pins[next(reversed(pins))].append(text.removeprefix("--hash="))
        elif text and not text.startswith("#"):
            pins[text] = []
    return pins


# ------------------------------------------------------------------------------------------------ make


def test_make_alone_explains_every_target_that_a_person_may_want() -> None:
    shown = subprocess.run(("make", "--silent"), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^ +make ([a-z-]+) ", shown, flags=re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    declared = set(re.findall(r"^\.PHONY: ([a-z-]+)$", makefile, flags=re.MULTILINE))
    assert {"demo", "test", "bench", "lint", "types", "lock", "fuzz", "clean"} <= listed
    assert listed == declared


def test_ci_runs_what_a_person_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert "make test" in script.read_text(encoding="utf-8")
    assert script.stat().st_mode & 0o111


# ----------------------------------------------------------------------------------------------- locks


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_registry(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").lower()
    for word in ("://", "index-url", "find-links", "trusted-host", "file:", "@ "):
        assert word not in text


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_one_version_and_its_hashes_for_everything(name: str) -> None:
    pins = lock_pins(name)
    assert pins
    for requirement, hashes in pins.items():
        assert re.match(r"[a-z0-9-]+==([0-9]+!)?[0-9][0-9a-z.]*( ; .+)?$", requirement), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), requirement


def test_the_locks_agree_and_hold_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime, dev = (lock_pins(name) for name in LOCKS)

    def declared(requirements: list[str]) -> set[str]:
        return {re.split(r"[<>=!~ ;\[]", text, maxsplit=1)[0].lower().replace("_", "-") for text in requirements}

    def locked(pins: dict[str, list[str]]) -> set[str]:
        return {requirement.partition("==")[0] for requirement in pins}

    assert runtime.items() <= dev.items()
    assert declared(project["project"]["dependencies"]) <= locked(runtime)
    assert declared(project["dependency-groups"]["dev"]) <= locked(dev)


def test_every_declared_dependency_is_accounted_for_in_the_documents() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for requirement in (*project["project"]["dependencies"], *project["dependency-groups"]["dev"]):
        name = re.split(r"[<>=!~ ;\[]", requirement, maxsplit=1)[0]
        assert f"| {name} |" in page, f"docs/dependencies.md has no row for {name}"


# ---------------------------------------------------------------------------------------------- source


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_and_stays_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source)), "give the module a docstring"
    assert len(source.splitlines()) <= LONGEST_MODULE, "split the module"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_can_load_a_file_that_runs_code(path: Path) -> None:
    assert not imports_of(path.read_text(encoding="utf-8")) & UNSAFE


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import json, pickle as p",
        "def f():\n    from joblib.numpy_pickle import load",
        "__import__('dill')",
        "importlib.import_module('shelve')",
    ],
)
def test_the_check_for_unsafe_imports_sees_every_way_to_import(source: str) -> None:
    assert imports_of(source) & UNSAFE


def test_every_room_is_a_package_with_a_sentence() -> None:
    for room in (path for path in (ROOT / "detector").iterdir() if path.is_dir() and not path.name.startswith("_")):
        assert (room / "__init__.py").is_file(), f"{room.name} has no __init__.py"


# ------------------------------------------------------------------------------------------ repository


def test_no_file_names_a_machine_or_a_registry() -> None:
    guilty = []
    for path in tracked_files():
        text = path.read_bytes()
        # A path in prose or code, not the tail of a longer one.
        machine = any(re.search(rb"(?<![\w.}/-])" + re.escape(word.encode()), text) for word in MACHINE_PATHS)
        if machine or any(host.encode() in text for host in REGISTRY_HOSTS):
            guilty.append(name_of(path))
    assert not guilty


def test_the_changelog_has_a_section_for_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in text or f"## [{detector.__version__}]" in text
