"""One sign-in of the canary: the invented agent whose records prove the way from the hub to a sink."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final

from detector.errors import SourceError, UsageError
from detector.runtime.doctor.world import NOBODY
from detector.runtime.simulation.catalogue import GRAPH
from detector.runtime.simulation.clock import SECOND
from detector.runtime.simulation.delivery import body_of
from detector.runtime.simulation.networks import Network, Origin, Place
from detector.runtime.simulation.records import Caller, Desk
from detector.runtime.simulation.tenant import Resource

if TYPE_CHECKING:
    from azure.eventhub.aio import EventHubProducerClient

    from detector.config.event_hubs import EventHubsSettings
    from detector.runtime.doctor.world import World
    from detector.sources.event_hubs.connection import Connector, TokenCredential

TENANT: Final = "c0ffee00-0000-4000-8000-0000000ca4a7"
"""The tenant of the canary is invented, so that none of its records can count for a real one."""
_BLUEPRINT: Final = "c0ffee00-0000-4000-8000-0000000b1e91"
_ORIGIN: Final = Origin(
    "192.0.2.10", Network("192.0.2.0/24", 64500, Place("", "", "IE", 53.35, -6.24), ("192.0.2.10",))
)
"""Of the addresses and numbers that are set aside for documentation (RFC 5737, RFC 5398)."""
_KIND: Final = {
    "agentType": "agenticAppInstance",
    "agentSubjectType": "agenticAppInstance",
    "parentAppId": _BLUEPRINT,
}
_AUTH_SECONDS: Final = 10


def canary_body(agent_id: str, now: float) -> bytes:
    """A message as Entra's diagnostic settings export it, with one successful sign-in of the canary in it.

    Args:
        agent_id: App id of the canary.
        now: When it signed in and was exported, seconds since the epoch. The id of the record is fresh.
    """
    ticks = int(now * SECOND)
    desk = Desk(SystemRandom())
    name, app_id = GRAPH
    caller = Caller("ServicePrincipalSignInLogs", agent_id, "agent-detector canary", agent_id, dict(_KIND))
    draft = desk.sign_in(ticks, caller, Resource(name, app_id, desk.guid()), _ORIGIN)
    return body_of([draft.render(TENANT, ticks)])


def append_line(path: Path, body: bytes) -> None:
    """Appends a message as a line, in one write, so that whoever follows the file never sees half of it.

    Raises:
        UsageError: The file cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            line = body + b"\n"
            if os.write(handle, line) != len(line):
                raise UsageError(f"{path}: The line could only be written in part: the disk is full.")
        finally:
            os.close(handle)
    except OSError as error:
        raise UsageError(f"{path}: The line cannot be written ({error.strerror}).") from None


def followed_file(path: str) -> Path:
    """The file for canaries in a followed directory, under a name that the service reads.

    Raises:
        UsageError: The pattern for names leaves no room for it.
    """
    from detector.sources.follow.names import Place as Followed

    place = Followed(path)
    if not place.pattern:
        return Path(place.directory) / "canary.jsonl"
    name = place.pattern.replace("*", "canary").replace("?", "0")
    if not fnmatchcase(name, place.pattern) or name == place.pattern:
        raise UsageError(
            f"{path}: No name for a file of the canary's own follows from this pattern. Write to one of the followed "
            "files with --out."
        )
    return Path(place.directory) / name


async def send(settings: EventHubsSettings, body: bytes, world: World) -> str:
    """Puts a message into the hub that the service reads; returns the name of the hub.

    Raises:
        SourceError: The hub did not take it; the message says why.
    """
    from azure.eventhub import EventData

    from detector.sources.event_hubs.connection import Connector
    from detector.sources.event_hubs.failures import ending_of
    from detector.sources.event_hubs.leftovers import Leftovers

    leftovers = Leftovers(NOBODY)
    credential = None if settings.connection_string_file is not None else world.hub_credential(settings)
    connector = Connector(settings, credential)

    async def work(producer: EventHubProducerClient) -> None:
        batch = await producer.create_batch()
        batch.add(EventData(body))
        await producer.send_batch(batch)

    producer = _producer(settings, connector, credential)
    try:
        await leftovers.bounded(work(producer), world.limits.total)
    except SourceError:
        raise
    except Exception as error:  # noqa: BLE001 -- the SDK lets any exception of its parser through
        raise SourceError(f"event hub {connector.hub}", _REASONS.get(ending_of(error), _REASONS["other"])) from None
    finally:
        await _closed(producer, leftovers, world.limits.close)
        if credential is not None:
            await _closed(credential, leftovers, world.limits.close)
        await leftovers.settle(world.limits.close)
    return connector.hub


_SENDER: Final = (
    'To send needs the role "Azure Event Hubs Data Sender" on the hub, or a connection string with the Send claim; the '
    "right to receive, which is all that the service needs, does not include it."
)
_REASONS: Final = {
    "unauthorized": f"The canary may not be sent: the hub refused the identity or key. {_SENDER}",
    "not_found": "There is no such hub in the namespace. Check `hub`.",
    "timeout": "The hub did not answer in time. `agent-detector doctor` says how far the way is open.",
    "connection": "The hub cannot be reached. `agent-detector doctor` says how far the way is open.",
    "throttled": "The hub is too busy. Try again later.",
    "other": f"The hub did not take the canary. `agent-detector doctor` may say why. {_SENDER}",
}


async def _closed(what: Any, leftovers: Any, seconds: float) -> None:  # noqa: ANN401 -- whatever has `close`
    try:
        await leftovers.bounded(what.close(), seconds)
    except Exception:  # noqa: BLE001 -- an end that cannot be reached any more must not hide what was found out
        return


def _producer(
    settings: EventHubsSettings, connector: Connector, credential: TokenCredential | None
) -> EventHubProducerClient:
    from azure.eventhub import TransportType
    from azure.eventhub.aio import EventHubProducerClient

    from detector.sources.event_hubs.connection import read_connection_string

    options: dict[str, Any] = {
        "transport_type": TransportType.AmqpOverWebsocket if settings.transport == "websocket" else TransportType.Amqp,
        "auth_timeout": _AUTH_SECONDS,
        "retry_total": 0,
        "user_agent": "entra-agent-detector",
    }
    if settings.endpoint is not None:
        options["custom_endpoint_address"] = settings.endpoint
    if settings.ca_file is not None:
        options["connection_verify"] = settings.ca_file
    if settings.connection_string_file is not None:
        text, _ = read_connection_string(settings.connection_string_file, settings.hub)
        return EventHubProducerClient.from_connection_string(text, eventhub_name=connector.hub, **options)
    given: Any = credential
    return EventHubProducerClient(connector.namespace, connector.hub, given, **options)
