"""Settings of the live source that reads Azure Event Hubs.

Times are seconds, or text such as 20m.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Annotated, Final, Literal, Self

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from detector.config.blocks import Block
from detector.config.fields import Count, Name, seconds_of, wrong

KIBI: Final = 2**10
MEBI: Final = 2**20
_HOST: Final = re.compile(r"(?=.{4,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_ENDPOINT: Final = re.compile(r"(?:sb://)?(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:]+\])(?P<port>:[0-9]{1,5})?/?")


def _start(value: str) -> str:
    if value not in ("latest", "earliest"):
        start_time(value)
    return value


def start_time(value: str) -> datetime:
    """The moment a text in RFC 3339 form names, in UTC.

    Raises:
        PydanticCustomError: It names none, or no offset from UTC.
    """
    hint = 'Write "latest", "earliest", or a time like "2026-11-23T08:00:00Z".'
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise wrong("Neither a place in the stream nor a time.", hint) from None
    if moment.tzinfo is None:
        raise wrong("The time has no offset from UTC.", hint)
    return moment.astimezone(UTC)


def _host(value: str) -> str:
    if not _HOST.fullmatch(value.casefold()):
        raise wrong(
            "Not the host name of an Event Hubs namespace.", "It looks like my-namespace.servicebus.windows.net."
        )
    return value.casefold()


def _endpoint(value: str) -> str:
    if not _ENDPOINT.fullmatch(value):
        raise wrong("Not an endpoint address.", "Write it like sb://gateway.example.com:5671.")
    return value


def _file(value: str) -> str:
    if not PurePath(value).is_absolute():
        raise wrong("Not an absolute path.", "Name the mounted file in full, like /secrets/event-hubs/connection.")
    return value


Duration = Annotated[
    float,
    BeforeValidator(seconds_of),
    Gt(0),
    Le(30 * 86400),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 30 * 86400},
                {"type": "string", "pattern": r"^(?=[0-9])([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$"},
            ]
        }
    ),
]
"""Seconds, or text such as 20m."""
Host = Annotated[str, StringConstraints(strip_whitespace=True, max_length=253), AfterValidator(_host)]
Endpoint = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(_endpoint)]
FilePath = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_file)]
Start = Annotated[str, AfterValidator(_start)]
Identity = Literal["workload", "managed", "cli"]
Transport = Literal["amqp", "websocket"]


class BackoffSettings(Block):
    """How long to wait before a receiver is opened again: a random part of 1, 2, 4 ... seconds."""

    first: Duration = 1.0
    """Longest first wait; it doubles with every failure."""
    longest: Duration = 60.0
    """Longest wait of all."""
    flapping: Duration = 4.0
    """Longest wait for a receiver that was served before it failed: it had received something, or all there was."""
    reset_after: Duration = 300.0
    """Progress for this long makes the next wait a first one."""


class WatchdogSettings(Block):
    """When a partition counts as stalled, and what is tried then: its receiver, the whole client, a restart."""

    poll: Duration = 30.0
    """How often the last enqueued sequence number of every partition is read."""
    stalled_after: Duration = 120.0
    """A partition that is behind and makes no progress for this long is stalled."""
    window: Duration = 600.0
    """The second stall of a partition within this time renews the client, the third ends the process with code 75."""
    unknown_after: Duration = 180.0
    """Without an answer for so long, the state of a partition is unknown; a receiver silent as long is opened anew."""
    held_after: Duration = 60.0
    """A message that is not taken over for this long is reported; it is not the fault of the hub."""
    growth: Duration = 60.0
    """How often new partitions are looked for."""
    answer: Duration = 30.0
    """Longest wait for an answer of the management endpoint."""
    close: Duration = 5.0
    """Longest wait for a receiver to close before it is left behind."""


class RefreshSettings(Block):
    """When a healthy receiver is replaced: the SDK keeps something of every message for as long as a link lives."""

    messages: Count = 20_000
    """Messages after which a receiver is replaced, once it is older than `youngest`."""
    youngest: Duration = 60.0
    """Age below which no receiver is replaced."""
    oldest: Duration = 6 * 3600.0
    """Age at which a receiver is replaced whatever it has received."""


class BufferSettings(Block):
    """What may wait in memory. Besides, the SDK holds up to 2 x `batch` + `prefetch` messages of a partition."""

    prefetch: Annotated[int, Ge(1), Le(5_000)] = 50
    """Messages the service may send ahead on one link."""
    batch: Annotated[int, Ge(1), Le(5_000)] = 100
    """Messages taken from the SDK at once."""
    partition_bytes: Annotated[int, Ge(64 * KIBI), Le(2**32)] = 32 * MEBI
    """Bytes of a partition that may wait; beyond, its receiver pauses and the hub keeps the rest."""
    total_bytes: Annotated[int, Ge(64 * KIBI), Le(2**34)] = 128 * MEBI
    """Bytes of all partitions together that may wait."""


class MirrorSettings(Block):
    """A copy of the committed positions in Blob Storage, for people and KEDA. It is never read."""

    container: Annotated[str, StringConstraints(pattern=r"^https?://[^/?#]+(/[^/?#]+){1,2}$", max_length=500)]
    """Address of the container, like https://account.blob.core.windows.net/checkpoints."""
    connection_string_file: FilePath | None = None
    """Mounted file with a storage connection string; without it, the identity of the source is used."""
    interval: Annotated[Duration, Ge(10)] = 30.0
    """How often it is written, at least every 10 s."""


class EventHubsSettings(Block):
    """The event hub that Entra's diagnostic settings export to, and how it is read."""

    namespace: Host | None = None
    """Host name of the namespace, like my-namespace.servicebus.windows.net."""
    hub: Name | None = None
    """Name of the event hub; may be left out when the connection string names it as EntityPath."""
    consumer_group: Name = "$Default"
    """Consumer group, which nothing else may read."""
    connection_string_file: FilePath | None = None
    """Mounted file with a connection string, read again at every reconnection; without it, `identity` is used."""
    identity: Identity = "workload"
    """Who asks for tokens: workload (identity of the pod), managed (identity of the machine), cli (you)."""
    client_id: Name | None = None
    """Client id of the identity when there are several; null for the only one."""
    transport: Transport = "amqp"
    """amqp (port 5671), or websocket (port 443) where 5671 is closed."""
    endpoint: Endpoint | None = None
    """Address of a gateway to connect to instead of the namespace, like sb://gateway.example.com:5671."""
    ca_file: FilePath | None = None
    """PEM file of certificate authorities to trust instead of the usual ones."""
    socket_timeout: Annotated[Duration, Le(60)] = 1.0
    """How long a read or write of the socket may take; longer for slow, distant links."""
    start: Start = "latest"
    """Where the very first start begins: latest, earliest, or a time in RFC 3339. Later starts go on where it ended."""
    accept_new_hub: bool = False
    """true: when the hub was made anew, read the new one from its beginning instead of refusing to start."""
    buffer: BufferSettings = BufferSettings.model_construct()
    """What may wait in memory."""
    watchdog: WatchdogSettings = WatchdogSettings.model_construct()
    """When a partition counts as stalled."""
    backoff: BackoffSettings = BackoffSettings.model_construct()
    """How long to wait before a receiver is opened again."""
    refresh: RefreshSettings = RefreshSettings.model_construct()
    """When a healthy receiver is replaced."""
    mirror: MirrorSettings | None = Field(default=None)
    """A copy of the committed positions in Blob Storage; null for none."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.connection_string_file is None and (self.namespace is None or self.hub is None):
            raise wrong(
                "Neither a namespace with its hub nor a connection string file is named.",
                "Set namespace and hub to use an identity, or connection_string_file.",
            )
        if self.connection_string_file is not None and self.namespace is not None:
            raise wrong(
                "Both namespace and connection_string_file are set, and the file names a namespace too.",
                "Leave one of them out.",
            )
        return self
