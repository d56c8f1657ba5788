"""Every panel of the boards and every metric of the rules, in a real Prometheus beside the running service."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from detector.cli.main import main
from tests.hub import Hub, Server
from tests.live.hosted import Hosted
from tests.live.referee import Referee
from tests.live.stage import Stage
from tests.live.stream import stream
from tests.monitoring.files import named, panels, rules
from tests.monitoring.prometheus import Prometheus, watching

CANARY = "6f1e8a52-0000-4000-8000-0000000ca4a7"
PATIENCE = 180.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning"),
]


def test_every_panel_shows_something_and_every_metric_is_exported(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    told = stream(days=0.5, agents=6)
    hub = Hub("agents", partitions=4, created=1_700_000_000.0)
    with Referee() as referee, Server(hub) as server:
        stage = Stage(tmp_path, told, referee, None)  # type: ignore[arg-type] -- nobody is forked
        stage.document |= {"canary": CANARY, "budget": {"false_alerts": 1000.0}, "model": {"shadow": True}}
        stage.read_hub(server.connection_string())
        wanted = stage.verdict()
        with Hosted(stage.config) as at, watching(tmp_path, at.service.telemetry.port) as prometheus:
            # A rate needs two scrapes before anything happens: the records come after those.
            at.until(lambda: prometheus.shows("rate(agent_detector_events_received_total[5s])"))
            # And while the connection is lost, so that all partitions are waited for when they are there again.
            server.faults.drop_connections(until_cleared=True)
            at.until(lambda: all(f'restarts_total{{partition="{each}"' in at.scrape().decode() for each in range(4)))
            for number, message in enumerate(told.messages):
                hub.put(number % 4, message.body, enqueued=message.enqueued)
            server.faults.clear()
            at.until(lambda: set(referee.seen) >= wanted.alerts)
            # What does not happen by itself: a canary, a suppression, the end of a day.
            assert main(["canary", "--config", str(stage.config)]) == 0
            hub.put(0, capfdbinary.readouterr().out.strip())
            who = ["--owner", "team", "--reason", "test", "--expires", "30d"]
            assert main(["alerts", "suppress", "--store", str(tmp_path / "state"), CANARY, *who]) == 0
            at.until(lambda: at.value("canary_last_seen_timestamp_seconds") > 0)

            assert silent_panels(prometheus) == set(), "these show nothing"
            in_rules = {name for rule in rules() for name in named(rule["expr"]) if ":" not in name}
            at.until(lambda: in_rules <= samples_of(at.scrape().decode()))
            assert {rule["name"]: rule["lastError"] for rule in prometheus.rules() if rule["health"] != "ok"} == {}
        assert at.ending == "stopped"


def silent_panels(prometheus: Prometheus) -> set[tuple[str, str]]:
    """Expressions that give no number however long one waits."""
    waiting = {(str(panel), expression) for panel in panels() for expression in panel.expressions}
    deadline = time.monotonic() + PATIENCE
    while waiting and time.monotonic() < deadline:
        waiting = {each for each in waiting if not prometheus.shows(each[1])}
        time.sleep(0.5)
    return waiting


def samples_of(scrape: str) -> set[str]:
    return {each.name for family in text_string_to_metric_families(scrape) for each in family.samples}
