"""From records to people: simulated records, the running service, real Prometheus and Alertmanager, and back to calm.

Both ways: the service sends its alerts itself (sink `alertmanagers`), and Prometheus makes alerts of its metrics by the
rules of config/prometheus. Alertmanager routes them as config/alertmanager says, with the templates there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from detector.sinks.alertmanager import PATH, Alertmanager
from detector.sinks.sink import Terms
from detector.sinks.wire import Fixed, Wire
from tests.live.hosted import Hosted
from tests.live.programs import eventually, fetched, free_port, needed, program
from tests.live.referee import Referee
from tests.live.stage import Stage
from tests.live.stream import stream
from tests.monitoring.files import ALERTMANAGER, RULES
from tests.monitoring.inbox import Inbox
from tests.monitoring.prometheus import hastened, watching
from tests.sinks.receivers import route

BEGUN = 17.0
"""Seconds after which a detector counts as known: the quarter of an hour of the rules, hastened, and some."""
OVER_AFTER = 8.0
"""Seconds until Alertmanager takes an alert of the service for over; the configuration allows no less than a minute."""

CHANNELS = {"#identity-on-call", "#identity-security", "#identity-platform"}

pytestmark = pytest.mark.slow


def test_alerts_reach_people_both_ways_and_are_over_when_they_are(tmp_path: Path) -> None:
    begun = time.monotonic()
    with Inbox() as inbox, Referee() as referee, alertmanager(tmp_path, inbox) as port:
        stage = Stage(tmp_path, stream(days=0.5, agents=6), referee, None)  # type: ignore[arg-type] -- nobody is forked
        stage.document["budget"] = {"enabled": False}
        stage.read_files()
        wanted = stage.verdict()
        (tmp_path / "logs").rename(tmp_path / "later")
        (tmp_path / "logs").mkdir()
        rules = hastened(RULES, tmp_path / "rules.yaml")
        with (
            Hosted(stage.config, sinks=(sink(port),)) as at,
            watching(tmp_path, at.service.telemetry.port, rules=rules, alertmanager=port),
        ):
            # Before any record comes: what is wrong with the detector itself is told, and that it is over.
            good = stage.config.read_text()
            stage.config.write_text("lateness: never\n")
            at.tell(at.service.reload)
            refused = "A changed configuration was refused."
            # On a slow machine other warnings of the service are in the same notification.
            at.until(lambda: f"*{refused}*" in slack_texts(inbox, "#identity-platform"))
            stage.config.write_text(good)
            at.tell(at.service.reload)
            at.until(lambda: "AgentDetectorConfigurationRefused" not in active(port))
            at.until(lambda: time.monotonic() > begun + BEGUN)

            # All files at once: one that is found before the others would be judged ahead of them.
            (tmp_path / "later").rename(tmp_path / "logs")
            at.until(lambda: set(referee.seen) >= wanted.alerts)
            at.until(lambda: bool(inbox.told("firing", alertname="AgentDetectorCriticalAlert", severity="critical")))
            at.until(lambda: bool(inbox.told("firing", detector="app_role_granted", severity="critical")))

            at.until(lambda: bool(inbox.told("resolved", alertname="AgentDetectorCriticalAlert", severity="critical")))
            at.until(lambda: bool(inbox.told("resolved", detector="app_role_granted", severity="critical")))
            at.until(lambda: {notification["channel"] for notification in list(inbox.slack)} >= CHANNELS)
        assert at.ending == "stopped"
    check_what_was_said(inbox, wanted.alerts)


def check_what_was_said(inbox: Inbox, wanted: frozenset[str]) -> None:
    pushed = inbox.told("firing", severity="critical", detector="app_role_granted")
    assert {alert["labels"]["alert_id"] for alert in pushed} <= wanted
    assert all(alert["annotations"]["summary"] and alert["annotations"]["next_steps"] for alert in pushed)
    (counted, *_) = inbox.told("firing", alertname="AgentDetectorCriticalAlert")
    assert counted["labels"]["job"] == "detector"
    assert counted["annotations"]["runbook_url"].endswith("/docs/runbooks/AgentDetectorCriticalAlert.md")

    channels = {notification["channel"] for notification in inbox.slack}
    assert channels >= CHANNELS
    assert "#subsidiary-security" not in channels
    texts = [attachment for notification in inbox.slack for attachment in notification["attachments"]]
    assert all(text["title"] and text["text"] and text["color"] in {"good", "warning", "danger"} for text in texts)
    assert any("*Who*: " in text["text"] and "*Next*: 1. " in text["text"] for text in texts)
    assert any("*Where*: detector" in text["text"] and "*Runbook*: https://" in text["text"] for text in texts)
    assert not any("<no value>" in text["title"] + text["text"] for text in texts)
    on_call = [each for note in inbox.slack if note["channel"] == "#identity-on-call" for each in note["attachments"]]
    assert all(each["title"].startswith(("CRITICAL: ", "over: ")) for each in on_call)
    # Only what is critical wakes somebody.
    assert {alert["labels"]["severity"] for note in inbox.webhooks for alert in note["alerts"]} == {"critical"}


def slack_texts(inbox: Inbox, channel: str) -> str:
    notes = [note for note in list(inbox.slack) if note["channel"] == channel]
    return "\n".join(each["text"] for note in notes for each in note["attachments"])


def active(port: int) -> set[str]:
    """Names of the alerts that an Alertmanager holds."""
    return {each["labels"]["alertname"] for each in fetched(f"http://127.0.0.1:{port}/api/v2/alerts?active=true")}


def sink(port: int) -> Alertmanager:
    """As the configuration makes it, except that alerts are over sooner."""
    clock = time.time  # noqa: TID251 -- Alertmanager has the real clock
    wire = Wire(Fixed(f"http://127.0.0.1:{port}/{PATH}"), route(), clock)
    return Alertmanager("push", Terms(batch=20), wire, clock, resolve_after=OVER_AFTER)


@contextmanager
def alertmanager(folder: Path, inbox: Inbox) -> Iterator[int]:
    """A real Alertmanager with the example of config/, which has less patience and tells the inbox; its port."""
    path = needed("prometheus-alertmanager", "install the Debian package prometheus-alertmanager")
    document = yaml.safe_load(ALERTMANAGER.read_text(encoding="utf-8"))
    document["templates"] = [str(ALERTMANAGER.parent / "templates" / "*.tmpl")]
    hasten(document["route"])
    for receiver in document["receivers"]:
        for block in receiver.get("slack_configs", []):
            del block["api_url_file"]
            block["api_url"] = inbox.url("slack")
        for block in receiver.get("webhook_configs", []):
            block["url"] = inbox.url("webhook")
    config = folder / "alertmanager.yml"
    config.write_text(yaml.safe_dump(document))
    port = free_port()
    with program(
        folder / "alertmanager.log",
        path,
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ):
        eventually(f"http://127.0.0.1:{port}/api/v2/status", bool)
        yield port


def hasten(branch: dict[str, Any]) -> None:
    """Lets a route and those below it wait for next to nothing."""
    branch |= {"group_wait": "0s", "group_interval": "1s"}
    for below in branch.get("routes", []):
        hasten(below)
