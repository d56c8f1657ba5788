"""Runs the tree of a built image as a restricted pod would have it run: `python -m tests.packaging.image_run ROOT`.

The last part of `make image-check`: the entry point with its own interpreter, a replay of the fixture that equals that
of the checkout, the service until it is ready, and its end.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.packaging.dockerfile import ROOT, environment, stages
from tests.processors import kept_waiting

FIXTURE = ROOT / "tests" / "fixtures" / "records" / "every_category.jsonl"
PORT = 19464


def _container(root: Path, data: Path, *arguments: str) -> list[str]:
    """The command that runs the entry point of the image in its own tree, read-only but for the data directory."""
    script = [
        "mount --make-rprivate /",
        f"mount --bind {root} {root} && mount --bind {data} {root}/data",
        f"mount -t tmpfs -o mode=1777,size=64m tmp {root}/tmp",
        f"mount --bind {FIXTURE.parent} {root}/mnt && mount --rbind /proc {root}/proc",
        f"for each in null urandom; do test -e {root}/dev/$each || : >{root}/dev/$each; "
        f"mount --bind /dev/$each {root}/dev/$each; done",
        f"mount -o remount,ro,bind {root}",
        f"exec {shutil.which('chroot')} {root} /usr/bin/setpriv --reuid 65532 --regid 65532 --clear-groups "
        '--no-new-privs --bounding-set=-all --inh-caps=-all -- /app/bin/agent-detector "$@"',
    ]
    return ["unshare", "--mount", "--", "/bin/sh", "-ec", "\n".join(script), "image", *arguments]


def _ready() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main(root: Path) -> None:
    """Raises AssertionError when the image does not do what it should."""
    (_, runtime) = stages()
    variables = environment(runtime)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        os.chown(data, 65532, 65532)
        replay = ("replay", f"/mnt/{FIXTURE.name}", "--json", "--no-progress")
        inside = subprocess.run(_container(root, data, *replay), env=variables, capture_output=True, check=True)
        here = ["replay", str(FIXTURE), "--json", "--no-progress"]
        outside = subprocess.run([sys.executable, "-m", "detector", *here], cwd=ROOT, capture_output=True, check=True)
        assert inside.stdout == outside.stdout != b"", inside.stderr.decode()
        alerts = [json.loads(line) for line in inside.stdout.splitlines()]

        (data / "detector.yaml").write_text(
            f"source: {{files: {{path: /mnt}}}}\nstore: {{min_free: 0}}\ntelemetry: {{host: 0.0.0.0, port: {PORT}}}\n"
        )
        began = time.monotonic()
        with subprocess.Popen(
            _container(root, data, "run", "--config", "/data/detector.yaml"),
            env=variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as service:
            try:
                while not _ready():
                    assert service.poll() is None, service.stderr.read().decode() if service.stderr else ""
                    assert time.monotonic() < began + 60
                    time.sleep(0.02)
                took = time.monotonic() - began - kept_waiting(service.pid)
                status = Path(f"/proc/{service.pid}/status").read_text(encoding="utf-8")
            finally:
                service.terminate()
                service.communicate(timeout=45)
        assert service.returncode == 0
        assert (data / "store.db").is_file(), list(data.iterdir())
    state = dict(line.split(":", 1) for line in status.splitlines())
    assert state["CapBnd"].strip() == state["CapEff"].strip() == "0" * 16
    resident = int(state["VmRSS"].split()[0]) // 1024
    sys.stdout.write(
        f"The image replays ({len(alerts)} alerts), is ready after {took:.1f} s with {resident} MiB, stops.\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
