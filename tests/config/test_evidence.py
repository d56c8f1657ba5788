"""The endpoint for evidence and the runs of pipelines: what may be set, and what is said of what may not."""

from __future__ import annotations

from typing import Any

import pytest

from detector.config.advice import advice
from detector.config.build import pipelines_of
from detector.config.load import load
from detector.errors import ConfigurationError
from detector.features.pipelines import RunRule

TENANT = "33333333-4444-5555-6666-777777777777"
GITHUB = "github: {secret_files: [/secrets/a, /secrets/b]}"


def evidence(block: str) -> str:
    return f"evidence: {{tenant_id: {TENANT}, {block}}}"


def pipeline(runs: str) -> str:
    return f"pipelines: [{{name: p, object_ids: [{TENANT}], addresses: [203.0.113.0/24], runs: [{runs}]}}]"


def test_by_default_nothing_listens() -> None:
    assert load().evidence is None


def test_what_is_left_out_has_a_default() -> None:
    block = load(text=evidence(GITHUB)).evidence
    assert block is not None
    assert (block.host, block.port, block.path) == ("127.0.0.1", 9465, "/evidence")
    assert (block.max_body_bytes, block.max_requests) == (2**20, 64)
    assert block.commit_seconds < 10, "GitHub gives up after ten seconds"
    assert block.github is not None
    assert block.github.secret_files == ("/secrets/a", "/secrets/b")


@pytest.mark.parametrize(
    "block",
    [
        "azure_devops: {username: hook, password_files: [/p]}",
        "azure_devops: {secret_files: [/s], header: X-My-Secret}",
        "azure_devops: {username: hook, password_files: [/p], secret_files: [/s]}",
        "records: {secret_files: [/s]}, path: /hooks/in, port: 0",
    ],
)
def test_azure_devops_may_prove_itself_in_two_ways(block: str) -> None:
    assert load(text=evidence(block)).evidence is not None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (evidence(""), "evidence: Nobody may send anything. Set github, azure_devops or records"),
        ("evidence: {github: {secret_files: [/a]}}", "evidence.tenant_id: This setting is required."),
        (evidence("github: {secret_files: [a]}"), "evidence.github.secret_files[0]: Not an absolute path."),
        (evidence("github: {secret_files: []}"), "evidence.github.secret_files: Must have at least 1 entry."),
        (evidence("github: {}"), "evidence.github.secret_files: This setting is required."),
        (evidence("azure_devops: {}"), "evidence.azure_devops: Azure DevOps could not prove who it is."),
        (evidence("azure_devops: {username: a}"), "evidence.azure_devops: username and password_files belong"),
        (evidence("azure_devops: {password_files: [/a]}"), "evidence.azure_devops: username and password_files"),
        (evidence("azure_devops: {secret_files: [/a], header: 'a: b'}"), "evidence.azure_devops.header: "),
        (evidence(f"{GITHUB}, path: evidence"), "evidence.path: "),
        (evidence(f"{GITHUB}, port: 70000"), "evidence.port: Must be at most 65535."),
        (evidence(f"{GITHUB}, secret: x"), "evidence.secret: Unknown setting."),
        (
            pipeline("{provider: gitlab}"),
            'pipelines[0].runs[0].provider: Not a provider of webhooks. Did you mean "github"?',
        ),
        (pipeline("{repository: a/b}"), "pipelines[0].runs[0].provider: This setting is required."),
    ],
)
def test_what_may_not_be_set(text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(text=text)
    assert any(complaint in str(problem) for problem in caught.value.problems), str(caught.value)


def test_the_runs_of_a_pipeline() -> None:
    text = pipeline(
        "{provider: github, repository: a/b, workflow: w, branch: main, environment: e}, {provider: github}"
    )
    (found,) = pipelines_of(load(text=text))
    assert found.runs == (
        RunRule(provider="github", repository="a/b", workflow="w", branch="main", environment="e"),
        RunRule(provider="github"),
    )


@pytest.mark.parametrize(
    ("runs", "said"), [("{provider: github}", False), ("{provider: azure_devops}", True), ("", True)]
)
def test_webhooks_that_no_pipeline_waits_for_are_advised_against(runs: str, said: Any) -> None:
    told = advice(load(text=f"{pipeline(runs)}\n{evidence(GITHUB)}"))
    assert ("evidence.github is set but no pipeline has runs of github" in " ".join(told)) is said
