"""The quick start with the emulator, typed as docs/event-hubs.md says, with the test hub in the place of containers."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.hub import Hub, Server
from tests.packaging.chart import ROOT
from tests.packaging.test_quick_start import carried_out, commands

HEADING: Final = "Quick start with Microsoft's emulator"
PAGE: Final = (ROOT / "docs" / "event-hubs.md").read_text(encoding="utf-8")
CONNECTION: Final = Path("build/emulator/connection")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place with the environment of a checkout."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def typed(folder: Path, *, until: str) -> list[str]:
    """Types what needs no container, up to a command that begins like this; returns that and the rest."""
    told = [each for each in commands(PAGE, HEADING) if not each.startswith(("docker ", "curl "))]
    while not told[0].startswith(until):
        done = carried_out(told.pop(0), folder)
        assert done.code == 0, str(done)
    return told


def test_the_emulator_is_configured_as_its_schema_wants_it(folder: Path) -> None:
    """https://github.com/Azure/azure-event-hubs-emulator-installer, EventHub-Emulator/Schema/Config-schema.json."""
    typed(folder, until=".venv/bin/agent-detector simulate")
    made: dict[str, Any] = json.loads((folder / "build/emulator/Config.json").read_text())["UserConfig"]
    (namespace,) = made["NamespaceConfig"]
    assert (namespace["Type"], namespace["Name"]) == ("EventHub", "emulatorNs1")
    (entity,) = namespace["Entities"]
    groups = [each["Name"] for each in entity["ConsumerGroups"]]
    assert "$default" not in [each.lower() for each in groups], "it is there by itself"
    assert 1 <= entity["PartitionCount"] <= 32
    assert made["LoggingConfig"]["Type"] in ("File", "Console", "File,Console", "Console,File")
    services = yaml.safe_load((folder / "build/emulator/compose.yaml").read_text())["services"]
    emulator = services["emulator"]
    assert emulator["environment"]["ACCEPT_EULA"] == "Y"
    assert {emulator["environment"][name] for name in ("BLOB_SERVER", "METADATA_SERVER")} <= set(services)
    assert all(port.startswith("127.0.0.1:") for port in emulator["ports"]), "the key is known to everybody"


@pytest.mark.slow
def test_records_are_put_in_and_alerts_come_out(folder: Path) -> None:
    typed(folder, until=".venv/bin/agent-detector simulate")
    (entity,) = json.loads((folder / "build/emulator/Config.json").read_text())["UserConfig"]["NamespaceConfig"][0][
        "Entities"
    ]
    groups = [each["Name"] for each in entity["ConsumerGroups"]]
    hub = Hub(entity["Name"], partitions=entity["PartitionCount"], consumer_groups=["$Default", *groups])
    with Server(hub) as server:
        typed_until_sending(folder, server)
        lines = (folder / "build/emulator/tenant/events.jsonl").read_bytes().count(b"\n")
        assert sum(server.stats.received.values()) == lines > 100
        run = rest_after_sending(folder)
        service = subprocess.Popen(
            [*shlex.split(run), "--port", "0"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert service.stdout is not None
        try:
            first = next((line for line in service.stdout if re.match(r"2\d{3}-\d\d-\d\d \d\d:\d\d", line)), "")
        finally:
            service.send_signal(signal.SIGINT)
            _, complaint = service.communicate(timeout=180)
    assert first, complaint
    assert service.returncode == 0, complaint


def typed_until_sending(folder: Path, server: Server) -> None:
    """Simulates and sends; the host of the emulator is that of the test hub."""
    left = typed(folder, until=".venv/bin/python build/emulator/send.py")
    written = (folder / CONNECTION).read_text()
    host = re.search(r"sb://([^;]+);", server.connection_string())
    assert host is not None
    (folder / CONNECTION).write_text(written.replace("sb://localhost;", f"sb://{host[1]};"))
    done = carried_out(left[0], folder)
    assert done.code == 0, str(done)


def rest_after_sending(folder: Path) -> str:
    """Configures and checks; returns the command that runs for ever."""
    told = commands(PAGE, HEADING)
    sent = next(number for number, each in enumerate(told) if each.startswith(".venv/bin/python build/emulator/send"))
    *between, run = told[sent + 1 :]
    for command in between:
        done = carried_out(command, folder)
        assert done.code == 0, str(done)
    return run
