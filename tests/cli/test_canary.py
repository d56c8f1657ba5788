"""`agent-detector canary`: a record like any other, put where the service reads, and seen at the other end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from detector.cli import exits
from detector.cli.main import main
from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.domain.alerts import alert_id
from detector.domain.events import SignIn
from detector.engine.engine import Engine
from detector.errors import UsageError
from detector.runtime.doctor.canary import TENANT, canary_body, followed_file
from detector.runtime.live.canary import Canary
from tests.hub import Hub, Server
from tests.live.stage import Stage, staged
from tests.live.stream import Stream

ROOT = Path(__file__).resolve().parents[2]
CANARY = "6f1e8a52-0000-4000-8000-0000000ca4a7"
METRIC = "agent_detector_canary_last_seen_timestamp_seconds"


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Any:
    def runner(*arguments: object) -> tuple[int, str, str]:
        code = main(["canary", *(str(argument) for argument in arguments)])
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return runner


def configured(folder: Path, **document: Any) -> Path:
    path = folder / "detector.yaml"
    path.write_text(yaml.safe_dump({"canary": CANARY, **document}), encoding="utf-8")
    return path


def spawned(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "detector", *map(str, arguments))
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)


# ------------------------------------------------------------------------------------------------ the record


def test_one_line_is_printed_that_decodes_to_a_sign_in_of_the_canary(run: Any, tmp_path: Path) -> None:
    before = time.time()  # noqa: TID251 -- the command reads the real clock
    code, out, err = run("--config", configured(tmp_path))
    assert (code, err, out.count("\n")) == (exits.OK, "", 1)
    (record,) = json.loads(out)["records"]
    assert record["category"] == "ServicePrincipalSignInLogs"
    decoded = Decoder().body(out.encode())
    (event,) = decoded.events
    assert isinstance(event, SignIn)
    assert decoded.quarantined == []
    assert (event.access.agent_id, event.access.role, event.access.error_code) == (CANARY, "agent", 0)
    assert before - 1 <= event.time <= time.time() + 1  # noqa: TID251 -- as above
    (alert,) = Canary(CANARY).sighted([event])
    assert alert.detector == "canary"


def test_every_record_has_an_id_of_its_own() -> None:
    ids = {json.loads(canary_body(CANARY, 1_790_000_000.0))["records"][0]["properties"]["id"] for _ in range(50)}
    assert len(ids) == 50


def test_weeks_of_canaries_raise_no_other_alert() -> None:
    """It must not cry wolf: one every five minutes is the life that its baseline learns."""
    settings = load()
    decoder, engine = Decoder(**decoder_settings(settings)), Engine(engine_settings(settings))
    alerts = []
    for number in range(14 * 288):
        alerts += engine.process(decoder.body(canary_body(CANARY, 1_790_000_000.0 + number * 300)))
    assert alerts == []
    assert engine.accounting.applied == 14 * 288


# -------------------------------------------------------------------------------------------------- where to


def test_without_a_canary_it_refuses_and_says_what_to_set(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "detector.yaml"
    path.write_text("{}", encoding="utf-8")
    for arguments in (("--config", path), (), ("--config", path, "--send")):
        code, out, err = run(*arguments)
        assert (code, out) == (exits.USAGE, "")
        assert "No canary is configured. Set `canary`" in err


def test_it_is_appended_to_a_file(run: Any, tmp_path: Path) -> None:
    path, out = configured(tmp_path), tmp_path / "canary.jsonl"
    out.write_text('{"records":[]}\n', encoding="utf-8")
    assert run("--config", path, "--out", out)[:2] == (exits.OK, "")
    assert run("--config", path, "--out", out)[0] == exits.OK
    lines = out.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert [len(json.loads(line)["records"]) for line in lines] == [0, 1, 1]


def test_a_file_that_cannot_be_written_is_told(run: Any, tmp_path: Path) -> None:
    code, _, err = run("--config", configured(tmp_path), "--out", tmp_path / "missing" / "x.jsonl")
    assert code == exits.USAGE
    assert "No such file or directory" in err


def test_send_and_out_together_are_refused(run: Any, tmp_path: Path) -> None:
    assert run("--config", configured(tmp_path), "--out", tmp_path / "x", "--send")[0] == exits.USAGE


def test_with_nothing_to_send_to_it_says_so(run: Any, tmp_path: Path) -> None:
    code, _, err = run("--config", configured(tmp_path), "--send")
    assert code == exits.USAGE
    assert "source.event_hubs" in err


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("", "canary.jsonl"), ("*.jsonl", "canary.jsonl"), ("signins-*.log", "signins-canary.log"), ("p?-*", "p0-canary")],
)
def test_it_gets_a_name_that_is_followed(run: Any, tmp_path: Path, pattern: str, name: str) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    path = configured(tmp_path, source={"files": {"path": str(logs / pattern) if pattern else str(logs)}})
    code, _, err = run("--config", path, "--send")
    assert code == exits.OK
    assert [each.name for each in logs.iterdir()] == [name]
    assert name in err


@pytest.mark.parametrize("pattern", ["one.jsonl", "[ab].jsonl"])
def test_a_pattern_without_room_for_it_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(UsageError, match="--out"):
        followed_file(str(tmp_path / pattern))


@pytest.mark.slow
def test_a_hub_that_refuses_it_is_told_with_the_right_that_is_missing(tmp_path: Path) -> None:
    with Server(Hub("agents"), keys={"reader": "c2VjcmV0"}) as server:
        secret = tmp_path / "connection"
        secret.write_text(server.connection_string().replace("c2VjcmV0", "d3Jvbmc="))
        path = configured(tmp_path, source={"event_hubs": {"connection_string_file": str(secret)}})
        done = spawned("canary", "--config", path, "--send")
        assert done.returncode == exits.INPUT
        assert "Azure Event Hubs Data Sender" in done.stderr
        assert "d3Jvbmc" not in done.stderr
        secret.write_text(server.connection_string("other"))
        done = spawned("canary", "--config", path, "--send")
        assert done.returncode == exits.INPUT
        assert "There is no such hub" in done.stderr


# -------------------------------------------------------------------------------------------------- all the way


def metric(stage: Stage) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{stage.port()}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(METRIC + " "))


def seen(hub: Hub) -> set[str]:
    """Ids that alerts of the canaries in the hub must have."""
    bodies = [event.body for name in hub.partition_ids for event in hub.read(name, 0)]
    ids = [json.loads(body)["records"][0]["properties"]["id"] for body in bodies]
    return {alert_id(TENANT, "canary", "agent", CANARY, f"record:{record_id}") for record_id in ids}


@pytest.mark.slow
def test_a_canary_flies_from_the_hub_to_a_sink(tmp_path: Path) -> None:
    hub = Hub("agents", partitions=2)
    with Server(hub, keys={"all": "c2VjcmV0"}) as server, staged(tmp_path, Stream((), {})) as stage:
        stage.document["canary"] = CANARY
        stage.read_hub(server.connection_string())
        pid = stage.started()
        stage.until(lambda: server.stats.receivers["0"] == 1 and server.stats.receivers["1"] == 1, pid=pid)
        assert metric(stage) == 0
        sent = time.time()  # noqa: TID251 -- the metric is of the real clock
        done = spawned("canary", "--config", stage.config, "--send")
        assert (done.returncode, done.stdout) == (exits.OK, ""), done.stderr
        stage.until(lambda: set(stage.referee.seen) == seen(hub) != set(), pid=pid)
        assert stage.rows("SELECT detector, severity FROM alerts") == [("canary", 0)]
        stage.until(lambda: metric(stage) > 0, pid=pid)
        assert sent - 1 <= metric(stage) <= time.time() + 1  # noqa: TID251 -- as above

        # The doctor looks at all that while it runs, and the next canary still flies.
        report = spawned("doctor", "--config", stage.config, "--json")
        assert report.returncode == exits.OK, report.stdout + report.stderr
        checks = {check["check"]: check for check in json.loads(report.stdout)["checks"]}
        assert checks["store.lock"]["details"]["pid"] == pid
        assert set(checks["hub.owner"]["details"]["levels"].values()) == {1}
        assert checks["store.owner"]["verdict"] == "ok"
        assert checks["store.positions"]["verdict"] == "ok"
        assert checks["sink:referee"]["verdict"] == "ok"
        assert stage.lines("receiver_ended") == 0, "nobody was disturbed"
        assert spawned("canary", "--config", stage.config, "--send").returncode == exits.OK
        stage.until(lambda: set(stage.referee.seen) == seen(hub) and len(stage.referee.seen) == 2, pid=pid)
        assert stage.stop(pid) == 0


@pytest.mark.slow
def test_a_canary_flies_from_a_followed_directory(tmp_path: Path) -> None:
    with staged(tmp_path, Stream((), {})) as stage:
        stage.document["canary"] = CANARY
        stage.read_files(files=1)
        pid = stage.started()
        done = spawned("canary", "--config", stage.config, "--send")
        assert done.returncode == exits.OK, done.stderr
        stage.until(lambda: len(stage.referee.seen) == 1, pid=pid)
        stage.until(lambda: metric(stage) > 0, pid=pid)
        assert stage.stop(pid) == 0
