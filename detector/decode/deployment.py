"""Deployment records: what pipelines say of their runs, and that an agent passed the handshake into production.

The category is this product's own (`docs/deployments.md`): a pipeline writes such a record itself, or the endpoint for
webhooks makes it of what GitHub and Azure DevOps send.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from detector.decode.fields import NO_TENANT, Envelope, Id
from detector.decode.problems import Unusable
from detector.decode.texts import ident, text
from detector.decode.times import Instant, moment
from detector.domain.events import Deployment

_MAX_LISTED: Final = 256

Status = Literal["queued", "in_progress", "succeeded", "failed", "cancelled"]

_STATUSES: Final[dict[str, Status]] = {
    "queued": "queued",
    "pending": "queued",
    "inprogress": "in_progress",
    "running": "in_progress",
    "succeeded": "succeeded",
    "success": "succeeded",
    "completed": "succeeded",
    "failed": "failed",
    "failure": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
"""`status` without underscores, in lower case."""


class DeploymentProperties(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """What is read of a run or handshake."""

    id: Id
    recorded_date_time: Instant
    kind: str | None = None
    pipeline: Id
    run_id: Id
    status: str | None = None
    started_date_time: Instant | None = None
    finished_date_time: Instant | None = None
    provider: str | None = None
    repository: str | None = None
    commit: str | None = None
    environment: str | None = None
    actor_object_id: str | None = None
    agents: list[str] | None = None
    changes: list[str] | None = None
    checks: dict[str, bool] | None = None


class DeploymentRecord(Envelope, kw_only=True, tag="DeploymentRecords"):
    """One run or handshake."""

    properties: DeploymentProperties


def deployment(record: DeploymentRecord, received: float | None, _: list[str]) -> Deployment:
    """The event of one record."""
    said = record.properties
    kind, status = (text(said.kind) or "run").casefold(), text(said.status) or "succeeded"
    known = _STATUSES.get(status.casefold().replace("_", "").replace(" ", ""))
    if kind not in {"run", "handshake"} or known is None:
        raise Unusable("unsupported_shape", "properties.kind or properties.status is none that is known")
    return Deployment(
        record_id=said.id,
        time=moment(said.recorded_date_time),
        received=received,
        tenant_id=ident(record.tenant_id) or NO_TENANT,
        kind="run" if kind == "run" else "handshake",
        pipeline=text(said.pipeline) or said.pipeline,
        run_id=text(said.run_id) or said.run_id,
        status=known,
        started=None if said.started_date_time is None else moment(said.started_date_time),
        finished=None if said.finished_date_time is None else moment(said.finished_date_time),
        provider=text(said.provider),
        repository=text(said.repository),
        commit=text(said.commit),
        environment=text(said.environment),
        actor_id=ident(said.actor_object_id),
        agents=_listed(said.agents, lower=True),
        changes=_listed(said.changes, lower=False),
        passed=all((said.checks or {}).values()),
    )


def _listed(values: list[str] | None, *, lower: bool) -> tuple[str, ...] | None:
    if values is None:
        return None
    read = ident if lower else text
    return tuple(sorted({known for value in values[:_MAX_LISTED] if (known := read(value)) is not None}))
