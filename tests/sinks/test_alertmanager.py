"""Alerts in Alertmanager: the real one, from the Debian package, on a free port."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.sinks.alertmanager import PATH, Alertmanager
from detector.sinks.outcome import DELIVERED, Refused, Retry
from detector.sinks.sink import Terms
from detector.sinks.wire import Wire
from tests.live.programs import PATIENCE, free_port
from tests.sinks.alerts import HOSTILE, TIME, alert
from tests.sinks.outboxes import NOW, numbered
from tests.sinks.receivers import answering, receiver, route, wire_to

PROGRAM = "prometheus-alertmanager"


def sink(wire: Wire, now: float = NOW) -> Alertmanager:
    return Alertmanager(
        "am", Terms(batch=20), wire, lambda: now, resolve_after=14_400.0, runbooks="https://docs.example.com/agent/"
    )


# ---------------------------------------------------------------------------------------- what is sent


@pytest.mark.asyncio
async def test_an_alert_has_bounded_labels_and_talkative_annotations() -> None:
    told = alert("Invoice triage")
    async with receiver() as server, wire_to(server.url) as wire:
        assert await sink(wire).deliver([told]) == {told.id: DELIVERED}
        (document,) = json.loads(server.requests[0][1])
    assert document["labels"] == {
        "alertname": "token_spike",
        "alert_id": told.id,
        "detector": "token_spike",
        "severity": "high",
        "subject_kind": "agent",
        "subject_id": told.subject.id,
        "tenant": "t-1",
    }
    assert document["startsAt"] == TIME
    assert document["endsAt"] == "2026-10-05T11:24:49.000Z"
    assert document["generatorURL"] == "https://docs.example.com/agent/docs/detectors/token_spike.md"
    assert document["annotations"]["id"] == told.id
    assert document["annotations"]["summary"] == told.title
    assert document["annotations"]["description"] == told.explanation
    assert document["annotations"]["runbook_url"] == document["generatorURL"]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_reaches_a_label_and_none_is_raw_anywhere(name: str) -> None:
    wire: Any = None
    document, plain = (sink(wire).document(alert(each, id="0" * 32)) for each in (name, "plain"))
    assert document["labels"] == plain["labels"]
    for text in document["annotations"].values():
        assert text.isprintable() or set(text) & set("\u0321\ue000\ufffe") or not text.isascii()
        assert not set(text) & set("\x00\x1b\r\n\u202e\u2066\u2028")


@pytest.mark.asyncio
async def test_one_bad_alert_does_not_hold_up_its_batch() -> None:
    alerts = numbered(8)

    async with receiver() as server, wire_to(server.url) as wire:
        accepted: list[str] = []

        async def judge(request: Any) -> Any:
            sent = [each["labels"]["alert_id"] for each in json.loads(await request.read())]
            if alerts[5].id in sent:
                return await answering(400)(request)
            accepted.extend(sent)
            return await answering(200)(request)

        server.answers = [judge]
        outcome = await sink(wire).deliver(alerts)
    assert outcome == {each.id: Refused("rejected") if each is alerts[5] else DELIVERED for each in alerts}
    assert sorted(accepted) == sorted(each.id for each in alerts if each is not alerts[5])


@pytest.mark.asyncio
async def test_a_batch_that_may_come_later_is_not_halved() -> None:
    async with receiver() as server, wire_to(server.url) as wire:
        server.answers = [answering(503, Retry_After="3")]
        assert set((await sink(wire).deliver(numbered(8))).values()) == {Retry("unavailable", 3.0)}
        assert len(server.requests) == 1


# ------------------------------------------------------------------------------------- the real program


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which(PROGRAM)
    if program is None:
        assert os.environ.get("CI") != "true", f"{PROGRAM} is not installed"
        pytest.skip(f"{PROGRAM} is not installed (Debian package prometheus-alertmanager)")
    place = tmp_path_factory.mktemp("alertmanager")
    config = place / "am.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    port = free_port()
    command = [
        program,
        f"--config.file={config}",
        f"--storage.path={place / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (place / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/-/ready", place / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _wait_for(url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=60):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(log.read_text(errors="replace"))


async def active(url: str) -> list[dict[str, Any]]:
    def get() -> Any:
        with urllib.request.urlopen(f"{url}/{PATH}", timeout=60) as answer:
            return json.load(answer)

    found: list[dict[str, Any]] = await asyncio.to_thread(get)
    return found


def mine(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in found if each["labels"]["tenant"] == kind]


def of_tenant(tenant: str, name: str = "Invoice triage", **changes: Any) -> Any:
    told = alert(name, **changes)
    subject = type(told.subject)("agent", told.subject.id, name, None, None, tenant)
    return alert(name, subject=subject, **changes)


@pytest.mark.asyncio
async def test_three_sends_are_one_alert_there(alertmanager: str) -> None:
    told = of_tenant("thrice")
    clock = time.time()  # noqa: TID251 -- the real program has a real clock
    async with wire_to(f"{alertmanager}/{PATH}", route()) as wire:
        for second in range(3):
            assert await sink(wire, clock + second).deliver([told]) == {told.id: DELIVERED}
    (shown,) = mine(await active(alertmanager), "thrice")
    assert shown["labels"]["alert_id"] == told.id
    assert shown["annotations"]["description"] == told.explanation
    assert shown["startsAt"] == TIME
    assert shown["status"]["state"] in {"active", "unprocessed"}


@pytest.mark.asyncio
async def test_two_findings_about_one_agent_are_two_alerts_there(alertmanager: str) -> None:
    clock = time.time()  # noqa: TID251 -- the real program has a real clock
    both = [of_tenant("twice", id="1" * 32), of_tenant("twice", id="2" * 32)]
    async with wire_to(f"{alertmanager}/{PATH}", route()) as wire:
        await sink(wire, clock).deliver(both)
    assert {each["labels"]["alert_id"] for each in mine(await active(alertmanager), "twice")} == {"1" * 32, "2" * 32}


@pytest.mark.asyncio
async def test_the_whole_hostile_corpus_is_taken(alertmanager: str) -> None:
    clock = time.time()  # noqa: TID251 -- the real program has a real clock
    alerts = [of_tenant("hostile", name) for name in HOSTILE]
    async with wire_to(f"{alertmanager}/{PATH}", route()) as wire:
        for start in range(0, len(alerts), 20):
            assert set((await sink(wire, clock).deliver(alerts[start : start + 20])).values()) == {DELIVERED}
    assert len(mine(await active(alertmanager), "hostile")) == len({each.id for each in alerts})
