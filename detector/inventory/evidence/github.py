"""Webhooks of GitHub: `workflow_run` and `deployment_status`.

Source: GitHub, "Webhook events and payloads" (https://docs.github.com/webhooks/webhook-events-and-payloads).
"""

from __future__ import annotations

from typing import Final

import msgspec

from detector.decode.texts import text
from detector.features.pipelines import Run
from detector.inventory.evidence.facts import Ignored, Refused
from detector.inventory.evidence.runs import Status, Told, branch_of, moment, moment_or_none, named, read

PROVIDER: Final = "github"
EVENT: Final = "X-GitHub-Event"

_ONGOING: Final[dict[str, Status]] = {
    "requested": "queued",
    "queued": "queued",
    "pending": "queued",
    "waiting": "queued",
    "in_progress": "inProgress",
}
_CONCLUSIONS: Final[dict[str, Status]] = {
    "success": "succeeded",
    "neutral": "succeeded",
    "failure": "failed",
    "timed_out": "failed",
    "startup_failure": "failed",
    "action_required": "failed",
    "stale": "failed",
    "cancelled": "cancelled",
    "skipped": "cancelled",
}
_STATES: Final[dict[str, Status]] = {
    "queued": "queued",
    "pending": "queued",
    "waiting": "queued",
    "in_progress": "inProgress",
    "success": "succeeded",
    "failure": "failed",
    "error": "failed",
}
_SUPERSEDED: Final = "inactive"
"""State of a deployment after which another one came."""


class Repository(msgspec.Struct):
    """A repository, of which only the full name is read."""

    full_name: str


class Workflow(msgspec.Struct):
    """The workflow of a run."""

    name: str | None = None
    path: str | None = None


class WorkflowRun(msgspec.Struct):
    """One attempt of a run."""

    id: int
    run_attempt: int = 1
    name: str | None = None
    path: str | None = None
    status: str | None = None
    conclusion: str | None = None
    head_branch: str | None = None
    head_sha: str | None = None
    head_repository: Repository | None = None
    created_at: str | None = None
    updated_at: str | None = None
    run_started_at: str | None = None


class WorkflowRunEvent(msgspec.Struct):
    """Payload of `workflow_run`."""

    workflow_run: WorkflowRun
    repository: Repository
    workflow: Workflow | None = None


class DeploymentStatus(msgspec.Struct):
    """One state of a deployment."""

    id: int
    state: str
    environment: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class Deployment(msgspec.Struct):
    """A deployment to an environment."""

    id: int
    sha: str | None = None
    ref: str | None = None
    environment: str | None = None
    created_at: str | None = None


class DeploymentStatusEvent(msgspec.Struct):
    """Payload of `deployment_status`."""

    deployment_status: DeploymentStatus
    deployment: Deployment
    repository: Repository
    workflow: Workflow | None = None
    workflow_run: WorkflowRun | None = None


_WORKFLOW_RUN: Final = msgspec.json.Decoder(WorkflowRunEvent)
_DEPLOYMENT_STATUS: Final = msgspec.json.Decoder(DeploymentStatusEvent)


def told(event: str, body: bytes) -> Told:
    """What a delivery says of a run.

    Args:
        event: The header `X-GitHub-Event`.
        body: The payload.

    Raises:
        Ignored: It says nothing that counts.
        Refused: It cannot be read.
    """
    if event == "workflow_run":
        return _of_run(read(_WORKFLOW_RUN, body))
    if event == "deployment_status":
        return _of_deployment(read(_DEPLOYMENT_STATUS, body))
    raise Ignored("other_event")


def _of_run(said: WorkflowRunEvent) -> Told:
    run, status = said.workflow_run, _status_of(said.workflow_run)
    _not_of_a_fork(run, said.repository)
    recorded = moment(run.updated_at, run.run_started_at, run.created_at)
    return Told(
        record_id=f"{PROVIDER}:{run.id}:{run.run_attempt}:{status}",
        recorded=recorded,
        run_id=str(run.id),
        status=status,
        run=Run(
            provider=PROVIDER,
            repository=text(said.repository.full_name),
            workflows=_workflows(said.workflow, run),
            branch=branch_of(run.head_branch),
        ),
        started=moment_or_none(run.run_started_at or run.created_at),
        finished=recorded if run.status == "completed" else None,
        commit=text(run.head_sha),
    )


def _status_of(run: WorkflowRun) -> Status:
    said, known = (run.conclusion, _CONCLUSIONS) if run.status == "completed" else (run.status, _ONGOING)
    found = known.get(said or "")
    if found is None:
        raise Refused("unsupported_shape", "The status or the conclusion of the run is none that is known.")
    return found


def _of_deployment(said: DeploymentStatusEvent) -> Told:
    state, deployment, run = said.deployment_status, said.deployment, said.workflow_run
    if state.state == _SUPERSEDED:
        raise Ignored("no_deployment")
    status = _STATES.get(state.state)
    if status is None:
        raise Refused("unsupported_shape", "The state of the deployment is none that is known.")
    if run is not None:
        _not_of_a_fork(run, said.repository)
    recorded = moment(state.updated_at, state.created_at)
    over = status in ("succeeded", "failed", "cancelled")
    return Told(
        record_id=f"{PROVIDER}:deployment:{deployment.id}:{state.id}:{status}",
        recorded=recorded,
        run_id=str(deployment.id if run is None else run.id),
        status=status,
        run=Run(
            provider=PROVIDER,
            repository=text(said.repository.full_name),
            workflows=_workflows(said.workflow, run),
            branch=branch_of(deployment.ref if run is None else run.head_branch),
            environment=text(state.environment) or text(deployment.environment),
        ),
        started=moment_or_none(deployment.created_at),
        finished=recorded if over else None,
        commit=text(deployment.sha),
    )


def _workflows(workflow: Workflow | None, run: WorkflowRun | None) -> tuple[str, ...]:
    """Names and paths; a path may end in `@` and the reference that it was taken from."""
    paths = [each.path.partition("@")[0] for each in (workflow, run) if each is not None and each.path is not None]
    names = [each.name for each in (workflow, run) if each is not None]
    return named(*paths, *names)


def _not_of_a_fork(run: WorkflowRun, repository: Repository) -> None:
    """A branch of a fork may be called what the branch that is deployed from is called."""
    head = run.head_repository
    if head is None or head.full_name.casefold() != repository.full_name.casefold():
        raise Ignored("fork")
