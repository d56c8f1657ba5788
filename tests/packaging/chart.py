"""The chart, rendered by the real Helm library, and what a test asks about the result."""

from __future__ import annotations

import copy
import functools
import importlib
import os
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
CHART: Final = ROOT / "helm" / "entra-agent-detector"
SCENARIOS: Final = tuple(
    sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
)
RELEASE: Final = "detector"
NAMESPACE: Final = "agent-detector"
DIGEST: Final = "sha256:" + "5e" * 32

CLIENT: Final = {"clientId": "11111111-2222-3333-4444-555555555555"}
GOOD: Final[dict[str, Any]] = {
    "workloadIdentity": CLIENT,
    "config": {"source": {"event_hubs": {"namespace": "my-namespace.servicebus.windows.net", "hub": "insights-logs"}}},
}
"""The least values with which the chart can be installed."""

Resource = dict[str, Any]


def missing(what: str) -> None:
    """Something that a test needs is not there: a failure in CI, a skipped test elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI has no {what}: run the tests with `make test`.")
    pytest.skip(f"needs {what}: `make peers` and `make venv` install it")


def tool(name: str) -> Any:
    """A module of the development environment."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(name)


def values(scenario: str) -> dict[str, Any]:
    """The values of a scenario, read as Helm reads them."""
    text = (CHART / "ci" / f"{scenario}-values.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = tool("helm_python").values_from_yaml(text)
    return found


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Values over values, as Helm lays one file over another."""
    result = copy.deepcopy(base)
    for key, value in more.items():
        result[key] = (
            merged(result[key], value) if isinstance(value, dict) and isinstance(result.get(key), dict) else value
        )
    return result


def rendered(given: dict[str, Any]) -> dict[str, str]:
    """What Helm makes of some values: template to text."""
    text: dict[str, str] = tool("helm_python").Chart.load(str(CHART)).render(given, name=RELEASE, namespace=NAMESPACE)
    return {path.removeprefix(f"{CHART.name}/templates/"): each for path, each in text.items()}


def resources(given: dict[str, Any]) -> list[Resource]:
    """The resources that Helm makes of some values."""
    return [
        document
        for path, text in rendered(given).items()
        if path != "NOTES.txt"
        for document in yaml.safe_load_all(text)
        if document
    ]


@functools.cache
def scenario(name: str) -> tuple[Resource, ...]:
    """The resources of a scenario."""
    return tuple(resources(values(name)))


def only(found: tuple[Resource, ...] | list[Resource], kind: str, suffix: str = "") -> Resource:
    """The one resource of a kind, with this end of its name."""
    (one,) = (each for each in found if each["kind"] == kind and each["metadata"]["name"].endswith(suffix))
    return one


def pod_specs(found: tuple[Resource, ...] | list[Resource]) -> list[tuple[str, dict[str, Any]]]:
    """Every pod that the resources make, with a name for messages."""
    specs = []
    for each in found:
        match each["kind"]:
            case "Pod":
                spec = each["spec"]
            case "StatefulSet":
                spec = each["spec"]["template"]["spec"]
            case "CronJob":
                spec = each["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            case _:
                continue
        specs.append((f"{each['kind']} {each['metadata']['name']}", spec))
    return specs
