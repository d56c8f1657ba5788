"""The node `$management`: what a client asks about a hub and its partitions (Event Hubs AMQP protocol guide)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hub.amqp.sections import Message
from tests.hub.amqp.types import Array, Timestamp
from tests.hub.faults import SILENT
from tests.hub.model import Hub
from tests.hub.nodes import Answer
from tests.hub.refusal import RefusedError

if TYPE_CHECKING:
    from tests.hub.connection import Connection
    from tests.hub.namespace import Namespace

NODE = "$management"

HUB, PARTITION, GROUP = "com.microsoft:eventhub", "com.microsoft:partition", "com.microsoft:consumer-group"
"""Types of entities that can be read."""


def read_entity(namespace: Namespace, connection: Connection, request: Message) -> Answer | None:
    """Answer a READ request."""
    fault = namespace.faults.next_management()
    if fault == SILENT:
        return None
    if fault is not None:
        return Answer(int(fault), f"The request was answered with {fault} by the test.")
    application = request.application or {}
    if application.get("operation") != "READ":
        return Answer(400, f"The operation '{application.get('operation')}' is not supported.")
    name = application.get("name")
    try:
        hub = namespace.hub(name if isinstance(name, str) else "")
        connection.require(hub.name.lower())
    except RefusedError as refusal:
        return Answer(404 if refusal.condition.endswith("not-found") else 401, refusal.description)
    answer = _read(hub, application)
    if answer.status == 200:
        namespace.stats.management_reads += 1
        namespace.stats.notify()
    return answer


def _read(hub: Hub, application: dict[str, object]) -> Answer:
    match application.get("type"):
        case "com.microsoft:eventhub":
            return Answer(200, "OK", _hub(hub))
        case "com.microsoft:partition":
            partition = application.get("partition")
            if not isinstance(partition, str) or partition not in hub.partition_ids:
                return Answer(404, f"The specified partition is invalid. There are {len(hub.partition_ids)}.")
            return Answer(200, "OK", _partition(hub, partition))
        case "com.microsoft:consumer-group":
            group = application.get("consumer_group") or application.get("consumergroup")
            if not isinstance(group, str) or not hub.has_group(group):
                return Answer(404, f"The messaging entity '{hub.name}|{group}' could not be found.")
            return Answer(200, "OK", {"name": hub.name, "consumer_group": group, "type": GROUP})
        case other:
            return Answer(400, f"The entity type '{other}' is not supported.")


def _hub(hub: Hub) -> dict[str, object]:
    names = hub.partition_ids
    return {
        "name": hub.name,
        "type": HUB,
        "created_at": Timestamp(round(hub.created * 1000)),
        "partition_count": len(names),
        "partition_ids": Array(str, names),
    }


def _partition(hub: Hub, partition: str) -> dict[str, object]:
    state = hub.state(partition)
    return {
        "name": hub.name,
        "type": PARTITION,
        "partition": partition,
        "begin_sequence_number": state.beginning_sequence,
        "last_enqueued_sequence_number": state.last_sequence,
        "last_enqueued_offset": state.last_offset,
        "last_enqueued_time_utc": Timestamp(state.last_enqueued_ms),
        "is_partition_empty": state.empty,
    }
