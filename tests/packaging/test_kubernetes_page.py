"""What docs/kubernetes.md tells a person to type fits the chart, the decoder and the arithmetic that it names."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from detector.decode.categories import BY_NAME
from tests.packaging.chart import CHART, NAMESPACE, RELEASE, ROOT, only, resources, values

PAGE = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
VARIABLES = {
    "CLIENT": "11111111-2222-3333-4444-555555555555",
    "NS": "my-namespace",
    "HUB": "insights-logs",
    "GROUP": "agent-detector",
}


@pytest.fixture(scope="module")
def installed() -> list[dict[str, Any]]:
    """What the values of the quick start make."""
    (text,) = re.findall(r"cat >values\.yaml <<YAML\n(.+?)\nYAML", PAGE, re.DOTALL)
    return resources(yaml.safe_load(re.sub(r"\$([A-Z]+)", lambda found: VARIABLES[found[1]], text)))


def test_the_values_of_the_quick_start_can_be_installed(installed: list[dict[str, Any]]) -> None:
    assert {"StatefulSet", "PodMonitor", "PrometheusRule", "NetworkPolicy"} <= {each["kind"] for each in installed}


def test_the_identity_trusts_the_service_account_that_is_made(installed: list[dict[str, Any]]) -> None:
    account = only(installed, "ServiceAccount")["metadata"]["name"]
    subjects = re.findall(r"system:serviceaccount:([\w-]+):([\w-]+)", PAGE)
    assert set(subjects) == {(NAMESPACE, account)}
    assert len(subjects) == 2
    assert f"helm install {RELEASE} oci:" in PAGE


def test_the_names_that_commands_use_are_those_of_the_chart(installed: list[dict[str, Any]]) -> None:
    name = only(installed, "StatefulSet")["metadata"]["name"]
    for used in (f"statefulset/{name}", f"exec {name}-0", f"data-{name}-0", f"delete statefulset {name}"):
        assert used in PAGE


def test_the_values_of_the_training_are_those_of_its_scenario() -> None:
    (text,) = re.findall(r"^## A model trained every night$\n\n```yaml\n(.+?)```", PAGE, re.DOTALL | re.MULTILINE)
    shown, tried = yaml.safe_load(text), values("models")
    assert shown["config"].items() <= tried["config"].items()
    assert {name: shown[name] for name in ("models", "cronJobs")} == {
        name: tried[name] for name in ("models", "cronJobs")
    }


def test_the_categories_are_the_same_three_times_and_all_are_read() -> None:
    asked = re.findall(r'"category": "(\w+)"', PAGE)
    assert len(asked) == len(set(asked)) == 9
    (bicep,) = re.findall(r"var categories = \[(.+?)\]", PAGE, re.DOTALL)
    (terraform,) = re.findall(r"for_each = \[(.+?)\]", PAGE, re.DOTALL)
    assert re.findall(r"\w+", bicep) == re.findall(r"\w+", terraform) == asked
    assert {each.casefold() for each in asked} <= set(BY_NAME)


def _measured(pattern: str) -> int:
    """A figure of docs/performance.md."""
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    (figure,) = re.findall(pattern, page)
    return int(figure.replace(",", ""))


def test_the_table_of_sizes_follows_from_what_was_measured() -> None:
    agent, record_id = _measured(r"([\d,]+) bytes an agent, and"), _measured(r"an agent, and (\d+) for recognising")
    rows = re.findall(r"^\| ([\d,]+)[^|]* \| (\d+) \| (\d+)Mi[^|]* \| ", PAGE, re.MULTILINE)
    assert len(rows) == 5
    for agents, rate, memory in rows:
        ids = min(int(rate) * 2 * 3600, 4_000_000)
        need = 110 + (int(agents.replace(",", "")) * agent + ids * record_id) / 2**20 + 64
        assert 1.4 * need <= int(memory) <= 2.2 * need, (agents, need)
    assert f"{agent:,} bytes for an agent with a week of history and {record_id} for each" in PAGE
    default = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["resources"]["requests"]["memory"]
    assert f"{default} (the default)" in PAGE


def test_the_processor_that_a_million_records_cost_follows_from_what_was_measured() -> None:
    rate = _measured(r"60 records\) \| [\d,]+ records/s \| ([\d,]+) records/s")
    assert f"| {1_000_000 / rate:.0f} core-seconds | {rate:,} records a second |" in PAGE
    assert f"{round(rate, -2):,} records a second in messages of 60 records" in PAGE
