"""Reading what a simulation wrote, with nothing but a JSON parser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from detector.runtime.simulation import Label, Simulation

Record = dict[str, Any]

_CLOCKS = {
    "AuditLogs": "activityDateTime",
    "CustomSecurityAttributeAuditLogs": "activityDateTime",
    "AgentRiskEvents": "detectedDateTime",
    "AgentInventory": "observedDateTime",
    "DeploymentRecords": "recordedDateTime",
}


@lru_cache(maxsize=4)
def records(simulation: Simulation) -> list[Record]:
    """Every record that is delivered, in that order."""
    return [record for body in simulation.bodies() for record in orjson.loads(body)["records"]]


def of(simulation: Simulation, *categories: str) -> Iterator[dict[str, Any]]:
    """The properties of the records of some categories, each once."""
    seen = set()
    for record in records(simulation):
        if record["category"] in categories and record["properties"]["id"] not in seen:
            seen.add(record["properties"]["id"])
            yield record["properties"]


def event_time(record: Record) -> datetime:
    """When it happened."""
    return datetime.fromisoformat(record["properties"][_CLOCKS.get(record["category"], "createdDateTime")])


def staged(simulation: Simulation, story: str, level: str = "obvious") -> tuple[Label, list[Record]]:
    """The label of a story and its records, in order of event time."""
    [label] = [each for each in simulation.labels if (each.story, each.level) == (story, level)]
    wanted, found = set(label.record_ids), dict[str, Record]()
    for record in records(simulation):
        if record["properties"]["id"] in wanted:
            found[record["properties"]["id"]] = record
    return label, sorted(found.values(), key=event_time)
