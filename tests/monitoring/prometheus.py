"""A real Prometheus that scrapes one service every second, with the rules of config/prometheus."""

from __future__ import annotations

import math
import re
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.live.programs import eventually, fetched, free_port, needed, program
from tests.monitoring.files import RULES

RATE_INTERVAL = "10s"
"""What Grafana would put in for `$__rate_interval` with this scrape interval, and some more."""


class Prometheus:
    """Asks one that runs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.begun = time.time()  # noqa: TID251 -- it has the real clock

    def rules(self) -> list[dict[str, Any]]:
        """Every rule as it was evaluated last."""
        groups = fetched(f"{self.url}/api/v1/rules")["data"]["groups"]
        return [{"lastError": "", **rule} for group in groups for rule in group["rules"]]

    def over_time(self, expression: str, *, step: float = 1.0) -> list[dict[str, Any]]:
        """Series of an expression of a board, variables filled in, from the beginning until now."""
        filled = expression.replace("$__rate_interval", RATE_INTERVAL)
        filled = filled.replace("$job", ".+").replace("$instance", ".+")
        asked = {"query": filled, "start": self.begun, "end": time.time(), "step": step}  # noqa: TID251 -- the same
        return list(fetched(f"{self.url}/api/v1/query_range?{urllib.parse.urlencode(asked)}")["data"]["result"])

    def shows(self, expression: str) -> bool:
        """Whether an expression of a board gives numbers."""
        found = self.over_time(expression)
        return any(math.isfinite(float(value)) for series in found for _, value in series["values"])


@contextmanager
def watching(
    folder: Path, target: int, *, rules: Path = RULES, alertmanager: int | None = None
) -> Iterator[Prometheus]:
    """Starts a Prometheus that scrapes a port of this machine as job `detector`."""
    path = needed("prometheus", "install the Debian package prometheus")
    document: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "detector", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}],
    }
    if alertmanager is not None:
        document["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]}
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(document))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with program(
        folder / "prometheus.log",
        path,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ):
        eventually(f"{url}/api/v1/query?query=1", bool)
        yield Prometheus(url)


def hastened(rules: Path, target: Path) -> Path:
    """A copy of rules in which a minute lasts a second: ranges, offsets, `for`, and seconds that are compared."""
    text = rules.read_text(encoding="utf-8")
    text = re.sub(r"(?<=[\[ ])(\d+)m(?=[\]\s,)]|$)", r"\1s", text, flags=re.MULTILINE)
    text = re.sub(r"(?<=[\[ ])(\d+)h(?=[\]\s,)]|$)", r"\1m", text, flags=re.MULTILINE)
    text = re.sub(r"([<>] )(300|900|1800|3600|7200|86400)\b", lambda found: f"{found[1]}{int(found[2]) // 60}", text)
    target.write_text(text, encoding="utf-8")
    return target
