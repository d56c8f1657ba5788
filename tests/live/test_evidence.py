"""Deployment evidence on its way through the whole service: acknowledged once stored, counted once, read on."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.engine.engine import Engine
from detector.runtime.live.memory import counters_of
from detector.stores.failpoints import Point
from detector.stores.store import Store
from tests.inventory.evidence.desk import SECRET, signature
from tests.inventory.evidence.payloads import DEPLOYER, TENANT, dumps, record, workflow_run
from tests.live.hosted import Hosted
from tests.live.programs import free_port
from tests.live.stage import Stage, staged
from tests.live.stream import stream

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage whose service takes evidence and reads a directory in which there is nothing."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    port = free_port()
    with staged(tmp_path, stream(days=0.5, agents=6)) as made:
        files = str(secret)
        made.document["evidence"] = {
            "tenant_id": TENANT,
            "port": port,
            "github": {"secret_files": [files]},
            "records": {"secret_files": [files]},
        }
        runs = [{"provider": "github", "repository": "example/agents", "branch": "main"}]
        made.document["pipelines"] = [{"name": "agents-prod", "object_ids": [DEPLOYER], "runs": runs}]
        (tmp_path / "empty").mkdir()
        yield made.reads({"files": {"path": str(tmp_path / "empty"), "poll_seconds": 0.05}})


def at(age: float = 30.0) -> str:
    return datetime.fromtimestamp(time.time() - age, UTC).isoformat()  # noqa: TID251 -- a real service has a real clock


def posted(stage: Stage, path: str, payload: Any, **headers: str) -> tuple[int, Any]:
    body = dumps(payload)
    connection = http.client.HTTPConnection("127.0.0.1", stage.document["evidence"]["port"], timeout=60)
    try:
        proof = {"X-Signature-256": signature(body), "X-Hub-Signature-256": signature(body)}
        connection.request("POST", f"/evidence/{path}", body, {**proof, **headers})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text.startswith(b"{") else None
    finally:
        connection.close()


def run(**changes: Any) -> Any:
    return workflow_run(updated_at=at(), run_started_at=at(600), created_at=at(601), **changes)


def github(stage: Stage, payload: Any) -> tuple[int, Any]:
    return posted(stage, "github", payload, **{"X-GitHub-Event": "workflow_run"})


def positions(stage: Stage) -> dict[str, int]:
    return {row[0]: row[1] for row in stage.rows("SELECT partition, sequence FROM positions")}


def test_what_is_acknowledged_is_in_the_store_and_counts_once_over_restarts(stage: Stage) -> None:
    first, second = run(), run(id=2)
    with Hosted(stage.config) as hosted:
        hosted.until(hosted.service._started.is_set)
        assert github(stage, first) == (202, {"records": 1})
        assert stage.counters()["received"] == 1, "stored by the time that it is acknowledged"
        assert github(stage, first) == (202, {"records": 1})
        assert positions(stage) == {"own/evidence": 2}
    assert hosted.ending == "stopped"
    with Hosted(stage.config) as hosted:
        hosted.until(hosted.service._started.is_set)
        assert github(stage, first)[0] == github(stage, second)[0] == 202
        assert (
            posted(stage, "records", [record(recordedDateTime=at()), record(id="b", recordedDateTime=at())])[0] == 202
        )
        counters = stage.counters()
        assert (counters["received"], counters["duplicate"], counters["late"]) == (6, 2, 0)
        assert positions(stage) == {"own/evidence": 5}
    assert hosted.ending == "stopped"


def test_it_is_not_acknowledged_while_the_store_is_at_it(stage: Stage) -> None:
    go, held = threading.Event(), threading.Event()

    def hold(point: Point) -> None:
        if point == "before_commit" and stage.counters().get("received", 0) == 0 and held.is_set():
            go.wait(150)

    with Hosted(stage.config, at=hold) as hosted:
        hosted.until(hosted.service._started.is_set)
        held.set()
        answers: list[tuple[int, Any]] = []
        sending = threading.Thread(target=lambda: answers.append(github(stage, run())))
        sending.start()
        time.sleep(0.5)
        assert answers == []
        assert stage.counters().get("received", 0) == 0
        go.set()
        sending.join(60)
        assert answers == [(202, {"records": 1})]


def test_a_service_that_dies_before_the_commit_has_acknowledged_nothing_and_takes_it_again(stage: Stage) -> None:
    payload = run()
    pid = stage.started(point="before_commit")
    stage.until(lambda: stage.lines("service_started") > 0, pid=pid)
    deadline = time.monotonic() + 60
    while True:
        try:
            status = github(stage, payload)[0]
        except ConnectionError:  # `http.client.RemoteDisconnected` is one
            if stage.nursery.ended(pid) is not None:
                break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            pytest.fail(f"it answered {status}")
    assert stage.counters().get("received", 0) == 0
    with Hosted(stage.config) as hosted:
        hosted.until(hosted.service._started.is_set)
        assert github(stage, payload)[0] == 202
        assert stage.counters()["received"] == 1
        assert positions(stage)["own/evidence"] == 2, "the number under suspicion is passed over"


def test_evidence_and_a_source_go_side_by_side(stage: Stage) -> None:
    stage.read_files()
    wanted = stage.verdict()
    with Hosted(stage.config) as hosted:
        hosted.until(lambda: stage.counters().get("received", 0) == wanted.counters["received"])
        # The stream is years old: only now may a record of today move the watermark.
        assert github(stage, run())[0] == 202
        assert stage.counters()["received"] == wanted.counters["received"] + 1
        assert stage.counters()["late"] == wanted.counters["late"]
    assert hosted.ending == "stopped"
    with Hosted(stage.config) as hosted:
        hosted.until(hosted.service._started.is_set)
        assert github(stage, run(id=3))[0] == 202, "the positions of files and of evidence do not meet"
    assert hosted.ending == "stopped"


def test_a_disk_that_is_nearly_full_is_a_reason_to_come_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "disk_free_ratio", lambda _: 0.01)
    stage.document["store"]["min_free"] = 0.1
    with Hosted(stage.write().config) as hosted:
        hosted.until(lambda: "disk_low" in hosted.ask("readyz").reasons)
        assert github(stage, run())[0] == 503
        assert stage.counters().get("received", 0) == 0


def test_a_pipeline_that_is_declared_later_is_known_after_reloading(stage: Stage) -> None:
    with Hosted(stage.config) as hosted:
        hosted.until(hosted.service._started.is_set)
        assert github(stage, run(head_branch="other")) == (204, None)
        stage.document["pipelines"][0]["runs"][0]["branch"] = "other"
        stage.write()
        hosted.tell(hosted.service.reload)
        hosted.until(lambda: bool(hosted.lines("configuration_reloaded")))
        assert github(stage, run(head_branch="other"))[0] == 202
        assert github(stage, run())[0] == 204


def test_a_wrong_signature_leaves_no_trace_and_no_secret_in_the_log(stage: Stage) -> None:
    with Hosted(stage.config) as hosted:
        hosted.until(hosted.service._started.is_set)
        assert posted(stage, "records", record(), **{"X-Signature-256": "sha256=00"})[0] == 401
        assert posted(stage, "azure-devops", {})[0] == 404, "not configured"
        assert stage.counters().get("received", 0) == 0
        assert SECRET not in hosted.log.getvalue()


def test_a_taken_port_keeps_the_service_from_starting(stage: Stage) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", stage.document["evidence"]["port"]))
        taken.listen()
        pid = stage.start()
        assert stage.nursery.wait(pid) == 70
        assert "evidence.port" in stage.last_lines()


def test_a_replay_of_what_was_archived_reads_what_the_service_read(stage: Stage, tmp_path: Path) -> None:
    archive = tmp_path / "archive" / "evidence.jsonl"
    stage.document["evidence"]["archive"] = str(archive)
    with Hosted(stage.write().config) as hosted:
        hosted.until(hosted.service._started.is_set)
        handshake = record(id=None, kind="handshake", recordedDateTime=at())
        for attempt in (1, 2):
            assert github(stage, run(id=1, run_attempt=attempt))[0] == 202
            assert posted(stage, "records", [record(recordedDateTime=at()), handshake])[0] == 202
        counters = stage.counters()
    settings = load(stage.config)
    engine = Engine(engine_settings(settings))
    engine.process(Decoder(**decoder_settings(settings)).lines(archive.read_bytes()))
    assert counters_of(engine.accounting) == counters
    assert (counters["received"], counters["duplicate"]) == (6, 2)
