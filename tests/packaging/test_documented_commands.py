"""What the documents tell a person to type: kubectl names what the chart makes, agent-detector has the options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from typing import Final, NamedTuple

import click
import pytest
import yaml

from detector.cli.main import COMMANDS
from tests.packaging.chart import GOOD, NAMESPACE, ROOT, merged, only, pod_specs, rendered, values

PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
KINDS: Final = {
    "configmap": "ConfigMap",
    "cronjob": "CronJob",
    "job": "Job",
    "namespace": "Namespace",
    "pod": "Pod",
    "pvc": "PersistentVolumeClaim",
    "secret": "Secret",
    "service": "Service",
    "serviceaccount": "ServiceAccount",
    "statefulset": "StatefulSet",
    "sts": "StatefulSet",
}
WITH_VALUE: Final = frozenset({"-n", "--namespace", "-l", "--selector", "-c", "--container"})
"""Options of kubectl whose value may stand apart."""
VALUES: Final = merged(
    merged(merged(values("jobs"), values("models")), values("evidence")),
    {**GOOD, "podMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}},
)


class Cluster(NamedTuple):
    """What is there once the chart is installed."""

    objects: frozenset[tuple[str, str]]
    """Kind and name."""
    labels: tuple[tuple[str, dict[str, str]], ...]
    """Kind and labels."""
    ports: frozenset[str]
    config: str
    """Path of the configuration in the pod."""
    store: str
    """Directory of the store in the pod."""

    def has(self, kind: str, selector: str) -> bool:
        """Whether a selector finds an object of a kind."""
        label, _, wanted = selector.partition("=")
        return any(own == kind and labels.get(label) == wanted for own, labels in self.labels)


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    documents = [
        each
        for name, text in rendered(VALUES).items()
        if name != "NOTES.txt"
        for each in yaml.safe_load_all(text)
        if each
    ]
    stateful = only(documents, "StatefulSet")
    name, (container,) = stateful["metadata"]["name"], stateful["spec"]["template"]["spec"]["containers"]
    templates = stateful["spec"]["volumeClaimTemplates"]
    configuration = yaml.safe_load(only(documents, "ConfigMap", name)["data"]["detector.yaml"])
    claims = {("PersistentVolumeClaim", f"{each['metadata']['name']}-{name}-0") for each in templates}
    jobs = [each["spec"]["jobTemplate"]["spec"]["template"] for each in documents if each["kind"] == "CronJob"]
    pods = [stateful["spec"]["template"], *jobs]
    assert len(pod_specs(documents)) >= len(pods)
    return Cluster(
        frozenset(
            {(each["kind"], each["metadata"]["name"]) for each in documents}
            | {("Pod", f"{name}-0"), ("Namespace", NAMESPACE)}
            | claims
        ),
        (
            *((each["kind"], each["metadata"]["labels"]) for each in documents),
            *(("Pod", each["metadata"]["labels"]) for each in pods),
            *(("PersistentVolumeClaim", each["metadata"]["labels"]) for each in templates),
        ),
        frozenset(str(port["containerPort"]) for port in container["ports"]),
        container["args"][container["args"].index("--config") + 1],
        configuration["store"]["directory"],
    )


def typed(program: str, text: str) -> Iterator[list[str]]:
    """The words of every command of a program, in blocks and in the text, up to a pipe or the like."""
    for line in text.replace("\\\n", " ").splitlines():
        for found in re.finditer(rf"(?:^\s*|`|\| |\$ )(?:\.venv/bin/)?{program} ([^`|&<>#]*)", line):
            yield shlex.split(found[1].removesuffix("\\").replace("...", ""))


def wrong_with(words: list[str], cluster: Cluster) -> list[str]:
    """What of a kubectl command does not fit the chart."""
    outer, inner = words, list[str]()
    if "--" in words:
        outer, inner = words[: words.index("--")], words[words.index("--") + 1 :]
    options, (verb, *rest) = _parted(outer)
    wrong = [f"namespace {value}" for name, value in options if name in {"-n", "--namespace"} and value != NAMESPACE]
    if verb in {"config", "create"} or not (rest or options):
        return wrong + [f"namespace {rest[1]}" for kind in rest[:1] if kind == "namespace" and rest[1] != NAMESPACE]
    if verb == "port-forward":
        wrong += [f"port {port}" for port in rest[1:] if port not in cluster.ports]
    kinds, name = _meant(verb, rest)
    wrong += [f"kind {kind}" for kind in kinds if kind not in KINDS.values()]
    wrong += [f"{kind} {name}" for kind in kinds if name is not None and (kind, name) not in cluster.objects]
    for option, value in options:
        if option in {"-l", "--selector"}:
            wrong += [f"{kind} labelled {value}" for kind in kinds if not cluster.has(kind, value)]
    return wrong + (wrong_inside(inner, cluster) if verb == "exec" else [])


def _meant(verb: str, words: list[str]) -> tuple[list[str], str | None]:
    """The kinds of objects that a command is about, and the name of the one, if it has one."""
    first, *others = words[1:] if verb == "rollout" else (words or ["pod"])
    if "/" in first:
        first, _, name = first.partition("/")
        others = [name]
    elif verb == "exec":
        first, others = "pod", [first]
    kinds = [KINDS.get(kind, KINDS.get(kind.removesuffix("s"), kind)) for kind in first.split(",")]
    return kinds, others[0] if others else None


def wrong_inside(words: list[str], cluster: Cluster) -> list[str]:
    """What of a command in the pod does not fit it: the image has one program, files are where the chart has them."""
    if words[:1] != ["agent-detector"]:
        return [f"there is no {' '.join(words[:1])} in the image"]
    places = {"--config": cluster.config, "--store": cluster.store}
    return [
        f"{name} {value}" for name, value in pairwise(words) if name in places and value != places[name]
    ] + unknown_options(words[1:])


def unknown_options(words: list[str]) -> list[str]:
    """Options and commands that agent-detector does not have."""
    if not words or words[0].startswith("-") or not re.fullmatch(r"[a-z]+", words[0]):
        return []
    if words[0] not in COMMANDS:
        return [words[0]]
    command: click.Command = import_module(COMMANDS[words[0]][0]).command
    rest = words[1:]
    if isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            return [" ".join(words[:2])]
        command, rest = command.commands[rest[0]], rest[1:]
    known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help", "-h"}
    return [each for each in rest if each.startswith("--") and each.partition("=")[0] not in known]


def _parted(words: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Options with their values, and the rest."""
    options, names, waiting = list[tuple[str, str]](), list[str](), iter(words)
    for word in waiting:
        if not word.startswith("-"):
            names.append(word)
        elif word in WITH_VALUE:
            options.append((word, next(waiting)))
        else:
            name, _, value = word.partition("=")
            options.append((name, value))
    return options, names


def told() -> dict[str, str]:
    """Every page that tells somebody to type something."""
    pages = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
    return {**pages, "NOTES.txt": rendered(VALUES)["NOTES.txt"]}


def test_every_kubectl_command_names_what_the_chart_makes(cluster: Cluster) -> None:
    found = [(page, words) for page, text in told().items() for words in typed("kubectl", text)]
    assert len(found) > 50
    assert len({page for page, _ in found}) > 25
    wrong = {f"{page}: kubectl {' '.join(words)}": wrong_with(words, cluster) for page, words in found}
    assert {command: problems for command, problems in wrong.items() if problems} == {}


def test_every_agent_detector_command_has_the_options_that_it_is_given() -> None:
    found = [(page, words) for page, text in told().items() for words in typed("agent-detector", text)]
    assert len(found) > 100
    wrong = {f"{page}: {' '.join(words)}": unknown_options(words) for page, words in found}
    assert {command: problems for command, problems in wrong.items() if problems} == {}


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("exec statefulset/agent-detector -- agent-detector check", "StatefulSet agent-detector"),
        ("exec detector-0 -- agent-detector check", "Pod detector-0"),
        ("logs sts/detector --since=1h", "StatefulSet detector"),
        ("logs -l app.kubernetes.io/component=canary", "Pod labelled app.kubernetes.io/component=canary"),
        ("get pods,pvc -l app.kubernetes.io/name=x", "PersistentVolumeClaim labelled app.kubernetes.io/name=x"),
        ("get pvc detector", "PersistentVolumeClaim detector"),
        ("--namespace security get pods", "namespace security"),
        ("create namespace security", "namespace security"),
        ("rollout status statefulset/detector", "StatefulSet detector"),
        ("port-forward statefulset/detector-entra-agent-detector 9100", "port 9100"),
        ("get pots", "kind pots"),
        ("exec detector-entra-agent-detector-0 -- df -h", "there is no df in the image"),
        ("exec detector-entra-agent-detector-0 -- agent-detector doctor --config /etc/x.yaml", "--config /etc/x.yaml"),
        ("exec detector-entra-agent-detector-0 -- agent-detector alerts list --store /data", "--store /data"),
        ("exec detector-entra-agent-detector-0 -- agent-detector alerts list --stores /x", "--stores"),
        ("exec detector-entra-agent-detector-0 -- agent-detector alerts lost", "alerts lost"),
    ],
)  # fmt: skip
def test_a_command_that_does_not_fit_is_noticed(cluster: Cluster, command: str, problem: str) -> None:
    assert problem in wrong_with(shlex.split(command), cluster)
