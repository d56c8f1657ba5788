"""`agent-detector inventory`: one look at the directory, as a file that `replay` reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import yaml

from detector.cli.inventorying import write
from detector.cli.main import main
from detector.errors import UsageError
from detector.sources.instants import Glance, instant, time_of
from tests.graph.directory import AGENT, agent, person, synthetic
from tests.graph.faults import FORBIDDEN, Fault
from tests.graph.server import GraphServer, Options
from tests.inventory.stage import TENANT, Identity

EVERY = Path(__file__).parents[1] / "fixtures" / "records" / "every_category.jsonl"
OBJECTS = 40 + 2 + 2 + 8


@contextmanager
def served(options: Options | None = None) -> Iterator[GraphServer]:
    """The stand-in in a thread of its own, for a command that has a loop of its own."""
    server = GraphServer(synthetic(40), options or Options())
    ready, done = Event(), Event()

    async def serve() -> None:
        async with server.running():
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    try:
        yield server
    finally:
        done.set()
        thread.join(60)


def configured(folder: Path, server: GraphServer, **more: Any) -> Path:
    path = folder / "detector.yaml"
    block = {"tenant_id": TENANT, "endpoint": server.origin, "requests_per_second": 200, **more}
    path.write_text(yaml.safe_dump({"inventory": block}), encoding="utf-8")
    return path


def written(config: Path, out: Path, *tokens: Any) -> int:
    return write(config, out, lambda _: Identity(*tokens))


def test_the_file_holds_a_line_for_each_object_and_is_for_its_owner_only(tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "inventory.jsonl"
    with served() as server:
        assert written(configured(tmp_path, server), out) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == OBJECTS
    assert out.stat().st_mode & 0o077 == 0
    assert [each.name for each in tmp_path.iterdir() if "tmp" in each.name] == []
    assert capsys.readouterr().err == (
        f"{out}: 40 agentIdentity, 2 agentIdentityBlueprint, 2 agentIdentityBlueprintPrincipal, 8 agentUser.\n"
    )


def test_replay_reads_it_beside_logs_and_by_when_objects_were_seen(tmp_path: Path) -> None:
    logs, summary = tmp_path / "logs", tmp_path / "summary.json"
    logs.mkdir()
    with served() as server:
        assert written(configured(tmp_path, server), logs / "inventory.jsonl") == 0
    observed = (logs / "inventory.jsonl").read_bytes()
    # Logs of the hours before. The objects were created months before: read by that, they would make the logs late.
    line = next(each for each in EVERY.read_text(encoding="utf-8").splitlines() if "ServicePrincipalSignInLogs" in each)
    said = json.loads(observed.splitlines()[0])["properties"]["observedDateTime"]
    record, seen = json.loads(line), datetime.fromisoformat(said)
    with (logs / "events.jsonl").open("w", encoding="utf-8") as file:
        for number, hours in enumerate((3, 2, 1)):
            moment = (seen - timedelta(hours=hours)).isoformat()
            record["properties"].update(id=f"sign-in-{number}", createdDateTime=moment)
            file.write(json.dumps(record) + "\n")
    assert main(["replay", str(logs), "--summary", str(summary), "--no-progress"]) == 0
    told = json.loads(summary.read_text())["records"]
    assert (told["received"], told["late"]) == (OBJECTS + 3, 0)
    assert Glance().first(observed) == Glance().last(observed) == instant(said)


def test_the_time_of_an_inventory_record_is_when_the_object_was_seen() -> None:
    properties = {"createdDateTime": "2020-01-01T00:00:00Z", "observedDateTime": "2026-11-01T00:00:00Z"}
    record = json.dumps({"category": "AgentInventory", "tenantId": TENANT, "properties": properties}).encode()
    assert time_of(record) == instant("2026-11-01T00:00:00Z")
    run = json.dumps({"category": "DeploymentRecords", "properties": {"recordedDateTime": "2026-11-01T00:00:00Z"}})
    assert time_of(run.encode()) == instant("2026-11-01T00:00:00Z")


@pytest.mark.parametrize("often", [1, 2])
def test_what_could_not_be_read_is_said_and_the_rest_is_written(tmp_path: Path, capsys: Any, often: int) -> None:
    out = tmp_path / "inventory.jsonl"
    lists = [f"/{name}" for name in ("federatedIdentityCredentials", "oauth2PermissionGrants")][:often]

    def fails(asked: Any) -> Fault | None:
        return FORBIDDEN if f"/{asked.path}".endswith(tuple(lists)) else None

    with served(Options(faults=fails)) as server:
        assert written(configured(tmp_path, server), out) == 4
    said = capsys.readouterr().err
    assert (
        "Not known: federated credentials (the identity may not read it: docs/inventory.md lists the permissions, "
        "2 times).\n"
    ) in said
    assert ("Not known: delegated grants (the identity" in said) is (often == 2)
    assert len(out.read_text().splitlines()) == OBJECTS


def test_objects_that_could_not_be_understood_are_said(tmp_path: Path, capsys: Any) -> None:
    def spoils(asked: Any) -> Fault | None:
        return Fault(spoil=True) if asked.path.endswith(f"s/{AGENT}") else None

    with served(Options(faults=spoils)) as server:
        assert written(configured(tmp_path, server), tmp_path / "i.jsonl") == 4
    assert "Not understood: 1 object among owners.\n" in capsys.readouterr().err


def test_an_older_file_is_kept_when_nothing_could_be_read(tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "inventory.jsonl"
    out.write_text("older\n")
    with served(Options(faults=lambda _: FORBIDDEN)) as server:
        assert written(configured(tmp_path, server), out) == 4
    assert out.read_text() == "older\n"
    said = capsys.readouterr().err
    assert said.endswith(f"Nothing could be read, so {out} was not written.\n")
    assert "40 agentIdentity" not in said


def test_an_empty_directory_is_an_answer(tmp_path: Path, capsys: Any) -> None:
    with served() as server:
        for objects in server.directory.objects.values():
            objects.clear()
        assert written(configured(tmp_path, server), tmp_path / "i.jsonl") == 0
    assert (tmp_path / "i.jsonl").read_text() == ""
    assert capsys.readouterr().err == f"{tmp_path / 'i.jsonl'}: no objects.\n"


def test_without_a_configured_inventory_it_says_what_to_do(tmp_path: Path) -> None:
    config = tmp_path / "detector.yaml"
    config.write_text("scope: agents\n")
    with pytest.raises(UsageError, match="No inventory is configured"):
        write(config, tmp_path / "i.jsonl")
    assert main(["inventory", "--config", str(config), "--out", str(tmp_path / "i.jsonl")]) == 2


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    out = tmp_path / "nowhere" / "i.jsonl"
    with served() as server, pytest.raises(UsageError, match="cannot be written there"):
        written(configured(tmp_path, server), out)


def test_the_file_never_holds_what_graph_says_beyond_the_format(tmp_path: Path) -> None:
    out = tmp_path / "i.jsonl"
    with served() as server:
        server.directory.objects[AGENT][agent(0)]["secretText"] = "parrot"
        server.directory.relations[agent(0), "owners"][0]["mail"] = "parrot@example.com"
        server.directory.people[person(0)]["mobilePhone"] = "parrot"
        assert written(configured(tmp_path, server), out) == 0
    assert "parrot" not in out.read_text()
