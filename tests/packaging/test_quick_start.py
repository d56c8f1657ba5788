"""The five minutes of the README, command by command, in a copy of the checkout in which nobody was before."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE: Final = 600.0
"""Seconds for one command: the whole takes less than a minute on an idle machine, and this one may be busy."""
FOREIGN: Final = ("MAKE", "MFLAGS", "PYTHON", "COV", "PYTEST", "VIRTUAL_ENV")
"""What a person who has just cloned the repository has no variables of."""

pytestmark = pytest.mark.slow


class Done(NamedTuple):
    """A command and what came of it."""

    command: str
    code: int
    output: str
    complaint: str
    seconds: float

    def __str__(self) -> str:
        return f"`{self.command}` ended with {self.code} after {self.seconds:.0f} s\n{self.output}\n{self.complaint}"


def commands(page: str, heading: str = "First alert in five minutes") -> list[str]:
    """What a reader of a quick start types: the commands of its fenced shell blocks, in order.

    A command is a line, with those that it continues on and with the text that it takes from the lines below it.
    """
    (section,) = re.findall(rf"^## {re.escape(heading)}$(.+?)^## ", page, re.DOTALL | re.MULTILINE)
    return [
        command
        for block in re.findall(r"^```sh\n(.+?)^```$", section, re.DOTALL | re.MULTILINE)
        for command in _of(block)
    ]


def _of(block: str) -> Iterator[str]:
    lines = iter(block.splitlines())
    for line in lines:
        command = line
        while command.endswith("\\"):
            command += f"\n{next(lines)}"
        taken = re.search(r"<<'?(\w+)'?", line)
        if taken is not None:
            for text in lines:
                command += f"\n{text}"
                if text == taken[1]:
                    break
        if command.strip():
            yield command


def carried_out(command: str, folder: Path) -> Done:
    """Runs a command as a shell of somebody else would."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    begun = time.monotonic()
    done = subprocess.run(
        ("bash", "-c", command),
        cwd=folder,
        env={**environment, "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return Done(command, done.returncode, done.stdout, done.stderr, time.monotonic() - begun)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy without anything that was made in it, but with this environment: `make venv` needs a package index."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    folder = tmp_path_factory.mktemp("quick-start") / "entra-agent-detector"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "build", "dist", "__pycache__", "*.egg-info"))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    # Else the first command would install the copy in the environment of the checkout.
    fresh = carried_out("make --question .venv/.ready", folder)
    assert fresh.code == 0, "the environment is older than what it is made of: say `make venv`"
    return folder


def test_the_commands_are_those_that_a_reader_sees() -> None:
    page = (
        "## First alert in five minutes\n\nText.\n\n"
        "```sh\none --more \\\n  and more\n\ncat >file <<'END'\na: 1\nEND\ntwo\n```\n"
        "\n```yaml\nnot: this\n```\n\n```sh\nthree\n```\n\n## Live\n\n```sh\nfour\n```\n\n## End\n"
    )
    assert commands(page) == ["one --more \\\n  and more", "cat >file <<'END'\na: 1\nEND", "two", "three"]


def test_the_quick_start_does_what_it_says(checkout: Path) -> None:
    told = []
    for command in commands((checkout / "README.md").read_text(encoding="utf-8")):
        done = carried_out(command, checkout)
        assert done.code == 0, str(done)
        told.append(done.output)
    demo, listed, _, checked, replayed = told
    for shown in (demo, listed, replayed):
        assert re.search(r"^2\d{3}-\d\d-\d\d \d\d:\d\d(:\d\d)? +CRITICAL", shown, re.MULTILINE), shown
    assert "pipelines.yaml is valid" in checked
    assert (checkout / "build" / "demo" / "events.jsonl").exists(), "what the demo found stays"


def test_a_command_that_is_wrong_is_noticed(checkout: Path) -> None:
    for command in commands((checkout / "README.md").read_text(encoding="utf-8")):
        if command.startswith(".venv/bin/"):
            wrong = re.sub(r"--([a-z])", r"--un\1", command, count=1)
            assert wrong != command
            assert carried_out(wrong, checkout).code != 0, wrong
    assert carried_out("make demos", checkout).code != 0
