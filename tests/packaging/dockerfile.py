"""The Dockerfile, read into instructions, and its steps taken without a container engine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]


class Instruction(NamedTuple):
    """One instruction, e.g. `RUN` and its command."""

    name: str
    text: str


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, the first being its FROM."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found: list[list[Instruction]] = []
    for line in joined.splitlines():
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, rest.strip()))
    return found


def environment(stage: list[Instruction]) -> dict[str, str]:
    """What the ENV instructions of a stage set."""
    pairs = [pair for name, text in stage if name == "ENV" for pair in shlex.split(text)]
    return dict(pair.split("=", 1) for pair in pairs)


def taken(folder: Path, wheels: Path) -> Path:
    """Takes every COPY and RUN of the build stage below a folder, offline, and gives the folder that has become `/app`.

    The absolute places of the build (/app, /build, /wheel, /data, /src) become folders below; pip gets its wheels from
    a directory instead of an index. Nothing else is changed. What `make venv` has compiled comes along, which the build
    hook takes as long as it is newer than its sources: to compile it once more would show nothing new.
    """
    (build, *_) = stages()
    source = folder / "src"
    source.mkdir()
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(sys._base_executable)  # type: ignore[attr-defined]
    variables = environment(build) | {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONFIG_FILE": os.devnull,
    }
    for name, text in build:
        if name == "COPY":
            *origins, target = text.split()
            for origin in origins:
                _copied(ROOT / origin, source / target if target != "./" else source / Path(origin).name)
        elif name == "RUN":
            here = re.sub(r"(?<![\w./-])/(app|build|wheel|data)\b", lambda found: f"{folder}/{found[1]}", text)
            done = subprocess.run(
                ["/bin/sh", "-ec", here], cwd=source, env=variables, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{here}\n{done.stdout}\n{done.stderr}"
    return folder / "app"


def _copied(origin: Path, target: Path) -> None:
    if origin.is_dir():
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copy2(origin, target)  # the build hook looks at what is newer
