"""The chart renders in every scenario what Kubernetes allows, and follows the files that it is made from."""

from __future__ import annotations

import copy
import json
import logging
import os
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from detector.config.load import load
from detector.runtime.live.reloading import BUILT_IN
from helm import prepare
from tests.packaging.chart import (
    CHART,
    CLIENT,
    GOOD,
    ROOT,
    SCENARIOS,
    merged,
    only,
    pod_specs,
    rendered,
    resources,
    scenario,
    tool,
    values,
)

SCHEMAS = Path(__file__).parent / "schemas"
NEWEST, OLDEST = "1.33", "1.29"
"""Versions of Kubernetes whose schemas are asked; the oldest is the one that Chart.yaml names."""


# --------------------------------------------------------------------------------------------- rendering


def test_there_are_at_least_twelve_scenarios() -> None:
    assert len(SCENARIOS) >= 12


def test_the_chart_passes_the_strict_linter_with_its_own_values() -> None:
    report = tool("helm_python").lint(str(CHART), {}, strict=True)
    assert (report["total_charts_linted"], report["messages"], report["errors"]) == (1, [], [])


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_passes_the_strict_linter(name: str) -> None:
    report = tool("helm_python").lint(str(CHART), values(name), strict=True, kube_version="v1.29.0")
    assert (report["messages"], report["errors"]) == ([], [])


def valid(resource: dict[str, Any], version: str) -> None:
    """Raises unless the resource is what its schema says; a kind without a schema is a failure too."""
    import jsonschema

    own = SCHEMAS / f"{resource['kind']}.json"
    if own.is_file():
        jsonschema.validate(resource, json.loads(own.read_text(encoding="utf-8")), cls=jsonschema.Draft7Validator)
        return
    kubernetes = tool("kubernetes_validate")
    logging.getLogger("kubernetes_validate").setLevel(logging.ERROR)
    assert "." not in resource["apiVersion"].partition("/")[0] or "k8s.io" in resource["apiVersion"], (
        f"there is no schema of {resource['apiVersion']} {resource['kind']}"
    )
    kubernetes.validate(resource, version, strict=True)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_renders_what_the_schemas_of_kubernetes_allow(name: str) -> None:
    found = scenario(name)
    assert found
    for resource in found:
        valid(resource, NEWEST)


@pytest.mark.parametrize("name", ["evidence", "jobs", "large"])
def test_the_oldest_version_that_the_chart_is_for_allows_it_too(name: str) -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["kubeVersion"] == f">={OLDEST}.0-0"
    for resource in scenario(name):
        valid(resource, OLDEST)


def test_the_check_of_schemas_sees_an_unknown_kind_and_unknown_members() -> None:
    import jsonschema

    monitor = copy.deepcopy(only(scenario("prometheus-operator"), "PodMonitor"))
    monitor["spec"]["podMetricsEndpoints"][0]["intervall"] = "3s"
    with pytest.raises(jsonschema.ValidationError, match="intervall"):
        valid(monitor, NEWEST)
    with pytest.raises(AssertionError, match=r"no schema of example\.com/v1 Widget"):
        valid({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "x"}}, NEWEST)
    service = copy.deepcopy(only(scenario("files"), "Service"))
    service["spec"]["port"] = 1
    with pytest.raises(Exception, match="port"):
        valid(service, NEWEST)


def test_every_kind_that_the_chart_can_make_is_in_some_scenario() -> None:
    made = {each["kind"] for name in SCENARIOS for each in scenario(name)}
    written = {
        kind
        for path in (CHART / "templates").rglob("*.yaml")
        for kind in re.findall(r"^ {0,6}kind: (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert written == made


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_two_resources_of_a_scenario_are_the_same_one(name: str) -> None:
    names = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in scenario(name)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_configuration_that_a_pod_gets_is_valid_and_says_what_the_values_say(name: str, tmp_path: Path) -> None:
    for file, text in only(scenario(name), "ConfigMap", suffix="r")["data"].items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    settings = load(tmp_path / "detector.yaml")
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values(name)["config"]), encoding="utf-8")
    given = load(tmp_path / "values.yaml")
    assert settings.model_copy(update={"store": given.store, "telemetry": given.telemetry}) == given
    assert str(settings.store.directory) == "/data/store"
    assert settings.telemetry.host in ("0.0.0.0", "::")


# ------------------------------------------------------------------------------- what follows from what


def test_a_new_start_is_caused_by_what_needs_one_and_by_nothing_else() -> None:
    def checksum(more: dict[str, Any]) -> str:
        found = resources(merged(GOOD, {"config": more}))
        annotations = only(found, "StatefulSet")["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/fixed-configuration"])

    assert checksum({"detectors": {"token_spike": {"enabled": False}}}) == checksum({})
    assert checksum({"lateness": "30m"}) != checksum({})
    template = (CHART / "templates" / "statefulset.yaml").read_text(encoding="utf-8")
    (picked,) = re.findall(r"pick \.Values\.config ([^}]+) -}}", template)
    assert set(re.findall(r'"(\w+)"', picked)) == set(BUILT_IN)


def test_the_policy_opens_the_ports_that_the_configuration_speaks_to_and_no_other() -> None:
    def ports(name: str) -> list[int]:
        egress = only(scenario(name), "NetworkPolicy")["spec"]["egress"]
        return sorted({port["port"] for rule in egress for port in rule["ports"]} - {53, 9464, 9999})

    assert ports("workload-identity") == [443, 5671]
    assert ports("connection-string") == [5671]
    assert ports("emulator") == [5671, 5672]
    assert ports("files") == []
    assert ports("prometheus-operator") == [443, 5671, 9093]
    assert ports("private-endpoint") == [443]
    assert ports("national-cloud") == [443, 5679, 8080, 8443]
    assert ports("sentinel") == [443, 5671]


def test_a_job_that_reads_an_archive_may_reach_it() -> None:
    job = values("models")["cronJobs"]["train"]
    given = merged(values("connection-string"), {"cronJobs": {"train": job}, "models": {"enabled": True}})

    def ports(found: list[dict[str, Any]]) -> set[int]:
        egress = only(found, "NetworkPolicy")["spec"]["egress"]
        return {port["port"] for rule in egress for port in rule["ports"]} - {53, 9464}

    assert ports(resources(values("connection-string"))) == {5671}
    assert ports(resources(merged(given, {"workloadIdentity": CLIENT}))) == {443, 5671}


def test_a_model_is_trained_to_where_the_service_looks_for_it() -> None:
    found = scenario("models")
    claim = only(found, "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    pods = dict(pod_specs(found))
    mounted = {}
    for name in ("StatefulSet detector-entra-agent-detector", "CronJob detector-entra-agent-detector-train"):
        (volume,) = (each for each in pods[name]["volumes"] if each["name"] == "models")
        assert volume["persistentVolumeClaim"] == {"claimName": claim["metadata"]["name"]}
        (box,) = pods[name]["containers"]
        (mounted[name],) = (each for each in box["volumeMounts"] if each["name"] == "models")
    service, job = mounted.values()
    assert (service["mountPath"], service.get("readOnly")) == ("/models/hours", True)
    assert (job["mountPath"], job.get("readOnly")) == ("/models/hours", None)
    configuration = yaml.safe_load(only(found, "ConfigMap", suffix="r")["data"]["detector.yaml"])
    assert configuration["model"]["path"] == service["mountPath"]


def test_the_arguments_of_the_job_that_trains_are_those_of_the_command() -> None:
    from detector.cli.train import command

    (job,) = values("models")["cronJobs"].values()
    name, *arguments = job["args"]
    given = command.make_context(name, list(arguments)).params
    assert (str(given["out"]), given["dated"], given["keep"], given["identity"]) == (
        "/models/hours",
        True,
        14,
        "workload",
    )
    assert given["last"] == 28 * 86_400


def test_a_claim_of_ones_own_is_mounted_and_none_is_made() -> None:
    found = resources(merged(values("models"), {"models": {"existingClaim": "mine"}}))
    assert not any(each["kind"] == "PersistentVolumeClaim" for each in found)
    for name, pod in pod_specs(found):
        claims = [each["persistentVolumeClaim"]["claimName"] for each in pod["volumes"] if each["name"] == "models"]
        assert claims == ([] if name.startswith("Pod ") else ["mine"]), name


def test_where_one_node_can_mount_the_volume_the_job_goes_to_the_service() -> None:
    apart = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    given = merged(values("models"), {"models": {"accessMode": "ReadWriteOnce"}, "affinity": apart})
    pods = dict(pod_specs(resources(given)))
    job = pods["CronJob detector-entra-agent-detector-train"]["affinity"]
    (term,) = job["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    labels = only(resources(given), "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert term["labelSelector"]["matchLabels"].items() <= labels.items()
    assert job["podAntiAffinity"] == apart["podAntiAffinity"]
    assert pods["StatefulSet detector-entra-agent-detector"]["affinity"] == apart
    anywhere = dict(pod_specs(scenario("models")))["CronJob detector-entra-agent-detector-train"]
    assert "affinity" not in anywhere


def test_rules_and_dashboards_are_embedded_as_they_are() -> None:
    found = scenario("prometheus-operator")
    embedded = only(found, "PrometheusRule")["spec"]["groups"]
    written = yaml.safe_load((CHART / "files" / "prometheus" / "rules.yaml").read_text(encoding="utf-8"))["groups"]
    for group in embedded:
        for rule in group["rules"]:
            if "alert" in rule:
                assert rule["labels"].pop("team") == "identity"
    assert embedded == written
    boards = [each for each in found if each["metadata"].get("labels", {}).get("grafana_dashboard") == "1"]
    assert len(boards) == len(list((CHART / "files" / "grafana").glob("*.json"))) >= 3
    for board in boards:
        ((name, text),) = board["data"].items()
        path = CHART / "files" / "grafana" / name.removeprefix("entra-agent-detector-")
        assert json.loads(text) == json.loads(path.read_text(encoding="utf-8"))


def test_an_alert_can_be_left_out() -> None:
    (gone,) = values("service-monitor")["prometheusRule"]["disabled"]

    def alerts(name: str) -> set[str]:
        groups = only(scenario(name), "PrometheusRule")["spec"]["groups"]
        return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}

    assert alerts("prometheus-operator") - alerts("service-monitor") == {gone}


def test_what_is_written_by_make_chart_is_up_to_date() -> None:
    stale = [
        path.relative_to(ROOT).as_posix()
        for path, text in prepare.prepared().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, "run `make chart`"


def test_the_readme_names_every_value_and_every_value_has_a_comment() -> None:
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    documented = {row.path for row in prepare.values(text)}

    def leaves(node: Any, path: str) -> list[str]:
        if isinstance(node, dict) and node:
            return [leaf for key, each in node.items() for leaf in leaves(each, f"{path}.{key}" if path else str(key))]
        return [path]

    for leaf in leaves(yaml.safe_load(text), ""):
        assert leaf in documented, leaf
    with pytest.raises(ValueError, match="bare has no comment"):
        list(prepare.values("# Something.\ngroup:\n  # With a comment.\n  fine: 1\n  bare: 2\n"))


def test_every_value_is_in_the_schema_and_the_schema_is_closed() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert set(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))) == set(schema["properties"]) - {
        "global"
    }
    free = {"global", "affinity", "tolerations", "topologySpreadConstraints", "volumes", "volumeMounts"}

    def walk(rule: Any, path: str) -> None:
        if not isinstance(rule, dict):
            return
        if "properties" in rule and rule.get("type") == "object":
            assert rule.get("additionalProperties") is False, path
        for key, each in rule.get("properties", {}).items():
            if key not in free:
                walk(each, f"{path}/{key}")
        walk(rule.get("items"), f"{path}/items")

    walk(schema, "")
    for name, rule in schema["definitions"].items():
        if name != "config.ManifestSettings":
            walk(rule, name)


def test_the_version_of_the_chart_is_that_of_the_package() -> None:
    import detector

    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == detector.__version__
    assert f":{detector.__version__}" in chart["annotations"]["artifacthub.io/images"]


def test_notes_tell_what_is_missing() -> None:
    bare = rendered(GOOD)["NOTES.txt"]
    assert "nothing scrapes it" in bare
    assert "config.sinks is empty" in bare
    assert "image.digest is empty" in bare
    full = rendered(merged(values("prometheus-operator"), {"image": {"digest": "sha256:" + "0" * 64}}))["NOTES.txt"]
    assert "NOTE" not in full
    assert "WARNING" in rendered(values("emulator"))["NOTES.txt"]


def test_the_package_has_no_values_for_tests_in_it(tmp_path: Path) -> None:
    package = tool("helm_python").package(str(CHART), destination=str(tmp_path))
    with tarfile.open(Path(str(package))) as archive:
        names = set(archive.getnames())
    assert f"{CHART.name}/files/prometheus/rules.yaml" in names
    assert not any("/ci/" in name for name in names)


def test_the_usual_installation_is_what_a_reviewer_has_seen() -> None:
    """`UPDATE_SNAPSHOT=1 pytest tests/packaging/test_chart.py` writes it anew; review the difference."""
    snapshot = Path(__file__).parent / "snapshots" / "workload-identity.yaml"
    text = yaml.safe_dump_all(scenario("workload-identity"), sort_keys=True, width=120)
    if os.environ.get("UPDATE_SNAPSHOT"):
        snapshot.write_text(text, encoding="utf-8")
    assert text == snapshot.read_text(encoding="utf-8")


def test_keda_is_told_the_hub_and_where_its_positions_are() -> None:
    (trigger,) = only(scenario("keda"), "ScaledObject")["spec"]["triggers"]
    assert (
        trigger["metadata"].items()
        >= {
            "eventHubNamespace": "my-namespace",
            "eventHubName": "insights-logs",
            "consumerGroup": "agent-detector",
            "storageAccountName": "account",
            "blobContainer": "checkpoints",
            "checkpointStrategy": "blobMetadata",
        }.items()
    )
    assert all(isinstance(each, str) for each in trigger["metadata"].values()), "KEDA takes text only"
    login = only(scenario("keda"), "TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]
    assert login["spec"]["podIdentity"]["provider"] == "azure-workload"
