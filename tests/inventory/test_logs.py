"""Logs through Graph: day by day, kept, and read by a replay."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from aiohttp import web

from detector.cli import exits
from detector.cli.main import main
from detector.inventory import logs
from tests.graph.directory import guid
from tests.graph.server import TOKEN
from tests.inventory.stage import TENANT, Identity

NOW = datetime.now(UTC).replace(minute=30)  # noqa: TID251 -- Graph keeps the last days, of a real clock
PAGE = 3


class Logs:
    """A stand-in for the lists of logs, in pages, the newest first, that knows the filters in use."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.refused: str | None = None
        self.origin = ""

    def records(self, kind: str, since: str, until: str) -> list[dict[str, Any]]:
        found = []
        for day in range(4):
            for hour in (20, 12, 4):
                moment = (NOW - timedelta(days=day + 1)).replace(hour=hour).strftime("%Y-%m-%dT%H:%M:%SZ")
                if since <= moment < until:
                    found.append(self.record(kind, moment))
        return found

    def record(self, kind: str, moment: str) -> dict[str, Any]:
        if kind == "audit":
            return {
                "id": f"Directory_{moment}",
                "activityDateTime": moment,
                "activityDisplayName": "Update application",
                "category": "ApplicationManagement",
                "targetResources": [],
            }
        return {
            "id": guid(kind, hash_of(moment)),
            "createdDateTime": moment,
            "appId": guid("app", 1),
            "servicePrincipalId": guid("sp", 1),
            "servicePrincipalName": "agent",
            "signInEventTypes": [kind],
            "agent": {"agentType": "agenticAppInstance", "parentAppId": guid("parent", 1)},
            "ipAddress": "198.51.100.7",
            "status": {"errorCode": 0},
        }

    async def answer(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        wanted = unquote(request.query["$filter"])
        bounds = re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", wanted)
        named = re.search(r"t eq '(\w+)'", wanted)
        kind = named[1] if named is not None else "audit"
        self.asked.append((kind, bounds[0][:10]))
        if self.refused is not None and self.refused in request.path:
            return web.Response(status=403)
        if "risk" in request.path.lower():
            return web.json_response({"value": []})
        start = int(request.query.get("$skiptoken", "0"))
        found = self.records(kind, *bounds)
        body: dict[str, Any] = {"value": found[start : start + PAGE - 1]}
        if start + PAGE - 1 < len(found):
            body["@odata.nextLink"] = f"{self.origin}{request.path_qs.split('&$skip')[0]}&$skiptoken={start + PAGE - 1}"
        return web.json_response(body)


def hash_of(text: str) -> int:
    return int(re.sub(r"\D", "", text)) % 10**9


@contextmanager
def served() -> Iterator[Logs]:
    made, ready, done = Logs(), Event(), Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_get("/{version}/{path:.*}", made.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await asyncio.to_thread(done.wait)
        await runner.cleanup()

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    try:
        yield made
    finally:
        done.set()
        thread.join(60)


def replayed(server: Logs, folder: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> tuple[int, dict[str, Any]]:
    config = folder / "detector.yaml"
    block = {"tenant_id": TENANT, "endpoint": server.origin, "requests_per_second": 200}
    config.write_text(yaml.safe_dump({"inventory": block}), encoding="utf-8")
    monkeypatch.setattr("detector.inventory.tokens.credential_of", lambda _: Identity())
    since = (NOW - timedelta(days=4)).strftime("%Y-%m-%d")
    where = ["--graph", str(folder / "graph"), "--from", since, "--baseline", "0", "--summary", str(folder / "summary")]
    code = main(["replay", "--config", str(config), *where, *more])
    return code, json.loads((folder / "summary").read_text())


def test_the_logs_are_pulled_day_by_day_and_judged_and_what_is_over_is_not_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with served() as server:
        code, summary = replayed(server, tmp_path, monkeypatch)
        assert code == exits.OK
        assert summary["records"]["received"] == 4 * 12
        assert not summary["records"]["quarantined"]
        assert summary["records"]["applied"] >= 12
        assert not summary["records"]["late"]
        first = len(server.asked)
        again, same = replayed(server, tmp_path, monkeypatch)
        assert again == exits.OK
        assert same["records"] == summary["records"]
        assert len(server.asked) - first < first / 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "graph").rglob("*.jsonl"))
    assert TOKEN not in "".join(capsys.readouterr())


def test_a_log_that_may_not_be_read_is_a_failure_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served() as server:
        server.refused = "directoryAudits"
        code, summary = replayed(server, tmp_path, monkeypatch)
        assert code == exits.INPUT
        assert len(summary["failed_files"]) == 1
        assert "auditlogs" in summary["failed_files"][0]
        assert "may not read" in summary["failed_files"][0]
        assert summary["records"]["received"] == 3 * 12


def test_without_an_identity_the_command_says_what_to_configure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", "--graph", str(tmp_path / "graph")]) == exits.USAGE
    assert "Set `inventory`" in capsys.readouterr().err
    assert main(["replay"]) == exits.USAGE
    assert "nothing to read" in capsys.readouterr().err


def test_no_more_days_are_asked_for_than_graph_keeps() -> None:
    now = NOW.timestamp()
    days = list(logs._days(now - logs.KEPT_DAYS * 86400.0, now))
    assert len(days) == logs.KEPT_DAYS + 1
    assert days[0].date() == (NOW - timedelta(days=logs.KEPT_DAYS)).date()
