"""Wrong values are refused before anything is installed, with a path that a person can follow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.packaging.chart import CLIENT, GOOD, merged, rendered, resources, tool

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
