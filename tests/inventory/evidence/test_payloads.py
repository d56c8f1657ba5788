"""What GitHub and Azure DevOps send becomes a deployment record of the declared pipeline."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from detector.decode.decoder import Decoder
from detector.domain.events import Deployment
from detector.inventory.evidence import azure_devops, github
from detector.inventory.evidence.facts import Ignored, Refused
from detector.inventory.evidence.records import Clerk
from tests.inventory.evidence.desk import PIPELINES
from tests.inventory.evidence.payloads import (
    AT,
    DEPLOYER,
    NOW,
    TENANT,
    azure,
    build,
    deployment_status,
    dumps,
    old_build,
    run_changed,
    stage_deployed,
    workflow_run,
)

CLERK = Clerk(TENANT, {}, PIPELINES)


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def event(told: Any) -> Deployment:
    decoded = Decoder(not_after=NOW).lines(CLERK.of_run(told, NOW))
    (found,) = decoded.events
    assert isinstance(found, Deployment)
    return found


def of_github(payload: dict[str, Any], name: str = "workflow_run") -> Deployment:
    return event(github.told(name, dumps(payload)))


def of_azure(payload: dict[str, Any]) -> Deployment:
    return event(azure_devops.told(dumps(payload)))


def test_a_workflow_run_of_github() -> None:
    assert of_github(workflow_run()) == Deployment(
        record_id="github:30433642:1:succeeded",
        time=seconds(AT),
        received=NOW,
        tenant_id=TENANT,
        kind="run",
        pipeline="agents-prod",
        run_id="30433642",
        status="succeeded",
        started=seconds("2026-10-03T03:50:01Z"),
        finished=seconds(AT),
        provider="github",
        repository="example/agents",
        commit="acb5820ced9479c074f688cc328bf03f341a511d",
        actor_id=DEPLOYER,
    )


def test_a_run_that_goes_on_is_not_finished() -> None:
    found = of_github(workflow_run(status="in_progress", conclusion=None))
    assert (found.status, found.finished, found.record_id) == ("in_progress", None, "github:30433642:1:inProgress")


@pytest.mark.parametrize(
    ("status", "conclusion", "expected"),
    [
        ("requested", None, "queued"),
        ("queued", None, "queued"),
        ("waiting", None, "queued"),
        ("completed", "neutral", "succeeded"),
        ("completed", "failure", "failed"),
        ("completed", "timed_out", "failed"),
        ("completed", "cancelled", "cancelled"),
        ("completed", "skipped", "cancelled"),
    ],
)
def test_states_and_conclusions_of_github(status: str, conclusion: str | None, expected: str) -> None:
    assert of_github(workflow_run(status=status, conclusion=conclusion)).status == expected


def test_another_attempt_is_another_record() -> None:
    assert of_github(workflow_run(run_attempt=2)).record_id == "github:30433642:2:succeeded"


def test_a_run_for_a_fork_is_nobodys_deployment_though_its_branch_is_called_main() -> None:
    for head in ({"full_name": "mallory/agents"}, None):
        with pytest.raises(Ignored, match="fork"):
            github.told("workflow_run", dumps(workflow_run(head_repository=head, event="pull_request")))
    payload = deployment_status()
    payload["workflow_run"]["head_repository"] = {"full_name": "mallory/agents"}
    with pytest.raises(Ignored, match="fork"):
        github.told("deployment_status", dumps(payload))


def test_a_deployment_of_github_names_its_environment_and_its_run() -> None:
    found = of_github(deployment_status(), "deployment_status")
    assert (found.record_id, found.run_id) == ("github:deployment:42:1187:succeeded", "30433642")
    assert (found.environment, found.status) == ("production", "succeeded")
    assert (found.started, found.finished) == (seconds("2026-10-03T03:51:00Z"), seconds(AT))


def test_a_deployment_that_no_workflow_made_belongs_to_no_pipeline_that_names_one() -> None:
    with pytest.raises(Ignored, match="undeclared"):
        of_github(deployment_status(by_workflow=False), "deployment_status")


@pytest.mark.parametrize(
    ("state", "expected"), [("pending", "queued"), ("in_progress", "in_progress"), ("error", "failed")]
)
def test_states_of_a_deployment(state: str, expected: str) -> None:
    assert of_github(deployment_status(state), "deployment_status").status == expected


def test_a_deployment_that_another_has_replaced_says_nothing() -> None:
    with pytest.raises(Ignored, match="no_deployment"):
        github.told("deployment_status", dumps(deployment_status("inactive")))


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("workflow_run", workflow_run(status="completed", conclusion="new_one")),
        ("workflow_run", workflow_run(status=None)),
        ("workflow_run", workflow_run(updated_at=None, run_started_at=None, created_at=None)),
        ("workflow_run", workflow_run(updated_at="yesterday")),
        ("workflow_run", workflow_run(updated_at="2026-02-30T00:00:00Z")),
        ("workflow_run", workflow_run(id="x")),
        ("workflow_run", {"workflow_run": {}}),
        ("deployment_status", deployment_status("unheard_of")),
        ("deployment_status", []),
    ],
)
def test_what_github_does_not_document_is_refused_without_a_word_of_it(event: str, payload: Any) -> None:
    with pytest.raises(Refused) as refused:
        github.told(event, dumps(payload))
    assert refused.value.reason == "unsupported_shape"
    assert "unheard" not in str(refused.value)
    assert "yesterday" not in str(refused.value)


def test_a_branch_that_is_not_declared_is_no_deployment() -> None:
    with pytest.raises(Ignored, match="undeclared"):
        of_github(workflow_run(head_branch="wild"))


def test_a_pipeline_with_two_identities_does_not_say_which_one_deployed() -> None:
    found = of_github(workflow_run(head_branch="release/7"))
    assert (found.pipeline, found.actor_id) == ("two-hands", None)


def test_a_build_of_azure_devops() -> None:
    assert of_azure(build()) == Deployment(
        record_id="azure_devops:f844ec47-a9db-4511-8281-8b63f4eaf94e:build:2727068:succeeded",
        time=seconds("2026-10-03T03:59:30.123457Z"),
        received=NOW,
        tenant_id=TENANT,
        kind="run",
        pipeline="agents-prod",
        run_id="2727068",
        status="succeeded",
        started=seconds("2026-10-03T03:50:00Z"),
        finished=seconds("2026-10-03T03:59:29.5Z"),
        provider="azure_devops",
        repository="Fabrikam/agents",
        commit="600c52d2d5b655caa111abfd863e5a9bd304bb0e",
        actor_id=DEPLOYER,
    )


def test_a_build_in_the_older_form_says_branch_and_commit_in_one() -> None:
    told = azure_devops.told(dumps(old_build()))
    assert (told.run.branch, told.commit) == ("main", "600c52d2d5b655caa111abfd863e5a9bd304bb0e")
    assert (told.status, told.run.repository, told.run.workflows) == ("succeeded", None, ("deploy-agents", "17"))


@pytest.mark.parametrize(
    ("result", "expected"),
    [("partiallySucceeded", "failed"), ("failed", "failed"), ("canceled", "cancelled"), ("stopped", "cancelled")],
)
def test_results_of_azure_devops(result: str, expected: str) -> None:
    assert of_azure(build(result=result)).status == expected


def test_a_run_of_azure_devops() -> None:
    found = of_azure(run_changed())
    assert found.record_id == (
        "azure_devops:f844ec47-a9db-4511-8281-8b63f4eaf94e:run:11:succeeded:2026-10-03T03:59:30.1234567Z"
    )
    assert (found.repository, found.status, found.finished) == (
        "Fabrikam/agents",
        "succeeded",
        seconds("2026-10-03T03:59:29.164Z"),
    )
    told = azure_devops.told(dumps(run_changed()))
    assert (told.run.branch, told.run.workflows) == ("main", ("deploy-agents", "17"))


@pytest.mark.parametrize("state", ["inProgress", "canceling"])
def test_a_run_of_azure_devops_that_goes_on(state: str) -> None:
    found = of_azure(run_changed(state, None))
    assert (found.status, found.finished) == ("in_progress", None)


@pytest.mark.parametrize(
    ("urls", "repository"),
    [
        (["https://github.com/example/agents.git"], "example/agents"),
        (["https://dev.azure.com/example/My%20Project/_git/agents"], "My Project/agents"),
        (["https://a/one", "https://a/two"], None),
        ([], None),
        (["https://[broken/x"], None),
        (["https://dev.azure.com"], None),
        (["https://dev.azure.com/_git/agents"], "_git/agents"),
    ],
)
def test_the_repository_of_a_run_is_known_by_its_address_when_there_is_one(
    urls: list[str], repository: str | None
) -> None:
    payload = run_changed(repositories=[{"type": "Git", "url": url} for url in urls])
    assert azure_devops.told(dumps(payload)).run.repository == repository


def test_a_run_without_its_resources_has_no_branch() -> None:
    payload = run_changed()
    del payload["resource"]["run"]["resources"]
    told = azure_devops.told(dumps(payload))
    assert (told.run.branch, told.commit) == (None, None)


def test_a_classic_release() -> None:
    found = of_azure(stage_deployed())
    assert found.record_id == "azure_devops:f844ec47-a9db-4511-8281-8b63f4eaf94e:release:9:5:1:succeeded"
    assert (found.pipeline, found.environment, found.run_id) == ("agents-prod", "Production", "9")
    assert found.finished == seconds("2026-10-03T03:59:30.123457Z")


def test_a_classic_release_that_is_tried_again() -> None:
    again = {"id": 77, "attempt": 2, "deploymentStatus": "failed", "startedOn": AT, "completedOn": AT}
    found = of_azure(stage_deployed(deployment=again))
    assert found.record_id.endswith(":release:9:5:2:failed")
    assert (found.started, found.finished) == (seconds(AT), seconds(AT))


@pytest.mark.parametrize(
    "payload",
    [
        run_changed("unknown", None),
        build(result=None, status=None),
        build(id=""),
        build(finishTime="soon"),
        azure("build.complete", {}, "2.0"),
        {**build(), "createdDate": "soon"},
        {**azure("build.complete", {"id": 1, "result": "failed"}, "2.0"), "createdDate": None},
        {"eventType": "build.complete"},
        {"resource": {}},
        7,
    ],
)
def test_what_azure_devops_does_not_document_is_refused(payload: Any) -> None:
    with pytest.raises(Refused) as refused:
        azure_devops.told(dumps(payload))
    assert refused.value.reason == "unsupported_shape"


@pytest.mark.parametrize("containers", [None, {}, {"account": {}}, {"account": None, "collection": {"id": "c"}}])
def test_an_event_may_leave_out_where_it_happened(containers: Any) -> None:
    found = of_azure({**build(), "resourceContainers": containers})
    assert found.record_id in ("azure_devops:-:build:2727068:succeeded", "azure_devops:c:build:2727068:succeeded")


def test_other_events_are_ignored() -> None:
    for name in ("ping", "push", ""):
        with pytest.raises(Ignored, match="other_event"):
            github.told(name, b"whatever")
    with pytest.raises(Ignored, match="other_event"):
        azure_devops.told(dumps(azure("git.push", {}, "1.0")))
