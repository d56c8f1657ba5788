"""The live service polls the directory beside its source, and what it is told is judged and committed like all else."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from detector.config.load import load
from detector.errors import SourceError
from detector.runtime.live.service import Environment, Service
from tests.graph.directory import Directory, synthetic
from tests.graph.faults import Asked, Fault
from tests.graph.server import GraphServer, Options
from tests.inventory.stage import TENANT, Identity

pytestmark = pytest.mark.asyncio


def configured(folder: Path, origin: str, **inventory: Any) -> Path:
    (folder / "logs").mkdir(exist_ok=True)
    path = folder / "detector.yaml"
    document = {
        "source": {"files": {"path": str(folder / "logs"), "poll_seconds": 0.05}},
        "store": {"directory": str(folder / "state"), "min_free": 0.0},
        "telemetry": {"port": 0},
        "sinks": {"files": [{"name": "alerts", "path": str(folder / "alerts.jsonl")}]},
        "batch": {"linger": 0.01},
        "inventory": {"tenant_id": TENANT, "endpoint": origin, "requests_per_second": 200, **inventory},
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@asynccontextmanager
async def serving(config: Path) -> Any:
    """A whole service that polls."""
    service = Service(
        load(config),
        Environment(
            now=time.time,  # noqa: TID251 -- a real service has a real clock
            monotonic=time.monotonic,
            log=io.StringIO(),
            stdout=io.BytesIO(),
            credential=lambda: None,  # type: ignore[arg-type, return-value]
            directory_credential=lambda _: Identity(),
        ),
        load=lambda: load(config),
    )
    running = asyncio.create_task(service.run())
    try:
        yield running
    finally:
        service.stop()
        assert await asyncio.wait_for(running, 150) == "stopped"


def rows(folder: Path, query: str) -> list[Any]:
    if not (folder / "state" / "store.db").exists():
        return []
    connection = sqlite3.connect(f"file:{folder / 'state' / 'store.db'}?mode=ro", uri=True, timeout=60)
    try:
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()


def counters(folder: Path) -> dict[str, int]:
    return dict(rows(folder, "SELECT name, value FROM counters"))


def positions(folder: Path) -> dict[str, int]:
    return dict(rows(folder, "SELECT partition, sequence FROM positions"))


async def until(done: Callable[[], bool], running: asyncio.Task[Any]) -> None:
    deadline = time.monotonic() + 150
    while not done():
        assert not running.done(), running
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


OBJECTS = 40 + 2 + 2 + 8


def small() -> Directory:
    return synthetic(40)


async def test_what_the_directory_shows_is_judged_and_committed(tmp_path: Path) -> None:
    async with GraphServer(small()).running() as server, serving(configured(tmp_path, server.origin)) as running:
        await until(lambda: counters(tmp_path).get("received", 0) >= OBJECTS, running)
    found = counters(tmp_path)
    assert found["received"] == OBJECTS
    assert found.get("duplicate", 0) == found.get("late", 0) == 0
    assert not [name for name in found if name.startswith("quarantined")]
    assert list(positions(tmp_path)) == ["own/inventory"]


async def test_a_restart_goes_on_with_new_numbers_and_new_record_ids(tmp_path: Path) -> None:
    async with GraphServer(small()).running() as server:
        config = configured(tmp_path, server.origin)
        async with serving(config) as running:
            await until(lambda: counters(tmp_path).get("received", 0) >= OBJECTS, running)
        before = positions(tmp_path)["own/inventory"]
        async with serving(config) as running:
            await until(lambda: counters(tmp_path).get("received", 0) >= 2 * OBJECTS, running)
    assert positions(tmp_path)["own/inventory"] > before
    assert counters(tmp_path).get("duplicate", 0) == 0


async def test_logs_are_judged_while_the_directory_does_not_answer(tmp_path: Path) -> None:
    silent = Options(faults=lambda _: Fault(hang=True))
    async with GraphServer(small(), silent).running() as server:
        config = configured(tmp_path, server.origin)
        record = Path(__file__).parents[1] / "fixtures" / "records" / "every_category.jsonl"
        async with serving(config) as running:
            (tmp_path / "logs" / "a.jsonl").write_bytes(record.read_bytes())
            await until(lambda: "a.jsonl" in positions(tmp_path), running)
    assert server.asked
    assert "own/inventory" not in positions(tmp_path)


async def test_the_service_stops_in_the_middle_of_a_round(tmp_path: Path) -> None:
    def hangs(asked: Asked) -> Fault | None:
        return Fault(hang=True) if asked.query.get("$expand") == "sponsors" else None

    served = GraphServer(small(), Options(faults=hangs))
    async with served.running(), serving(configured(tmp_path, served.origin)) as running:
        await until(lambda: len(served.asked) > 4, running)
    assert counters(tmp_path).get("received", 0) == 0


async def test_without_an_identity_the_service_says_so_and_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_FEDERATED_TOKEN_FILE", raising=False)
    config = configured(tmp_path, "http://127.0.0.1:9")
    service = Service(
        load(config),
        Environment(
            now=time.time,  # noqa: TID251 -- a real service has a real clock
            monotonic=time.monotonic,
            log=io.StringIO(),
            stdout=io.BytesIO(),
            credential=lambda: None,  # type: ignore[arg-type, return-value]
        ),
        load=lambda: load(config),
    )
    with pytest.raises(SourceError, match="no federated token"):
        await service.run()
