"""What a container runtime does for a restricted pod, done with mounts and `setpriv`: no engine is needed, but root is.

A new root is put together out of read-only mounts; only the places that are said to be writable are. The process in it
is user and group 65532, without a capability, and can never gain one.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

USER: Final = 65532
_DEVICES: Final = ("null", "zero", "random", "urandom")


def impossible() -> str | None:
    """Why there can be no sandbox here, if so."""
    if os.geteuid() != 0:
        return "root, to mount"
    for command in ("unshare", "setpriv", "chroot", "mount"):
        if shutil.which(command) is None:
            return f"{command} (Debian: util-linux, coreutils)"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "the right to make a mount namespace"


def started(
    root: Path,
    command: Sequence[str],
    *,
    readable: Mapping[str, Path],
    writable: Mapping[str, Path],
    environment: Mapping[str, str],
    **more: Any,
) -> subprocess.Popen[bytes]:
    """Starts a command in a sandbox whose root is mounted at a folder. Its process id is that of the command itself."""
    script = [
        "mount --make-rprivate /",
        f"mount -t tmpfs -o mode=0755 sandbox {shlex.quote(str(root))}",
        f"cd {shlex.quote(str(root))}",
        "mkdir usr etc proc dev tmp",
        "for each in bin lib lib64 sbin; do ln -s usr/$each $each; done",
        "mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev tmp tmp",
        "mount --rbind /proc proc",
        *(f"touch dev/{each} && mount --bind /dev/{each} dev/{each}" for each in _DEVICES),
        *_bound("/usr", Path("/usr")),
        *_bound("/etc", Path("/etc")),
        *_bound(sys.base_prefix, Path(sys.base_prefix)),
        *(line for target, source in readable.items() for line in _bound(target, source)),
        *(line for target, source in writable.items() for line in _bound(target, source, writable=True)),
        "mount -o remount,ro sandbox .",
        f"exec {shutil.which('chroot')} . /usr/bin/setpriv --reuid {USER} --regid {USER} --clear-groups --no-new-privs "
        '--bounding-set=-all --inh-caps=-all -- "$@"',
    ]
    root.mkdir(exist_ok=True)
    return subprocess.Popen(
        ["unshare", "--mount", "--", "/bin/sh", "-ec", "\n".join(script), "sandbox", *command],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        **more,
    )


def _bound(target: str, source: Path, *, writable: bool = False) -> list[str]:
    inside, outside = shlex.quote(target.lstrip("/")), shlex.quote(str(source))
    made = f"mkdir -p {inside}" if source.is_dir() else f"mkdir -p $(dirname {inside}) && touch {inside}"
    bound = f"mount --bind {outside} {inside}"
    return [made, bound] if writable else [made, bound, f"mount -o remount,ro,bind {inside}"]
