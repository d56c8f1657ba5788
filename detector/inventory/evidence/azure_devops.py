"""Service hooks of Azure DevOps: completed builds, runs that change state, completed deployments of classic releases.

Source: Azure DevOps, "Service hook events" (https://learn.microsoft.com/azure/devops/service-hooks/events). Resource
versions 1.0 and 2.0 of builds differ in where the result stands; both are read.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from detector.decode.texts import text
from detector.features.pipelines import Run
from detector.inventory.evidence.facts import Ignored, Refused
from detector.inventory.evidence.runs import Status, Told, branch_of, moment, moment_or_none, named, read

PROVIDER: Final = "azure_devops"

_STATUSES: Final[dict[str, Status]] = {
    "notstarted": "queued",
    "queued": "queued",
    "scheduled": "queued",
    "inprogress": "inProgress",
    "canceling": "inProgress",
    "cancelling": "inProgress",
    "succeeded": "succeeded",
    "partiallysucceeded": "failed",
    "failed": "failed",
    "rejected": "failed",
    "canceled": "cancelled",
    "cancelled": "cancelled",
    "stopped": "cancelled",
}
"""States and results in lower case. What succeeded in part is not known to have done what it should."""

Number = int | str


class Named(msgspec.Struct):
    """Something with an id and a name: a definition, a project, a repository."""

    id: Number | None = None
    name: str | None = None


class Containers(msgspec.Struct):
    """Where an event happened."""

    account: Named | None = None
    collection: Named | None = None


class Event(msgspec.Struct, rename="camel"):
    """What every event has."""

    event_type: str
    resource: msgspec.Raw = msgspec.Raw(b"null")
    created_date: str | None = None
    resource_containers: Containers | None = None


class Pipeline(msgspec.Struct):
    """A definition."""

    id: Number | None = None
    name: str | None = None
    path: str | None = None
    folder: str | None = None
    project: Named | None = None


class Build(msgspec.Struct, rename="camel"):
    """Resource of `build.complete`."""

    id: Number
    status: str | None = None
    result: str | None = None
    definition: Pipeline | None = None
    project: Named | None = None
    repository: Named | None = None
    source_branch: str | None = None
    source_version: str | None = None
    source_get_version: str | None = None
    start_time: str | None = None
    finish_time: str | None = None


class Checkout(msgspec.Struct, rename="camel"):
    """A repository as a run used it."""

    ref_name: str | None = None
    version: str | None = None


class Resources(msgspec.Struct):
    """What a run used; the repository of its definition is called `self`."""

    repositories: dict[str, Checkout] = {}


class PipelineRun(msgspec.Struct, rename="camel"):
    """A run."""

    id: Number
    state: str | None = None
    result: str | None = None
    pipeline: Pipeline | None = None
    resources: Resources | None = None
    created_date: str | None = None
    finished_date: str | None = None


class Source(msgspec.Struct):
    """A repository of a run."""

    url: str | None = None


class RunChanged(msgspec.Struct):
    """Resource of `ms.vss-pipelines.run-state-changed-event`."""

    run: PipelineRun
    pipeline: Pipeline | None = None
    repositories: list[Source] | None = None


class Stage(msgspec.Struct, rename="camel"):
    """An environment of a classic release."""

    id: Number
    name: str | None = None
    status: str | None = None
    release: Named | None = None
    release_definition: Named | None = None


class StageDeployment(msgspec.Struct, rename="camel"):
    """One attempt to deploy to it."""

    id: Number | None = None
    attempt: int | None = None
    deployment_status: str | None = None
    release_definition: Named | None = None
    started_on: str | None = None
    completed_on: str | None = None


class StageDeployed(msgspec.Struct):
    """Resource of `ms.vss-release.deployment-completed-event`."""

    environment: Stage
    deployment: StageDeployment | None = None
    project: Named | None = None


_EVENT: Final = msgspec.json.Decoder(Event)
_BUILD: Final = msgspec.json.Decoder(Build)
_RUN: Final = msgspec.json.Decoder(RunChanged)
_STAGE: Final = msgspec.json.Decoder(StageDeployed)


def told(body: bytes) -> Told:
    """What a delivery says of a run.

    Raises:
        Ignored: It says nothing that counts.
        Refused: It cannot be read.
    """
    event = read(_EVENT, body)
    where = _organization(event)
    if event.event_type == "build.complete":
        return _of_build(read(_BUILD, bytes(event.resource)), event, where)
    if event.event_type == "ms.vss-pipelines.run-state-changed-event":
        return _of_run(read(_RUN, bytes(event.resource)), event, where)
    if event.event_type == "ms.vss-release.deployment-completed-event":
        return _of_stage(read(_STAGE, bytes(event.resource)), event, where)
    raise Ignored("other_event")


def _of_build(build: Build, event: Event, where: str) -> Told:
    status, definition = _status(build.result, build.status), build.definition or Pipeline()
    recorded = moment(event.created_date, build.finish_time)
    branch, commit = build.source_branch, build.source_version
    if branch is None and build.source_get_version is not None:
        # `LG:refs/heads/main:<commit>` in resource version 1.0.
        branch, _, commit = build.source_get_version.partition(":")[2].rpartition(":")
    return Told(
        record_id=f"{PROVIDER}:{where}:build:{_number(build.id)}:{status}",
        recorded=recorded,
        run_id=_number(build.id),
        status=status,
        run=Run(
            provider=PROVIDER,
            repository=_repository(build.project or definition.project, build.repository),
            workflows=_workflows(definition),
            branch=branch_of(branch),
        ),
        started=moment_or_none(build.start_time),
        finished=moment_or_none(build.finish_time),
        commit=text(commit),
    )


def _of_run(said: RunChanged, event: Event, where: str) -> Told:
    run = said.run
    status = _status(run.result if run.state == "completed" else None, run.state)
    recorded = moment(event.created_date, run.finished_date, run.created_date)
    own = run.resources.repositories.get("self", Checkout()) if run.resources is not None else Checkout()
    return Told(
        # A run whose stages are tried again completes again, at another time.
        record_id=f"{PROVIDER}:{where}:run:{_number(run.id)}:{status}:{recorded}",
        recorded=recorded,
        run_id=_number(run.id),
        status=status,
        run=Run(
            provider=PROVIDER,
            repository=_only(said.repositories),
            workflows=_workflows(said.pipeline or run.pipeline or Pipeline()),
            branch=branch_of(own.ref_name),
        ),
        started=moment_or_none(run.created_date),
        finished=moment_or_none(run.finished_date) if run.state == "completed" else None,
        commit=text(own.version),
    )


def _of_stage(said: StageDeployed, event: Event, where: str) -> Told:
    stage, deployment = said.environment, said.deployment or StageDeployment()
    status = _status(deployment.deployment_status, stage.status)
    recorded = moment(event.created_date, deployment.completed_on)
    release = _number(stage.id if stage.release is None or stage.release.id is None else stage.release.id)
    definition = stage.release_definition or deployment.release_definition or Named()
    return Told(
        record_id=f"{PROVIDER}:{where}:release:{release}:{_number(stage.id)}:{deployment.attempt or 1}:{status}",
        recorded=recorded,
        run_id=release,
        status=status,
        run=Run(
            provider=PROVIDER,
            repository=_repository(said.project, None),
            workflows=named(definition.name, definition.id),
            environment=text(stage.name),
        ),
        started=moment_or_none(deployment.started_on),
        finished=moment_or_none(deployment.completed_on) or recorded,
    )


def _status(result: str | None, state: str | None) -> Status:
    said = result if result not in (None, "", "none", "undefined") else state
    found = _STATUSES.get((said or "").casefold())
    if found is None:
        raise Refused("unsupported_shape", "The state or the result is none that is known.")
    return found


def _organization(event: Event) -> str:
    containers = event.resource_containers or Containers()
    place = containers.account or containers.collection or Named()
    return text(str(place.id or "")) or "-"


def _number(value: Number) -> str:
    found = text(str(value))
    if found is None:
        raise Refused("unsupported_shape", "An id in the payload is empty.")
    return found


def _workflows(definition: Pipeline) -> tuple[str, ...]:
    folder = (definition.folder or definition.path or "").rstrip("\\")
    full = f"{folder}\\{definition.name}" if folder and definition.name else None
    return named(definition.name, full, definition.id)


def _repository(project: Named | None, repository: Named | None) -> str | None:
    """`project/name`, or what there is of it."""
    parts = [named(each.name, each.id)[:1] for each in (project, repository) if each is not None]
    return "/".join(part for found in parts for part in found) or None


def _only(repositories: list[Source] | None) -> str | None:
    """`project/name` of the only repository, by its address; which of several was deployed nobody can tell."""
    urls = [source.url for source in repositories or () if source.url]
    if len(urls) != 1:
        return None
    try:
        parts = [unquote(part) for part in urlsplit(urls[0]).path.split("/") if part]
    except ValueError:
        return None
    if "_git" in parts[1:]:
        place = parts.index("_git", 1)
        parts = [parts[place - 1], *parts[place + 1 :]]
    return text("/".join(parts[-2:]).removesuffix(".git"))
