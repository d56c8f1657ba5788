"""Writes those parts of the chart that follow from other files: `make chart`.

- `files/`: copies of the rules in `config/prometheus` and the dashboards in `config/grafana`, because a chart can only
  embed what lies inside it;
- `values.schema.json`: the schema of `config`, which is the schema of the configuration file;
- `README.md`: the table of values, from the comments in `values.yaml`.

`tests/packaging/test_chart.py` fails when one of them is not what this program writes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

ROOT: Final = Path(__file__).resolve().parents[1]
CHART: Final = ROOT / "helm" / "entra-agent-detector"
COPIES: Final = {
    ROOT / "config" / "prometheus" / "rules.yaml": CHART / "files" / "prometheus" / "rules.yaml",
    **{
        ROOT / "config" / "grafana" / f"{board}.json": CHART / "files" / "grafana" / f"{board}.json"
        for board in ("overview", "health", "quality")
    },
}
"""Where the truth is, and its copy in the chart."""
_KEY: Final = re.compile(r"^(?P<indent> *)(?P<key>[\w./-]+):(?: |$)")
_LOOKAROUND: Final = re.compile(r"\(\?(?:[=!]|<[=!])")
_PREFIX: Final = "config."


class Value(NamedTuple):
    """One row of the table of values."""

    path: str
    default: Any
    comment: str


def values(text: str) -> Iterator[Value]:
    """Every documented value of a `values.yaml`, in its order: the comment lines above a key are its description.

    Raises:
        ValueError: A value that holds no others has no comment.
    """
    document = yaml.safe_load(text)
    open_keys: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.lstrip("# "))
            continue
        found = _KEY.match(line)
        if found is None:
            continue
        indent = len(found["indent"])
        while open_keys and open_keys[-1][0] >= indent:
            open_keys.pop()
        parents = [key for _, key in open_keys]
        here, default = [*parents, found["key"]], document
        if not comment and _within(document, parents, found["key"]):
            continue  # part of a default that is described as a whole
        for key in here:
            default = default[key]
        open_keys.append((indent, found["key"]))
        group = isinstance(default, dict) and bool(default)
        if comment:
            yield Value(".".join(here), {} if group else default, " ".join(comment))
        elif not group:
            raise ValueError(f"values.yaml: {'.'.join(here)} has no comment.")
        comment = []


def _within(document: Any, parents: list[str], key: str) -> bool:  # noqa: ANN401 -- any YAML
    """Whether a key belongs to an item of a list, which no path of keys leads to."""
    for each in (*parents, key):
        if not isinstance(document, Mapping) or each not in document:
            return True
        document = document[each]
    return False


def readme(text: str, chart: Mapping[str, Any]) -> str:
    """The README of the chart."""
    rows = "".join(f"| `{row.path}` | {_shown(row.default)} | {row.comment} |\n" for row in values(text))
    return _README.format(version=chart["version"], kube=chart["kubeVersion"], rows=rows)


def _shown(default: Any) -> str:  # noqa: ANN401 -- any YAML
    if default == {}:
        return ""
    text = json.dumps(default)
    return f"`{text}`" if len(text) <= 60 else "see `values.yaml`"


def schema(base: Mapping[str, Any], configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of the values with that of the configuration put in as `config`.

    Names of definitions get a prefix, so that the two do not meet. Go, which Helm is written in, has no lookaround in
    patterns: such patterns are left out, and the service checks them itself when it starts.
    """
    config = {key: value for key, value in configuration.items() if key not in ("$schema", "$defs", "title")}
    definitions = {name: rule for name, rule in base["definitions"].items() if not name.startswith(_PREFIX)}
    definitions |= {f"{_PREFIX}{name}": _moved(rule) for name, rule in configuration["$defs"].items()}
    definitions["config.Settings"] = _moved(config)
    port = {"type": "object", "required": ["port"], "properties": {"port": {"minimum": 1}}}
    here = {
        "description": "The configuration of the detector; docs/configuration.md.",
        "allOf": [
            {"$ref": "#/definitions/config.Settings"},
            {"required": ["store", "telemetry"], "properties": {"telemetry": port}},
        ],
    }
    return {**base, "properties": {**base["properties"], "config": here}, "definitions": definitions}


def _moved(rule: Any) -> Any:  # noqa: ANN401 -- any JSON
    if isinstance(rule, list):
        return [_moved(each) for each in rule]
    if not isinstance(rule, dict):
        return rule
    moved = {}
    for key, value in rule.items():
        if key == "pattern" and isinstance(value, str) and _LOOKAROUND.search(value):
            continue
        if key == "$ref" and isinstance(value, str):
            moved[key] = value.replace("#/$defs/", f"#/definitions/{_PREFIX}")
        elif key != "default":
            moved[key] = _moved(value)
    return moved


def prepared() -> dict[Path, str]:
    """Every file that follows from others, with its text."""
    base = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    configuration = json.loads((ROOT / "docs" / "configuration.schema.json").read_text(encoding="utf-8"))
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    files = {copy: truth.read_text(encoding="utf-8") for truth, copy in COPIES.items() if truth.is_file()}
    files[CHART / "values.schema.json"] = json.dumps(schema(base, configuration), indent=1, ensure_ascii=True) + "\n"
    files[CHART / "README.md"] = readme((CHART / "values.yaml").read_text(encoding="utf-8"), chart)
    return files


def main() -> None:
    """Writes what has changed, and names it."""
    for path, text in prepared().items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")


_README: Final = """\
# entra-agent-detector

<!-- Written by `make chart` from values.yaml; do not edit. -->

Installs the [detector](../../README.md) on Kubernetes: one pod with a volume, watched by Prometheus.
Chart {version}, for Kubernetes {kube}. [docs/kubernetes.md](../../docs/kubernetes.md) is the guide: identity and rights
in Azure, sizes, upgrade, backup, troubleshooting.

```sh
helm install detector oci://ghcr.io/example/charts/entra-agent-detector --namespace agent-detector --create-namespace \\
  --set workloadIdentity.clientId=$CLIENT \\
  --set config.source.event_hubs.namespace=my-namespace.servicebus.windows.net \\
  --set config.source.event_hubs.hub=insights-logs
```

Values for a laptop, a connection string, workload identity, private endpoints, Sentinel and others are in [`ci/`](ci).

## What it installs

| resource | when |
| --- | --- |
| StatefulSet with a ReadWriteOncePod volume, which is kept when the release goes | always |
| ConfigMap with `detector.yaml`, made of `config` | always |
| Service for metrics and probes | always |
| Service for deployment evidence | `config.evidence` |
| ServiceAccount | `serviceAccount.create` |
| NetworkPolicy: deny, then what the configuration needs | `networkPolicy.enabled` |
| PodDisruptionBudget | `podDisruptionBudget.enabled` |
| PodMonitor, ServiceMonitor, PrometheusRule, ConfigMaps for Grafana | `*.enabled`, off |
| Ingress for deployment evidence | `ingress.enabled` |
| CronJobs | `cronJobs` |
| Claim for trained models, which is kept when the release goes | `models.enabled` |
| ScaledObject and TriggerAuthentication of KEDA | `keda.enabled` |
| Pod for `helm test` | `tests.enabled` |

What is not a value: the pod runs as a user other than root without capabilities, with a read-only tree, the seccomp
profile of the runtime and no token of the API server. There is one pod, never two.

## Values

| value | default | meaning |
| --- | --- | --- |
{rows}"""


if __name__ == "__main__":
    main()
