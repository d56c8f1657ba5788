"""What the plots need to be about something: the service on simulated records, scraped by a real Prometheus."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
_NOBODY: Final = "6f1e8a52-0000-4000-8000-000000000001"
"""An agent that does not exist."""
_STEPS: Final = 300
_PATIENCE: Final = 60.0


@contextmanager
def stage(folder: Path, *, days: float, agents: int) -> Iterator[tuple[Path, Path, str]]:
    """A running service and a Prometheus that scrapes it; the file of records, where it has to be, and the URL."""
    detector = [sys.executable, "-m", "detector"]
    simulate = ["simulate", "--seed", "7", "--days", str(days), "--agents", str(agents), "--out", str(folder)]
    subprocess.run([*detector, *simulate], check=True, stdout=subprocess.DEVNULL)
    logs = folder / "logs"
    logs.mkdir()
    ports = _free_port(), _free_port()
    with (folder / "detector.yaml").open("a") as written:
        written.write("model: {shadow: true}\n")
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        f"rule_files: ['{ROOT / 'config' / 'prometheus' / 'rules.yaml'}']\n"
        "scrape_configs:\n"
        f"  - {{job_name: detector, static_configs: [{{targets: ['127.0.0.1:{ports[0]}']}}]}}\n"
    )
    service = [*detector, "run", "--config", str(folder / "detector.yaml"), "--follow", str(logs)]
    service += ["--store", str(folder / "state"), "--port", str(ports[0])]
    prometheus = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    prometheus += [f"--web.listen-address=127.0.0.1:{ports[1]}"]
    url = f"http://127.0.0.1:{ports[1]}"
    with _running(folder / "service.log", service), _running(folder / "prometheus.log", prometheus):
        deadline = time.monotonic() + _PATIENCE
        while not _up(url):
            if time.monotonic() > deadline:
                raise SystemExit(f"Prometheus does not scrape the service; see {folder}.")
            time.sleep(0.5)
        suppress = ["alerts", "suppress", _NOBODY, "--store", str(folder / "state"), "--expires", "30d"]
        subprocess.run([*detector, *suppress, "--owner", "team", "--reason", "to be seen"], check=True)
        yield folder / "events.jsonl", logs / "events.jsonl", url


def feed(source: Path, target: Path, seconds: float) -> None:
    """Lets the file grow for so long, as a collector would write it."""
    step = -(-source.stat().st_size // _STEPS)
    with source.open("rb") as records, target.open("ab", buffering=0) as growing:
        while part := records.read(step):
            growing.write(part)
            time.sleep(seconds / _STEPS)


def asked(url: str, path: str, **parameters: object) -> list[Any]:
    """The result of a query: series, or time and value of a scalar."""
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
        found: list[Any] = json.load(answer)["data"]["result"]
    return found


def _up(url: str) -> bool:
    try:
        return bool(asked(url, "query", query="agent_detector_build_info"))
    except OSError:
        return False


@contextmanager
def _running(log: Path, command: list[str]) -> Iterator[None]:
    with log.open("wb") as told, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told) as process:
        try:
            yield
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
