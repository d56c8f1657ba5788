"""Deployment records: what pipelines tell of their runs, and handshakes of agents, in the product's own category.

The form is that of `docs/deployments.md`: a record when a run begins, one when it has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from detector.runtime.simulation.clock import MINUTE, SECOND, envelope_text
from detector.runtime.simulation.tenant import Agent, Blueprint, Pipeline

CATEGORY: Final = "DeploymentRecords"
_LISTED: Final = 200
"""Ids that one record lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One record of a run or handshake."""

    ticks: int
    """`recordedDateTime`."""
    kind: str
    pipeline: Pipeline
    run: str
    status: str
    started: int
    finished: int | None
    agents: tuple[str, ...]
    changes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The same for the same news of the same run."""
        return f"{self.pipeline.name}:{self.run}:{self.status}"

    @property
    def category(self) -> str:
        """Category of the record."""
        return CATEGORY

    def render(self, tenant_id: str, received: int) -> bytes:
        """Write the record."""
        said: dict[str, Any] = {
            "id": self.id,
            "recordedDateTime": envelope_text(self.ticks),
            "kind": self.kind,
            "pipeline": self.pipeline.name,
            "runId": self.run,
            "status": self.status,
            "startedDateTime": envelope_text(self.started),
        }
        if self.finished is not None:
            said["finishedDateTime"] = envelope_text(self.finished)
        said |= {
            "provider": "github",
            "repository": "contoso/agents",
            "environment": "production",
            "actorObjectId": self.pipeline.application.service_principal_id,
            "agents": list(self.agents),
        }
        if self.kind == "handshake":
            said["checks"] = {"sponsor named": True, "permissions reviewed": True, "tested": True}
        else:
            said["changes"] = list(self.changes)
        record = {
            "category": CATEGORY,
            "time": envelope_text(received),
            "tenantId": tenant_id,
            "properties": said,
        }
        return orjson.dumps(record)


def run_records(
    pipeline: Pipeline, name: str, first: int, last: int, agents: Sequence[str], changes: Sequence[str]
) -> list[Evidence]:
    """Tell of the run that makes changes from `first` to `last`; of long lists of ids, in several parts.

    A part is a run of its own (a job of a matrix), since one record lists a limited number of ids.
    """
    found: list[Evidence] = []
    begun, ended = first - 2 * MINUTE, last + MINUTE
    for part, at in enumerate(range(0, len(agents), _LISTED)):
        run = name if len(agents) <= _LISTED else f"{name}.{part + 1}"
        for status, moment, finished in (("inProgress", begun, None), ("succeeded", ended, ended)):
            found.append(
                Evidence(
                    ticks=moment + SECOND // 2,
                    kind="run",
                    pipeline=pipeline,
                    run=run,
                    status=status,
                    started=begun,
                    finished=finished,
                    agents=tuple(agents[at : at + _LISTED]),
                    changes=tuple(changes),
                )
            )
    return found


def handshakes(pipeline: Pipeline, name: str, at: int, agents: Sequence[Agent]) -> list[Evidence]:
    """Record that agents have passed the checks before production."""
    return [
        Evidence(
            ticks=at,
            kind="handshake",
            pipeline=pipeline,
            run=f"{name}.{part + 1}",
            status="succeeded",
            started=at,
            finished=at,
            agents=tuple(agent.id for agent in agents[first : first + _LISTED]),
        )
        for part, first in enumerate(range(0, len(agents), _LISTED))
    ]


def ids_of(blueprint: Blueprint) -> tuple[str, ...]:
    """List the ids that stand for a blueprint in a run."""
    return blueprint.app_id, blueprint.object_id, blueprint.service_principal_id
