"""Wrong values are refused before anything is installed, with a path that a person can follow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.packaging.chart import CLIENT, GOOD, merged, rendered, resources, tool


def training(*arguments: str, models: bool = True) -> dict[str, Any]:
    """Values with a job that trains, by these arguments."""
    job = {"schedule": "@daily", "args": ["train", *arguments], "models": models}
    return {"models": {"enabled": True}, "cronJobs": {"x": job}}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "two pods": ({"replicas": 2}, "/replicas"),
    "two pods by KEDA": ({"keda": {"maxReplicas": 2}}, "/keda/maxReplicas"),
    "root": ({"runAsUser": 0}, "/runAsUser"),
    "a low group": ({"runAsGroup": 100}, "/runAsGroup"),
    "an unknown value": ({"replicaCount": 1}, "additional properties 'replicaCount' not allowed"),
    "an unknown value below": ({"persistence": {"sise": "1Gi"}}, "at '/persistence': additional properties 'sise'"),
    "the tag latest": ({"image": {"tag": "latest"}}, "/image/tag"),
    "half a digest": ({"image": {"digest": "sha256:1f0c"}}, "/image/digest"),
    "a policy of pulls": ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
    "a shared volume": ({"persistence": {"accessMode": "ReadWriteMany"}}, "/persistence/accessMode"),
    "a size in words": ({"persistence": {"size": "plenty"}}, "/persistence/size"),
    "no limit of memory": ({"resources": {"limits": {"memory": None}}}, "/resources/limits"),
    "a client id that is a name": ({"workloadIdentity": {"clientId": "detector"}}, "/workloadIdentity/clientId"),
    "a Secret anywhere": ({"secrets": [{"name": "x", "mountPath": "/usr/bin"}]}, "/secrets/0/mountPath"),
    "a Secret in the environment": (
        {"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]},
        "/env/0/valueFrom",
    ),
    "a directory of the node": ({"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}, "/volumes/0"),
    "too little time to stop": ({"terminationGracePeriodSeconds": 5}, "/terminationGracePeriodSeconds"),
    "an Ingress without TLS": ({"ingress": {"enabled": True, "host": "a.example.com"}}, "/ingress"),
    "an Ingress without a host": ({"ingress": {"enabled": True, "tlsSecretName": "a"}}, "/ingress"),
    "a port that is none": ({"networkPolicy": {"extraEgressPorts": [70000]}}, "/networkPolicy/extraEgressPorts/0"),
    "a peer that says nothing": ({"networkPolicy": {"metricsFrom": [{}]}}, "/networkPolicy/metricsFrom/0"),
    "a network without length": (
        {"networkPolicy": {"egressNetworks": ["10.0.0.0"]}},
        "/networkPolicy/egressNetworks/0",
    ),
    "a schedule of four fields": (
        {"cronJobs": {"x": {"schedule": "* * * *", "args": ["check"]}}},
        "/cronJobs/x/schedule",
    ),
    "a job that runs nothing": ({"cronJobs": {"x": {"schedule": "@daily", "args": []}}}, "/cronJobs/x/args"),
    "an interval without unit": ({"podMonitor": {"interval": "30"}}, "/podMonitor/interval"),
    "a label that is a number": ({"commonLabels": {"team": 7}}, "/commonLabels/team"),
    "a misspelt detector": (
        {"config": {"detectors": {"token_spikes": {"enabled": False}}}},
        "at '/config/detectors': additional properties 'token_spikes' not allowed",
    ),
    "a number as text in the configuration": (
        {"config": {"rates": {"agents": {"ratio": "three"}}}},
        "/config/rates/agents/ratio",
    ),
    "any port for metrics": ({"config": {"telemetry": {"port": 0}}}, "/config/telemetry/port"),
    "a sink without a name": ({"config": {"sinks": {"slack": [{"url_file": "/x"}]}}}, "/config/sinks/slack/0"),
    # What no schema can say:
    "no source": ({"config": {"source": {"event_hubs": None}}}, "config.source: say where the records come from"),
    "no identity": (
        {"workloadIdentity": {"clientId": ""}},
        "workloadIdentity.clientId: config.source.event_hubs is reached",
    ),
    "metrics for nobody": ({"config": {"telemetry": {"host": "127.0.0.1"}}}, "config.telemetry.host: in a pod"),
    "a store beside the volume": (
        {"config": {"store": {"directory": "/tmp/x"}}},
        "config.store.directory: it has to lie in /data",
    ),
    "an Ingress to nothing": (
        {"ingress": {"enabled": True, "host": "a.example.com", "tlsSecretName": "a"}},
        "ingress.enabled: there is nothing to reach",
    ),
    "evidence for nobody": (
        {"config": {"evidence": {"tenant_id": CLIENT["clientId"], "records": {"secret_files": ["/secrets/a/b"]}}}},
        "config.evidence.host: in a pod",
    ),
    "KEDA without positions": ({"keda": {"enabled": True}}, "keda.enabled: KEDA looks at positions"),
    "a model on no volume": ({"config": {"model": {"path": "/models/hours"}}}, "config.model.path: there is no volume"),
    "a job that writes models to no volume": (
        {"cronJobs": {"x": {"schedule": "@daily", "args": ["models"], "models": True}}},
        "cronJobs.x.models: there is no volume of models",
    ),
    "a model trained to nowhere": (training(models=False), "cronJobs.x.models: train writes a model"),
    "a model that is in the way of the next": (
        training("https://a.blob.core.windows.net", "--identity", "workload", "--out", "/models/hours/2"),
        "cronJobs.x.args: a model is never written over",
    ),
    "a model written beside the volume": (
        training("/logs", "--out", "/models/hours2", "--dated"),
        "cronJobs.x.args: a model is never written over",
    ),
    "an archive that nobody reads": (
        training("https://a.blob.core.windows.net", "--out", "/models/hours", "--dated"),
        "cronJobs.x.args: say who reads the archive",
    ),
    "an archive read without an identity": (
        {
            **training("https://a.blob.core.windows.net", "--identity=workload", "--out=/models/hours", "--dated"),
            "workloadIdentity": {"clientId": ""},
            "config": {"source": {"event_hubs": None, "files": {"path": "/logs"}}},
        },
        "workloadIdentity.clientId: cronJobs.x reads the archive",
    ),
    "a volume of models for many that one node mounts": (
        {
            **training("/logs", "--out", "/models/hours", "--dated"),
            "models": {"enabled": True, "accessMode": "ReadWriteOnce"},
            "keda": {"enabled": True},
            "config": {"source": {"event_hubs": {"mirror": {"container": "https://a.blob.core.windows.net/b"}}}},
        },
        "models.accessMode: KEDA stops the pod",
    ),
    "a volume of models that many write": ({"models": {"accessMode": "ReadOnlyMany"}}, "/models/accessMode"),
    "room for sorting without room on the node": (
        {"cronJobs": {"x": {"schedule": "@daily", "args": ["models"], "tmp": "4Gi"}}},
        "/cronJobs/x",
    ),
}


def test_the_values_that_the_wrong_ones_differ_from_are_right() -> None:
    assert resources(GOOD)
    assert len(BAD) >= 15


@pytest.mark.parametrize("what", BAD)
def test_a_wrong_value_is_refused_with_a_readable_path(what: str) -> None:
    more, path = BAD[what]
    helm = tool("helm_python")
    with pytest.raises(helm.HelmError) as refused:
        rendered(merged(GOOD, more))
    assert path in str(refused.value)
