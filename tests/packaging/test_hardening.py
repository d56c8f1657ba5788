"""What every pod of the chart is held to, in every scenario: Pod Security's restricted profile, and more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.packaging.chart import DIGEST, GOOD, NAMESPACE, SCENARIOS, merged, only, pod_specs, resources, scenario

RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}

_MODELS = "/models/hours"
"""Which jobs alone write to, those that ask for it: `test_a_model_is_written_by_its_job_and_read_by_the_service`."""

Pod = dict[str, Any]
POD_RULES: dict[str, Callable[[Pod], bool]] = {
    "runs as somebody other than root": lambda pod: pod["securityContext"]["runAsNonRoot"] is True,
    "has a numeric user": lambda pod: pod["securityContext"]["runAsUser"] == 65532,
    "has a numeric group": lambda pod: pod["securityContext"]["runAsGroup"] == 65532,
    "owns its volume by group": lambda pod: pod["securityContext"]["fsGroup"] == 65532,
    "does not change owners at every start": lambda pod: (
        pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    ),
    "has the seccomp profile of the runtime": lambda pod: (
        pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    ),
    "gets no token of the API server": lambda pod: pod["automountServiceAccountToken"] is False,
    "is not told of every service": lambda pod: pod["enableServiceLinks"] is False,
    "does not share the network of the node": lambda pod: not pod.get("hostNetwork"),
    "does not see the processes of the node": lambda pod: not pod.get("hostPID") and not pod.get("hostIPC"),
    "does not share processes": lambda pod: not pod.get("shareProcessNamespace"),
    "mounts only kinds of volumes that restricted allows": lambda pod: all(
        set(volume) - {"name"} <= RESTRICTED_VOLUMES for volume in pod["volumes"]
    ),
    "bounds every emptyDir": lambda pod: all(
        "sizeLimit" in volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume
    ),
    "mounts Secrets for owner and group only": lambda pod: all(
        volume["secret"]["defaultMode"] == 0o440 for volume in pod["volumes"] if "secret" in volume
    ),
    "runs on Linux": lambda pod: pod["nodeSelector"]["kubernetes.io/os"] == "linux",
    "has one container": lambda pod: len(pod["containers"]) == 1 and not pod.get("initContainers"),
}
CONTAINER_RULES: dict[str, Callable[[Pod], bool]] = {
    "cannot gain privileges": lambda box: box["securityContext"]["allowPrivilegeEscalation"] is False,
    "is not privileged": lambda box: box["securityContext"]["privileged"] is False,
    "has a read-only tree": lambda box: box["securityContext"]["readOnlyRootFilesystem"] is True,
    "has no capability": lambda box: box["securityContext"]["capabilities"] == {"drop": ["ALL"]},
    "says by itself that it is not root": lambda box: box["securityContext"]["runAsNonRoot"] is True,
    "says its user by itself": lambda box: box["securityContext"]["runAsUser"] == 65532,
    "says its group by itself": lambda box: box["securityContext"]["runAsGroup"] == 65532,
    "says its seccomp profile by itself": lambda box: (
        box["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    ),
    "keeps /proc masked": lambda box: "procMount" not in box["securityContext"],
    "requests CPU": lambda box: "cpu" in box["resources"]["requests"],
    "has a limit of CPU": lambda box: "cpu" in box["resources"]["limits"],
    "requests all the memory it may have": lambda box: (
        box["resources"]["requests"]["memory"] == box["resources"]["limits"]["memory"]
    ),
    "has an image with a version": lambda box: "@sha256:" in box["image"] or ":" in box["image"].rpartition("/")[2],
    "has an image that is not latest": lambda box: not box["image"].endswith(":latest"),
    "has no secret in its environment": lambda box: (
        all("secretKeyRef" not in each.get("valueFrom", {}) for each in box.get("env", [])) and "envFrom" not in box
    ),
    "opens no port of the node": lambda box: all("hostPort" not in port for port in box.get("ports", [])),
    "mounts configuration and Secrets read-only": lambda box: all(
        mount.get("readOnly") for mount in box["volumeMounts"] if mount["mountPath"] not in ("/data", "/tmp", _MODELS)
    ),
    "mounts directories, which follow a change": lambda box: all(
        "subPath" not in mount for mount in box["volumeMounts"]
    ),
}


@pytest.mark.parametrize("rule", POD_RULES)
def test_every_pod(rule: str) -> None:
    for name in SCENARIOS:
        for pod, spec in pod_specs(scenario(name)):
            assert POD_RULES[rule](spec), f"{pod} of {name}"


@pytest.mark.parametrize("rule", CONTAINER_RULES)
def test_every_container(rule: str) -> None:
    for name in SCENARIOS:
        for pod, spec in pod_specs(scenario(name)):
            assert all(CONTAINER_RULES[rule](box) for box in spec["containers"]), f"{pod} of {name}"


def test_the_rules_see_a_pod_that_breaks_them() -> None:
    box = {
        "image": "x",
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {}}}],
        "ports": [{"hostPort": 1}],
        "volumeMounts": [{"mountPath": "/config", "subPath": "a"}],
    }
    for name in ("has no secret in its environment", "opens no port of the node", "has an image with a version"):
        assert not CONTAINER_RULES[name](box)
    assert not CONTAINER_RULES["mounts configuration and Secrets read-only"](box)
    assert not CONTAINER_RULES["mounts directories, which follow a change"](box)
    pod = {"volumes": [{"name": "a", "hostPath": {}}, {"name": "b", "emptyDir": {}}], "hostPID": True}
    for name in ("mounts only kinds of volumes that restricted allows", "bounds every emptyDir"):
        assert not POD_RULES[name](pod)
    assert not POD_RULES["does not see the processes of the node"](pod)


# ------------------------------------------------------------------------------------------ the service

Found = list[dict[str, Any]]


def _set(found: Found) -> dict[str, Any]:
    spec: dict[str, Any] = only(found, "StatefulSet")["spec"]
    return spec


def _box(found: Found) -> dict[str, Any]:
    box: dict[str, Any] = _set(found)["template"]["spec"]["containers"][0]
    return box


def _policy(found: Found) -> dict[str, Any]:
    spec: dict[str, Any] = only(found, "NetworkPolicy")["spec"]
    return spec


SERVICE_RULES: dict[str, Callable[[Found], bool]] = {
    "there is one pod": lambda found: _set(found)["replicas"] == 1,
    "its volume outlives the release": lambda found: (
        _set(found)["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    ),
    "its volume is mounted by one pod only": lambda found: (
        _set(found)["volumeClaimTemplates"][0]["spec"]["accessModes"] == ["ReadWriteOncePod"]
    ),
    "it has the time to stop": lambda found: _set(found)["template"]["spec"]["terminationGracePeriodSeconds"] >= 45,
    "its image can be pinned by digest": lambda found: _box(found)["image"].endswith(f"@{DIGEST}"),
    "it is asked whether it lives": lambda found: _box(found)["livenessProbe"]["httpGet"]["path"] == "/livez",
    "it is asked whether it is ready": lambda found: _box(found)["readinessProbe"]["httpGet"]["path"] == "/readyz",
    "it is asked whether it has started": lambda found: _box(found)["startupProbe"]["httpGet"]["path"] == "/startupz",
    "it has minutes to load its memory": lambda found: (
        _box(found)["startupProbe"]["periodSeconds"] * _box(found)["startupProbe"]["failureThreshold"] >= 300
    ),
    "it writes to the volume and /tmp alone": lambda found: (
        {mount["mountPath"] for mount in _box(found)["volumeMounts"] if not mount.get("readOnly")} == {"/data", "/tmp"}
    ),
    "its claim names a size": lambda found: (
        "storage" in _set(found)["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]
    ),
    "its selector has no version in it": lambda found: (
        set(_set(found)["selector"]["matchLabels"])
        == {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"}
    ),
    "its selector finds its pod": lambda found: (
        _set(found)["selector"]["matchLabels"].items() <= _set(found)["template"]["metadata"]["labels"].items()
    ),
    "its account mounts no token": lambda found: only(found, "ServiceAccount")["automountServiceAccountToken"] is False,
    "its account has the identity": lambda found: (
        "azure.workload.identity/client-id" in only(found, "ServiceAccount")["metadata"]["annotations"]
    ),
    "its pod uses the identity": lambda found: (
        _set(found)["template"]["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    ),
    "no right at the API server is given": lambda found: (
        not {each["kind"] for each in found} & {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}
    ),
    "no Secret is made of values": lambda found: all(each["kind"] != "Secret" for each in found),
    "no Service is open to the world": lambda found: all(
        each["spec"].get("type", "ClusterIP") == "ClusterIP" for each in found if each["kind"] == "Service"
    ),
    "the policy denies both ways": lambda found: _policy(found)["policyTypes"] == ["Ingress", "Egress"],
    "the policy holds for every pod of the release": lambda found: (
        set(_policy(found)["podSelector"]["matchLabels"]) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
    ),
    "the policy names who may come in": lambda found: all(rule.get("from") for rule in _policy(found)["ingress"]),
    "the policy names every port in and out": lambda found: all(
        rule.get("ports") for rule in (*_policy(found)["ingress"], *_policy(found)["egress"])
    ),
    "the policy names where packets may go": lambda found: all(rule.get("to") for rule in _policy(found)["egress"]),
    "the metadata service of the cloud is out of reach": lambda found: all(
        "169.254.169.254/32" in peer["ipBlock"]["except"]
        for rule in _policy(found)["egress"]
        for peer in rule["to"]
        if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
    ),
    "only scrapers reach the metrics": lambda found: all(
        peer.get("namespaceSelector", peer.get("podSelector")) != {}
        for rule in _policy(found)["ingress"]
        for peer in rule["from"]
    ),
    "nodes can be drained": lambda found: only(found, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1,
    "everything has the recommended labels": lambda found: all(
        each["metadata"]["labels"]["app.kubernetes.io/name"] == "entra-agent-detector" for each in found
    ),
    "everything is in the namespace of the release": lambda found: all(
        each["metadata"]["namespace"] == NAMESPACE for each in found
    ),
}


@pytest.fixture(scope="module")
def installed() -> Found:
    return resources(merged(GOOD, {"image": {"digest": DIGEST}}))


@pytest.mark.parametrize("rule", SERVICE_RULES)
def test_the_service(installed: Found, rule: str) -> None:
    assert SERVICE_RULES[rule](installed)


def test_there_are_at_least_forty_rules() -> None:
    assert len(POD_RULES) + len(CONTAINER_RULES) + len(SERVICE_RULES) >= 40


def test_keda_never_asks_for_a_second_pod() -> None:
    found = scenario("keda")
    assert only(found, "ScaledObject")["spec"]["maxReplicaCount"] == 1
    assert "replicas" not in only(found, "StatefulSet")["spec"], "KEDA and Helm would set it in turns"


def test_the_ingress_leads_to_evidence_and_to_nothing_else() -> None:
    ingress = only(scenario("evidence"), "Ingress")["spec"]
    assert ingress["tls"] == [{"hosts": ["evidence.example.com"], "secretName": "evidence-tls"}]
    ((path,),) = ([each["path"] for each in rule["http"]["paths"]] for rule in ingress["rules"])
    assert path == "/evidence"
    service = only(scenario("evidence"), "Service", suffix="-evidence")["spec"]
    assert [port["targetPort"] for port in service["ports"]] == ["evidence"]


def test_a_model_is_written_by_its_job_and_read_by_the_service() -> None:
    for name in SCENARIOS:
        for pod, spec in pod_specs(scenario(name)):
            for mount in (each for box in spec["containers"] for each in box["volumeMounts"]):
                if mount["mountPath"] == _MODELS and not mount.get("readOnly"):
                    assert (name, pod) == ("models", "CronJob detector-entra-agent-detector-train")


def test_a_job_that_trains_has_room_and_time_and_cannot_touch_the_store() -> None:
    job = only(scenario("models"), "CronJob")["spec"]
    assert job["concurrencyPolicy"] == "Forbid"
    spec = job["jobTemplate"]["spec"]
    assert spec["activeDeadlineSeconds"] > 3600
    (box,) = spec["template"]["spec"]["containers"]
    assert "/data" not in {each["mountPath"] for each in box["volumeMounts"]}
    (tmp,) = (each["emptyDir"]["sizeLimit"] for each in spec["template"]["spec"]["volumes"] if each["name"] == "tmp")
    assert tmp == "4Gi"
    assert box["resources"]["limits"]["ephemeral-storage"] == "5Gi"


def test_jobs_do_not_pile_up_and_do_not_touch_the_volume() -> None:
    jobs = [each for each in scenario("jobs") if each["kind"] == "CronJob"]
    assert len(jobs) == 2
    for job in jobs:
        assert job["spec"]["concurrencyPolicy"] == "Forbid"
        assert job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] <= 3600
        spec = job["spec"]["jobTemplate"]["spec"]["template"]
        assert all("persistentVolumeClaim" not in volume for volume in spec["spec"]["volumes"])
        selector = only(scenario("jobs"), "StatefulSet")["spec"]["selector"]["matchLabels"]
        assert not selector.items() <= spec["metadata"]["labels"].items(), "the Service would send scrapes to the job"
