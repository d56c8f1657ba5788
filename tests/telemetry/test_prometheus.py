"""The real Prometheus reads what is exported, and its own linter has nothing to say."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.programs import free_port
from tests.telemetry.facts import tell_all
from tests.telemetry.test_hostile import PAYLOADS
from tests.telemetry.test_server import Service

PATIENCE = 120.0


def needed(program: str) -> str:
    """Path of a program of the Debian package prometheus; without it a run in CI fails, another skips."""
    found = shutil.which(program)
    if found is None:
        message = f"{program} is missing: install the Debian package prometheus"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    for partition in range(4):
        made.told.runtime.partition_opened(str(partition))
    for payload in PAYLOADS:
        tell_all(made.told, payload)
    made.told.runtime.batch_received("3", 77, 1)
    made.told.runtime.alert_raised("token_spike", "high", 3.0, "0" * 32)
    yield made
    made.end()


def fetched(url: str, accept: str = "text/plain") -> bytes:
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=60) as response:
        return bytes(response.read())


def test_promtool_has_nothing_to_say_about_a_live_scrape(service: Service) -> None:
    """B5.1: exit 0 and no output."""
    scrape = fetched(f"http://127.0.0.1:{service.told.port}/metrics")
    checked = subprocess.run(
        (needed("promtool"), "check", "metrics"), input=scrape, capture_output=True, check=False, timeout=60
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


@pytest.fixture
def prometheus(tmp_path: Path, service: Service) -> Iterator[str]:
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        f"  - {{job_name: detector, static_configs: [{{targets: ['127.0.0.1:{service.told.port}']}}]}}\n"
    )
    port = free_port()
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            (
                needed("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--enable-feature=exemplar-storage",
            ),
            stdout=log,
            stderr=log,
        )
    yield f"http://127.0.0.1:{port}"
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE)


def asked(prometheus: str, expression: str) -> float | None:
    """The value of an expression once it has one."""
    url = f"{prometheus}/api/v1/query?query={urllib.request.quote(expression)}"  # type: ignore[attr-defined]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            result = json.loads(fetched(url))["data"]["result"]
        except OSError:
            result = []
        if result:
            return float(result[0]["value"][1])
        time.sleep(0.2)  # another process starts and scrapes in its own time
    return None


@pytest.mark.slow
def test_the_real_prometheus_scrapes_it(prometheus: str) -> None:
    assert asked(prometheus, 'up{job="detector"} == 1') == 1
    assert asked(prometheus, 'agent_detector_events_received_total{partition="3"}') == 77
    assert asked(prometheus, 'agent_detector_alerts_total{rule="token_spike",severity="high"}') == 1
    assert asked(prometheus, "histogram_quantile(0.5, agent_detector_end_to_end_latency_seconds_bucket)") is not None
    query = "query=agent_detector_end_to_end_latency_seconds_bucket&start=0&end=9999999999"
    (found,) = json.loads(fetched(f"{prometheus}/api/v1/query_exemplars?{query}"))["data"]
    assert found["exemplars"][0]["labels"] == {"alert_id": "0" * 32}
