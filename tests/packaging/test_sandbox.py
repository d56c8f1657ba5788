"""The steps of the Dockerfile without an engine; then what they made runs as a restricted pod would have it run."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from detector import __version__
from tests.live.programs import free_port
from tests.packaging import sandbox
from tests.packaging.chart import GOOD, ROOT, merged, missing, only, pod_specs, resources
from tests.packaging.dockerfile import environment, stages, taken
from tests.processors import kept_waiting

FIXTURE = ROOT / "tests" / "fixtures" / "records" / "every_category.jsonl"
PYTHON = str(Path(sys._base_executable).resolve())  # type: ignore[attr-defined]
READY_SECONDS = 5.0
RESIDENT_MIB = 150

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """What the image has as /app; made once, by the first of the workers that needs it."""
    wheels = ROOT / ".venv" / "wheels"
    if not wheels.is_dir():
        missing(".venv/wheels")
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "image"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "made").exists():
            shared.mkdir()
            taken(shared, wheels)
            (shared / "made").touch()
    return shared / "app"


class Box:
    """A place for sandboxes: the image's tree, a directory for data, a configuration."""

    def __init__(self, folder: Path, app: Path) -> None:
        self.folder, self.app = folder, app
        self.data = folder / "data"
        self.data.mkdir()
        shutil.chown(self.data, sandbox.USER, sandbox.USER)
        self.config = folder / "config"
        self.config.mkdir()

    def started(self, *command: str, **more: Any) -> subprocess.Popen[bytes]:
        (_, runtime) = stages()
        return sandbox.started(
            self.folder / "root",
            command,
            readable={"/app": self.app, "/config": self.config, "/records": FIXTURE.parent},
            writable={"/data": self.data},
            environment=environment(runtime),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **more,
        )

    def said(self, *command: str) -> str:
        with self.started(*command) as process:
            out, errors = process.communicate(timeout=180)
        assert process.returncode == 0, errors.decode()
        return out.decode()


@pytest.fixture
def box(tmp_path: Path, app: Path) -> Box:
    reason = sandbox.impossible()
    if reason is not None:
        missing(reason)
    return Box(tmp_path, app)


def detector(*arguments: str) -> tuple[str, ...]:
    return (PYTHON, "/app/bin/agent-detector", *arguments)


def test_the_tree_holds_the_command_the_compiled_scanner_and_no_tool_to_build_with(app: Path) -> None:
    script = (app / "bin" / "agent-detector").read_text(encoding="utf-8")
    assert script.startswith("#!/usr/bin/python3\n")
    assert list(app.glob("lib/detector/decode/scanning.*.so"))
    compiled = [path for name in ("detector", "numpy") for path in app.glob(f"lib/{name}/__pycache__/*.pyc")]
    assert len(compiled) > 2, "nobody can write byte code at run time"
    # PEP 552: made from the text of the source, and not compared with it at every start.
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\0\0\0"}
    packages = {path.name.partition("-")[0].lower() for path in (app / "lib").glob("*.dist-info")}
    assert "entra_agent_detector" in packages
    assert not packages & {"pip", "setuptools", "wheel", "hatchling", "cython", "pytest", "mypy", "ruff"}


def test_every_command_explains_itself_in_the_sandbox(box: Box) -> None:
    from detector.cli.main import COMMANDS

    assert __version__ in box.said(*detector("--version"))
    for command in COMMANDS:
        assert "Usage:" in box.said(*detector(command, "--help"))


def test_a_replay_in_the_sandbox_says_what_it_says_outside(box: Box) -> None:
    box.said(*detector("replay", f"/records/{FIXTURE.name}", "--summary", "/data/inside.json", "--no-progress"))
    outside = box.folder / "outside.json"
    command = [sys.executable, "-m", "detector", "replay", str(FIXTURE), "--summary", str(outside), "--no-progress"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    inside, out = (json.loads(path.read_text()) for path in (box.data / "inside.json", outside))
    for summary in (inside, out):
        for timing in ("seconds", "records_per_second"):
            summary.pop(timing)
    assert inside == out
    assert inside["records"]["received"] > 0
    assert inside["alerts"]["total"] > 0


def test_a_model_is_trained_in_the_sandbox(box: Box) -> None:
    """As the job of the chart does it: the libraries find nothing that they may write to but /tmp."""
    box.said(*detector("simulate", "--seed", "5", "--days", "9", "--agents", "20", "--out", "/data/tenant"))
    place = "/data/models/hours"
    made = box.said(*detector("train", "/data/tenant/events.jsonl", "--out", place, "--dated", "--detector", "loda"))
    assert re.match(rf"{place}/\d{{4}}\.\d{{4}}\.\d{{4}}: loda, fitted on", made)
    assert "hours/2" in box.said(*detector("models", place))


ATTEMPTS = """
import errno, os, socket
for line in open("/proc/self/mountinfo"):
    point, options = line.split()[4:6]
    print("mount", point, "ro" if "ro" in options.split(",") else "rw")
for place in ("/app/lib/x", "/app/x", "/usr/x", "/etc/x", "/x", "/config/x", "/records/x", "/dev/x"):
    try:
        open(place, "w")
    except OSError as error:
        assert error.errno in (errno.EROFS, errno.EACCES), (place, error)
        print(place, errno.errorcode[error.errno])
    else:
        print(place, "WRITTEN")
for place in ("/data/x", "/tmp/x"):
    open(place, "w").close()
for what, act in (("root", lambda: os.setuid(0)), ("owner", lambda: os.chown("/data/x", 0, 0)),
                  ("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)), ("root", lambda: os.chroot("/"))):
    try:
        act()
    except PermissionError:
        print(what, "EPERM")
"""


def test_only_the_data_directory_and_tmp_can_be_written_and_nothing_be_gained(box: Box) -> None:
    said = box.said(PYTHON, "-c", ATTEMPTS)
    assert "WRITTEN" not in said
    assert said.count("EPERM") == 4
    assert len(re.findall(r"^/\S+ E(?:ROFS|ACCES)$", said, re.MULTILINE)) == 8
    mounts = dict(re.findall(r"^mount (\S+) (r[ow])$", said, re.MULTILINE))
    devices = {point for point in mounts if point.startswith(("/proc", "/dev/"))}
    assert {point for point, mode in mounts.items() if mode == "rw"} - devices == {"/data", "/tmp"}
    assert {"/", "/app", "/usr", "/etc", "/config", "/records"} <= {
        point for point, mode in mounts.items() if mode == "ro"
    }


def _asked(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _configured(box: Box, port: int) -> list[str]:
    """Writes the configuration that the chart makes for files, and gives the arguments of its container."""
    more = {
        "config": {
            "source": {"event_hubs": None, "files": {"path": "/records"}},
            "telemetry": {"port": port},
            "store": {"min_free": 0.0},
        }
    }
    found = resources(merged(GOOD, more))
    text = only(found, "ConfigMap")["data"]["detector.yaml"]
    (box.config / "detector.yaml").write_text(text, encoding="utf-8")
    ((_, spec),) = [each for each in pod_specs(found) if each[0].startswith("StatefulSet")]
    arguments: list[str] = spec["containers"][0]["args"]
    return arguments


def _lived(box: Box, port: int, arguments: list[str]) -> tuple[float, dict[str, str]]:
    """Starts the service, has it read the fixture, asks its probes, stops it; seconds until it was ready, its state.

    Time in which other programs had the processors does not count.
    """
    began = time.monotonic()
    with box.started(*detector(*arguments)) as service:
        try:
            while _asked(port, "/readyz")[0] != 200:
                assert service.poll() is None, service.stderr.read().decode() if service.stderr else ""
                assert time.monotonic() < began + 150, _asked(port, "/readyz")
                time.sleep(0.02)
            took = time.monotonic() - began - kept_waiting(service.pid)
            records = len(FIXTURE.read_text(encoding="utf-8").splitlines())
            while f'events_received_total{{partition="files"}} {records}.0' not in _asked(port, "/metrics")[1]:
                assert time.monotonic() < began + 150
                time.sleep(0.05)
            assert [_asked(port, path)[0] for path in ("/livez", "/readyz", "/startupz")] == [200, 200, 200]
            status = _status(service.pid)
        finally:
            service.terminate()
            service.communicate(timeout=150)
    assert service.returncode == 0
    return took, status


def test_the_service_of_the_chart_starts_reads_a_fixture_serves_its_probes_and_stops(box: Box) -> None:
    port = free_port()
    arguments = _configured(box, port)
    took, status = _lived(box, port, arguments)
    for _ in range(2):
        if took > READY_SECONDS:  # the disk may be busy: the best of three counts
            shutil.rmtree(box.data / "store")
            took = min(took, _lived(box, port, arguments)[0])
    resident = int(status["VmRSS"].split()[0]) / 1024
    sys.stdout.write(f"ready after {took:.2f} s, {resident:.0f} MiB resident\n")
    assert took <= READY_SECONDS
    assert resident <= RESIDENT_MIB
    assert {status[name].split()[0] for name in ("Uid", "Gid")} == {str(sandbox.USER)}
    assert status["Groups"] == ""
    assert status["NoNewPrivs"] == "1"
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (box.data / "store" / "store.db").stat().st_uid == sandbox.USER
