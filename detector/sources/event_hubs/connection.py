"""Clients of the SDK out of settings: which namespace, which credential, which transport.

The connection string lies in a mounted file and is read for every new client, so that a rotated key is picked up by
the next reconnection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

from azure.eventhub import TransportType
from azure.eventhub.aio import EventHubConsumerClient

from detector.config.event_hubs import EventHubsSettings
from detector.config.secret_files import read_secret
from detector.errors import SourceError
from detector.sources.identity import credential

_TRANSPORTS: Final = {"amqp": TransportType.Amqp, "websocket": TransportType.AmqpOverWebsocket}
_NEVER: Final = 30 * 86400.0
"""Interval of the SDK's own load balancing in seconds: it would reopen receivers where it, not we, think fit."""
_KEYS: Final = frozenset(
    {
        "endpoint",
        "entitypath",
        "sharedaccesskey",
        "sharedaccesskeyname",
        "sharedaccesssignature",
        "usedevelopmentemulator",
    }
)


class HubClient(Protocol):
    """The part of `azure.eventhub.aio.EventHubConsumerClient` that is used, all of it public."""

    async def receive_batch(self, on_event_batch: Callable[..., Awaitable[None]], **options: Any) -> None:  # noqa: ANN401
        """Receives until cancelled."""

    async def get_eventhub_properties(self) -> Mapping[str, Any]:
        """Name, time of creation and partition ids."""
        ...

    async def get_partition_properties(self, partition_id: str) -> Mapping[str, Any]:
        """The first and last sequence number, among others."""
        ...

    async def close(self) -> None:
        """Closes what is open."""


class TokenCredential(Protocol):
    """An asynchronous credential of azure-identity, or one that looks like it."""

    async def get_token(self, *scopes: str, **options: Any) -> Any:  # noqa: ANN401
        """A token and when it expires."""

    async def close(self) -> None:
        """Closes its session."""


@dataclass(frozen=True, slots=True)
class ConnectionString:
    """What of a connection string is no secret."""

    host: str
    port: int | None
    hub: str | None
    """From EntityPath."""
    emulator: bool


def parse_connection_string(text: str, place: str) -> ConnectionString:
    """Takes a connection string apart and checks what the SDK would misread in silence.

    https://learn.microsoft.com/azure/event-hubs/event-hubs-get-connection-string

    Raises:
        SourceError: It cannot work; the message says why and holds nothing of it.
    """
    parts: dict[str, str] = {}
    for piece in text.strip().rstrip(";").split(";"):
        key, found, value = piece.partition("=")
        name = key.strip().casefold()
        if not found or name not in _KEYS:
            raise SourceError(place, "It is no Event Hubs connection string. Copy it from the portal, on one line.")
        parts[name] = value.strip()
    host, port = _address(parts.get("endpoint", ""))
    if not host:
        raise SourceError(place, "The connection string has no Endpoint. It looks like sb://NAMESPACE/.")
    emulator = parts.get("usedevelopmentemulator")
    if emulator is not None and emulator != "true":
        raise SourceError(
            place,
            "UseDevelopmentEmulator has another value than true in small letters, which is all that the Azure SDK "
            "recognises; with any other it looks for TLS on port 5671. Write UseDevelopmentEmulator=true or leave it "
            "out.",
        )
    if port is not None and emulator is None:
        raise SourceError(
            place,
            "The Endpoint names a port, which the Azure SDK ignores unless UseDevelopmentEmulator=true. Set `endpoint` "
            "in the configuration to reach another port.",
        )
    secret, policy = parts.get("sharedaccesskey"), parts.get("sharedaccesskeyname")
    if bool(secret) != bool(policy) or not (secret or parts.get("sharedaccesssignature")):
        raise SourceError(place, "The connection string needs SharedAccessKeyName and SharedAccessKey, or a signature.")
    return ConnectionString(host, port, parts.get("entitypath") or None, emulator is not None)


def _address(endpoint: str) -> tuple[str, int | None]:
    try:
        address = urlsplit(endpoint)
        return address.hostname or "", address.port
    except ValueError:  # brackets without an address in them, or a port that is no number
        return "", None


def read_connection_string(file: str, hub: str | None) -> tuple[str, ConnectionString]:
    """The connection string in a mounted file, and its parts.

    Args:
        file: Absolute path.
        hub: The hub of the configuration.

    Raises:
        SourceError: The file cannot be read, or its text cannot work.
    """
    text = read_secret(file)
    parts = parse_connection_string(text, file)
    if not (hub or parts.hub):
        raise SourceError(file, "Neither the connection string nor the configuration names a hub. Set `hub`.")
    if hub and parts.hub and hub.casefold() != parts.hub.casefold():
        raise SourceError(file, "EntityPath is another hub than the one in the configuration. Leave one of them out.")
    return text, parts


class Connector:
    """Makes clients.

    Args:
        settings: Which hub, which way.
        credential: An asynchronous token credential to use instead of the configured identity; the caller closes it.

    Raises:
        SourceError: The connection string cannot work.
    """

    def __init__(self, settings: EventHubsSettings, credential: TokenCredential | None = None) -> None:
        self._settings = settings
        self._given = credential
        self._own: TokenCredential | None = None
        file = settings.connection_string_file
        if file is None:
            self.namespace: str = settings.namespace or ""
            self.hub: str = settings.hub or ""
        else:
            _, parts = read_connection_string(file, settings.hub)
            self.namespace = parts.host
            self.hub = settings.hub or parts.hub or ""

    def client(self) -> HubClient:
        """A new client, which has a connection for every receiver and every question of its own.

        Raises:
            SourceError: The connection string cannot be read any more, or cannot work.
        """
        settings = self._settings
        options: dict[str, Any] = {
            "transport_type": _TRANSPORTS[settings.transport],
            "socket_timeout": settings.socket_timeout,
            "user_agent": "entra-agent-detector",
            # Errors come to us at once: we know the position, count the attempt and choose the pause.
            "retry_total": 0,
            "retry_backoff_factor": 0,
            "load_balancing_interval": _NEVER,
        }
        if settings.endpoint is not None:
            options["custom_endpoint_address"] = settings.endpoint
        if settings.ca_file is not None:
            options["connection_verify"] = settings.ca_file
        if settings.connection_string_file is not None:
            text, _ = read_connection_string(settings.connection_string_file, settings.hub)
            make = EventHubConsumerClient.from_connection_string
            return cast(HubClient, make(text, settings.consumer_group, eventhub_name=self.hub, **options))
        group, credential = settings.consumer_group, self._credential()
        return cast(HubClient, EventHubConsumerClient(self.namespace, self.hub, group, credential, **options))

    def _credential(self) -> Any:  # noqa: ANN401 -- the SDK's type knows more methods than it calls
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = credential_of(self._settings)
        return self._own

    async def renew(self) -> None:
        """Gives the credential up, so that the next client gets a new one with a new token."""
        own, self._own = self._own, None
        if own is not None:
            await asyncio.wait_for(own.close(), self._settings.watchdog.close)

    async def close(self) -> None:
        """Closes what was opened here."""
        await self.renew()


def credential_of(settings: EventHubsSettings) -> TokenCredential:
    """The credential of the configured identity.

    Raises:
        SourceError: The workload identity is not set up in this pod.
    """
    otherwise = "set `identity` or `connection_string_file`"
    return credential(settings.identity, settings.client_id, otherwise=otherwise)
