"""Compiles the `.pyx` files of `SOURCES` when the package is built or installed from a checkout.

The product works without it, more slowly: where there is no C compiler or no Python.h, the build says so and goes on.
With `CI=true` it fails instead, because then everything is to be there.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = (
    Path("detector/decode/scanning.pyx"),
    Path("detector/engine/steady.pyx"),
    Path("detector/engine/newness.pyx"),
    Path("detector/engine/attending.pyx"),
)


class Compile(BuildHookInterface):  # type: ignore[type-arg]
    """The hook that hatchling calls."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 -- the interface
        """Compiles in place and has the result taken into the wheel."""
        if self.target_name != "wheel":
            return
        for source in SOURCES:
            self._build(Path(self.root), source, build_data)

    def _build(self, root: Path, path: Path, build_data: dict[str, Any]) -> None:
        """Makes one module, unless it is newer than its source."""
        built = root / path.with_suffix(str(sysconfig.get_config_var("EXT_SUFFIX")))
        source = root / path
        sources = [source, *source.parent.glob("*.pxi"), Path(__file__)]
        if built.exists() and built.stat().st_mtime > max(each.stat().st_mtime for each in sources):
            self._take(built, build_data)
            return
        try:
            compiled(source, root / "build" / f"{path.stem}.c", built)
        except (ImportError, OSError, subprocess.CalledProcessError) as error:
            if os.environ.get("CI") == "true":
                raise
            self.app.display_warning(
                f"{path} was not compiled ({error}). Everything works without it, at about half the speed; "
                "for it, install a C compiler and the headers of Python."
            )
            built.unlink(missing_ok=True)
            return
        self._take(built, build_data)

    def _take(self, built: Path, build_data: dict[str, Any]) -> None:
        """Has the module taken into the wheel, which then is one for this interpreter and platform."""
        build_data["artifacts"].append(built.relative_to(self.root).as_posix())
        build_data["pure_python"] = False
        build_data["infer_tag"] = True


def compiled(source: Path, through: Path, target: Path) -> None:
    """Cython to C to a module of this interpreter.

    Raises:
        ImportError: There is no Cython.
        OSError: There is no compiler.
        CalledProcessError: The compiler refused, most often because Python.h is missing.
    """
    from Cython.Compiler.Main import compile as to_c

    through.parent.mkdir(exist_ok=True)
    done = to_c(str(source), output_file=str(through), language_level=3)
    if done.num_errors:
        raise ImportError("Cython refused the source")
    compiler = shlex.split(os.environ.get("CC") or str(sysconfig.get_config_var("CC") or "cc"))
    command = [*compiler, "-O3", "-fPIC", "-shared", "-fno-strict-aliasing", "-ffp-contract=off", "-DNDEBUG", "-w"]
    command += [f"-I{sysconfig.get_path('include')}", str(through), "-o", str(target)]
    subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603 -- the compiler Python was built with
