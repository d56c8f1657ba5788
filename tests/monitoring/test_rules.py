"""The rules of config/prometheus: sound, tested both ways, explained, and about metrics that exist."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from detector.domain.quarantine import FilterReason, Reason
from detector.telemetry.reasons import DROPPED
from detector.telemetry.reasons import RULES as DETECTORS
from tests.live.programs import needed
from tests.monitoring.files import (
    ALERTMANAGER,
    EXPORTED,
    ROOT,
    RULE_TESTS,
    RULES,
    RUNBOOKS,
    alerts,
    boards,
    named,
    recorded,
    rules,
)

PACKAGE = "install the Debian package prometheus"
REQUIRED = (
    "Down", "PipelineStalled", "LagHigh", "EventsLost", "QuarantineRatioHigh", "SinkFailing", "OutboxOld",
    "StoreNearFull", "StoreCorrupt", "ReceiverFlapping", "CardinalityCapped", "CanaryMissing", "NoRecentData",
    "AllowlistExpiring", "CriticalAlert", "HighAlert",
)  # fmt: skip
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Escalation"]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    # Go collects its garbage less often: a fifth of the time was for that.
    environment = {**os.environ, "GOGC": "400"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


@cache
def cases() -> list[dict[str, Any]]:
    return [case for path in RULE_TESTS for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]]


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    found = run(needed("promtool", PACKAGE), "check", "rules", RULES)
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{len(rules())} rules found" in found.stdout


@pytest.mark.slow
@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.name)
def test_every_case_of_the_unit_tests_holds(path: Path, tmp_path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert document["rule_files"] == ["../../config/prometheus/rules.yaml"], "for whoever runs promtool by hand"
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(those_for(document["tests"])))
    (tmp_path / path.name).write_text(yaml.safe_dump({**document, "rule_files": ["rules.yaml"]}))
    found = run(needed("promtool", PACKAGE), "test", "rules", tmp_path / path.name)
    assert found.returncode == 0, found.stdout + found.stderr


def those_for(tests: list[dict[str, Any]]) -> dict[str, Any]:
    """The rules that these tests are about and those that they are made of: promtool evaluates all that it is given."""
    waiting = {check["alertname"] for test in tests for check in test.get("alert_rule_test", [])}
    waiting |= {check["expr"] for test in tests for check in test.get("promql_expr_test", [])}
    known: dict[str, list[dict[str, Any]]] = {}
    for rule in rules():
        known.setdefault(rule.get("record") or rule["alert"], []).append(rule)
    wanted = set[str]()
    while waiting:
        name = waiting.pop()
        wanted.add(name)
        waiting |= {other for rule in known[name] for other in named(rule["expr"]) if ":" in other} - wanted
    chosen = [rule for name, same in known.items() if name in wanted for rule in same]
    return {"groups": [{"name": "chosen", "rules": chosen}]}


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent() -> None:
    fires, silent = Counter[str](), Counter[str]()
    for case in cases():
        for check in case.get("alert_rule_test", []):
            (fires if check["exp_alerts"] else silent)[check["alertname"]] += 1
    assert set(fires) == set(silent) == set(alerts())


def test_every_recorded_series_has_a_case_with_samples_and_one_without() -> None:
    some, none = Counter[str](), Counter[str]()
    for case in cases():
        for check in case.get("promql_expr_test", []):
            (some if check["exp_samples"] else none)[check["expr"]] += 1
    assert set(some) == set(none) == recorded()


def test_the_alerts_that_nobody_may_miss_are_there() -> None:
    assert {f"AgentDetector{name}" for name in REQUIRED} <= set(alerts())
    assert len(alerts()) == len([rule for rule in rules() if "alert" in rule]), "names are unique"


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_says_what_is_wrong_how_grave_it_is_and_where_to_read_on(name: str) -> None:
    alert = alerts()[name]
    assert re.fullmatch(r"AgentDetector[A-Z][A-Za-z]+", name)
    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert re.fullmatch(r"\d+[mh]", alert["for"]), "how long it has to last is said, even when it is not at all"
    notes = alert["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert re.fullmatch(r"[A-Z][^{]*\.", notes["summary"]), "a sentence without values, so that it groups"
    assert "$labels.job" in notes["description"]
    assert notes["description"].endswith(".")
    assert notes["runbook_url"].endswith(f"/docs/runbooks/{name}.md")
    assert notes["dashboard_url"].removeprefix("/d/") in {board["uid"] for board in boards().values()}


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_has_a_runbook_with_all_its_headings_and_something_under_each(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {name}\n")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    assert parts[::2] == HEADINGS
    assert all(len(part.strip()) >= 20 for part in parts[1::2])
    assert "```" in parts[2 * HEADINGS.index("Diagnosis") + 1] or "](" in parts[2 * HEADINGS.index("Diagnosis") + 1]


def test_there_is_no_runbook_without_an_alert_and_none_that_is_not_listed() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == set(alerts())
    listed = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| (\w+) \|", listed, re.MULTILINE))
    assert rows == {name: alert["labels"]["severity"] for name, alert in alerts().items()}


def test_runbooks_name_only_links_log_events_and_metrics_that_exist() -> None:
    events = set(
        re.findall(r"^\| `([a-z_]+)` \| \w+ \|", (ROOT / "docs/telemetry.md").read_text("utf-8"), re.MULTILINE)
    )
    for page in RUNBOOKS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
        for names in re.findall(r"IN\(([^)]*)\)", text):
            assert set(re.findall(r'"(\w+)"', names)) <= events, page.name
        for expression in re.findall(r"```promql\n(.*?)```", text, re.DOTALL):
            assert {name for name in named(expression) if ":" not in name} <= EXPORTED, page.name
            assert {name for name in named(expression) if ":" in name} <= recorded(), page.name


def test_rules_name_only_metrics_that_exist() -> None:
    for rule in rules():
        names = named(rule["expr"])
        assert names, rule
        assert {name for name in names if ":" not in name} <= EXPORTED, rule
        assert {name for name in names if ":" in name} <= recorded(), rule


def test_what_critical_alerts_are_made_of_is_missed_when_it_is_not_there() -> None:
    """The absent() twin. Times of a process come with every scrape, alerts appear with the first of them."""
    twin = set(re.findall(r'"metric", "(\w+)"', alerts()["AgentDetectorMetricMissing"]["expr"]))
    expressions = {rule.get("record"): rule["expr"] for rule in rules() if "record" in rule}
    for name, alert in alerts().items():
        if alert["labels"]["severity"] != "critical" or name == "AgentDetectorDown":
            continue
        metrics, waiting = set[str](), named(alert["expr"])
        while waiting:
            series = waiting.pop()
            if ":" in series:
                waiting |= named(expressions[series])
            else:
                metrics.add(series)
        metrics -= {"process_start_time_seconds", "agent_detector_alerts_total", "agent_detector_build_info"}
        assert metrics <= twin, name


def test_the_reasons_that_are_no_fault_of_a_record_are_those_of_the_program() -> None:
    expression = next(
        r["expr"] for r in rules() if r.get("record") == "job:agent_detector_events_quarantined:ratio_rate15m"
    )
    match = re.search(r'reason!~"([^"]+)"', expression)
    assert match is not None
    assert set(match[1].split("|")) == set(DROPPED) - set(get_args(Reason))
    assert set(get_args(FilterReason)) < set(match[1].split("|"))


def families() -> dict[str, set[str]]:
    found = {}
    for rule in rules():
        if rule.get("record") == "job_family_severity:agent_detector_alerts:increase1h":
            match = re.search(r'rule=~"([^"]+)"', rule["expr"])
            assert match is not None
            found[rule["labels"]["family"]] = set(match[1].split("|"))
    return found


def test_every_detector_is_of_one_family() -> None:
    members = Counter(member for family in families().values() for member in family)
    assert members == Counter([*DETECTORS, "other"])


def test_alertmanager_routes_by_families_as_they_are() -> None:
    text = ALERTMANAGER.read_text(encoding="utf-8")
    lists = [set(found.split("|")) for found in re.findall(r'detector=~"(\w+(?:\|\w+)+)"', text)]
    assert len(lists) == 2
    assert all(found in families().values() for found in lists)
    for name in re.findall(r'alertname(?:=|=~)"AgentDetector\(?([\w|]+)\)?"', text):
        assert {f"AgentDetector{part}" for part in name.split("|")} <= set(alerts())


def test_amtool_finds_nothing_wrong_with_the_example() -> None:
    found = run(needed("amtool", "install the Debian package prometheus-alertmanager"), "check-config", ALERTMANAGER)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("detector=token_spike severity=critical tenant=t", "on-call"),
        ("detector=token_spike severity=high tenant=t", "security"),
        ("detector=token_spike severity=low tenant=t", "nobody"),
        ("detector=owner_added severity=medium tenant=t", "owners"),
        ("detector=owner_takeover severity=high tenant=t", "security"),
        ("detector=configuration_drift severity=low tenant=t", "pipelines"),
        ("detector=token_spike severity=high tenant=6f1e8a52-0000-4000-8000-0000000000aa", "subsidiary"),
        ("detector=token_spike severity=critical tenant=6f1e8a52-0000-4000-8000-0000000000aa", "on-call"),
        ("alertname=AgentDetectorDown severity=critical", "on-call"),
        ("alertname=AgentDetectorLagHigh severity=warning", "platform"),
        ("alertname=AgentDetectorUnknownSpellings severity=info", "nobody"),
        ("alertname=AgentDetectorAllowlistExpiring severity=warning", "security"),
        ("alertname=AgentDetectorCalibrationOff severity=warning rule=grant_used", "security"),
        ("alertname=AgentDetectorCriticalAlert severity=critical rule=grant_used", "on-call"),
        ("alertname=AgentDetectorHighAlert severity=warning rule=grant_used", "security"),
    ],
)  # fmt: skip
def test_alerts_go_to_whom_they_concern(labels: str, receiver: str) -> None:
    amtool = needed("amtool", "install the Debian package prometheus-alertmanager")
    found = run(amtool, "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels.split())
    assert found.stdout.split() == [receiver], found.stderr
