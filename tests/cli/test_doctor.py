"""`agent-detector doctor`: what people and scripts get, how it ends, and that it ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from detector.cli import exits
from detector.cli.main import main
from detector.runtime.doctor.canary import append_line, canary_body
from tests.hub import Hub, Server

ROOT = Path(__file__).resolve().parents[2]
AGENT = "6f1e8a52-0000-4000-8000-000000000001"


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Any:
    def runner(*arguments: object) -> tuple[int, str, str]:
        code = main(["doctor", *(str(argument) for argument in arguments)])
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return runner


def spawned(*arguments: object) -> subprocess.CompletedProcess[str]:
    """In a process of its own: what the SDK leaves open there is nobody's."""
    command = (sys.executable, "-m", "detector", "doctor", *map(str, arguments))
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)


def configured(folder: Path, **document: Any) -> Path:
    path = folder / "detector.yaml"
    store = {"directory": str(folder / "state"), "min_free": 0.0}
    path.write_text(yaml.safe_dump({"store": store, "telemetry": {"port": 0}, **document}), encoding="utf-8")
    return path


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    logs = tmp_path / "logs"
    logs.mkdir()
    append_line(logs / "a.jsonl", canary_body(AGENT, time.time()))  # noqa: TID251 -- what is written now is new
    return configured(tmp_path, source={"files": {"path": str(logs)}})


def named(out: str) -> dict[str, dict[str, Any]]:
    return {check["check"]: check for check in json.loads(out)["checks"]}


def test_a_pipe_gets_one_json_document(run: Any, healthy: Path) -> None:
    code, out, err = run("--config", healthy)
    document = json.loads(out)
    assert (code, err) == (exits.OK, "")
    assert document["ok"]
    assert sum(document["counts"].values()) == len(document["checks"])
    assert set(document["checks"][0]) == {"check", "verdict", "found", "meaning", "advice", "details"}
    assert named(out)["files.directory"]["verdict"] == "ok"


def test_people_get_a_table_with_what_to_do(run: Any, healthy: Path) -> None:
    code, out, _ = run("--config", healthy, "--pretty")
    assert code == exits.OK
    assert out.splitlines()[0].split()[:2] == ["Check", "Result"]
    assert "files.categories" in out
    assert "→" in out
    assert "warning" in out


def test_a_failed_check_ends_with_1(run: Any, tmp_path: Path) -> None:
    code, out, _ = run("--config", configured(tmp_path))
    assert code == 1
    assert named(out)["source"]["verdict"] == "failed"
    assert not json.loads(out)["ok"]


def test_an_invalid_configuration_ends_with_3_and_all_its_problems(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "detector.yaml"
    path.write_text("scope: everything\nlateness: soon\n", encoding="utf-8")
    code, out, _ = run("--config", path)
    assert code == exits.CONFIGURATION
    assert len(named(out)["configuration"]["details"]["problems"]) == 2
    assert named(out)["everything else"]["verdict"] == "not checked"
    code, out, _ = run("--config", path, "--pretty")
    assert code == exits.CONFIGURATION
    assert "scope" in out


def test_sinks_that_cannot_be_built_are_an_invalid_configuration(run: Any, tmp_path: Path) -> None:
    sinks = {"webhooks": [{"name": "pager", "url": "https://127.0.0.1/hook"}]}
    code, out, _ = run("--config", configured(tmp_path, sinks=sinks))
    assert code == exits.CONFIGURATION
    assert "allow_networks" in named(out)["configuration"]["found"]


def test_a_test_alert_for_standard_output_does_not_spoil_the_report(run: Any, healthy: Path) -> None:
    code, out, err = run("--config", healthy, "--send")
    assert (code, err) == (exits.OK, ""), "without a sink there is none to send to"
    document = yaml.safe_load(healthy.read_text(encoding="utf-8"))
    document["sinks"] = {"stdout": [{"name": "stdout"}]}
    healthy.write_text(yaml.safe_dump(document), encoding="utf-8")
    code, out, err = run("--config", healthy, "--send")
    assert code == exits.OK
    assert named(out)["send:stdout"]["verdict"] == "ok"
    assert json.loads(err)["detector"] == "doctor"


def test_it_explains_itself_with_an_example(run: Any) -> None:
    code, out, _ = run("--help")
    assert code == exits.OK
    assert "agent-detector doctor --config detector.yaml" in out
    assert all(len(line) <= 100 for line in out.splitlines())


@contextmanager
def deaf() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                kept.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)
        for each in kept:
            each.close()


MEASURED = """
import sys
from detector.cli.main import main
from tests.processors import Watch

with Watch() as watch:
    code = main(sys.argv[1:])
print(watch.seconds, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.slow
def test_it_ends_in_time_when_nobody_answers(tmp_path: Path) -> None:
    """The real limits: hub, sink and telemetry port all take connections and then keep silent."""
    with Server(Hub("agents")) as server, deaf() as sink, deaf() as port:
        server.faults.black_hole()
        (tmp_path / "connection").write_text(server.connection_string())
        loopback = {"allow_insecure": True, "allow_networks": ["127.0.0.0/8"]}
        path = configured(
            tmp_path,
            source={"event_hubs": {"connection_string_file": str(tmp_path / "connection")}},
            sinks={"webhooks": [{"name": "pager", "url": f"http://127.0.0.1:{sink}/x", **loopback}]},
            telemetry={"port": port},
        )
        command = (sys.executable, "-c", MEASURED, "doctor", "--config", str(path), "--send")
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 1, done.stderr
    checks = named(done.stdout)
    for name in ("hub.answers", "sink:pager", "send:pager", "telemetry"):
        # On a slow machine a check is broken off before the question within it is.
        assert checks[name]["verdict"] in ("failed", "not checked")
        assert checks[name]["details"].get("reason") in ("timeout", "timed_out", None)
    took_itself = float(done.stderr.splitlines()[-1])
    assert min(json.loads(done.stdout)["seconds"], took_itself) <= 30, "time in which it stood still does not count"
    assert took_itself <= 40, "building and ending come on top"


@pytest.mark.slow
def test_no_secret_leaves_it_whatever_goes_wrong(tmp_path: Path) -> None:
    secret = "VGhlLVNlY3JldC1LZXk="
    with Server(Hub("agents"), keys={"reader": "c2VjcmV0"}) as server:
        (tmp_path / "connection").write_text(server.connection_string().replace("c2VjcmV0", secret))
        hub = {"connection_string_file": str(tmp_path / "connection")}
        path = configured(tmp_path, source={"event_hubs": hub})
        for arguments in ((), ("--pretty",)):
            done = spawned("--config", path, *arguments)
            assert done.returncode == 1
            assert "hub.answers" in done.stdout
            assert secret not in done.stdout + done.stderr
            assert done.stderr == "", "and no line of a library either"


def test_every_check_is_on_the_page(run: Any, healthy: Path) -> None:
    page = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    source = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "detector" / "runtime" / "doctor").glob("*.py")
    )
    for check in ("hub.network", "hub.retention", "store.positions", "store.owner", "store.snapshots", "hub.owner"):
        assert f'"{check}"' in source
        assert f"`{check}`" in page
    _, out, _ = run("--config", healthy)
    for check in named(out):
        family = check.partition(".")[0]
        assert f"`{check}" in page or f"`{family}.*`" in page or check in {"sinks", "source"}, check


def test_the_environment_of_a_test_has_no_identity() -> None:
    """Otherwise the tests above could reach for one."""
    assert "AZURE_FEDERATED_TOKEN_FILE" not in os.environ
