"""Alerts as events of an event hub, one event each, with the producer of azure-eventhub."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from detector.domain.alerts import Alert
from detector.sinks.fairness import subject_of
from detector.sinks.formats import Format
from detector.sinks.outcome import DELIVERED, Fate, Outcome, Refused, Retry
from detector.sinks.secret_files import SecretFile, SecretUnreadableError
from detector.sinks.sink import Terms

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.eventhub import EventData
    from azure.eventhub.aio import EventHubProducerClient

_THROTTLED: Final = frozenset({"server-busy", "resource-limit-exceeded"})
_AUTH_SECONDS: Final = 10
_CLOSE_SECONDS: Final = 5.0


class Place(Protocol):
    """Where events go."""

    async def producer(self) -> EventHubProducerClient:
        """A new producer. Raises `SecretUnreadableError`, or `ValueError` when a secret is no connection string."""

    async def close(self) -> None:
        """Closes what producers share."""


class Hub:
    """An event hub, by a connection string in a file or by the identity of the process.

    Args:
        connection: File with a connection string; also one of the emulator.
        namespace: Host name of the namespace, when there is no connection string.
        hub: Name of the hub; may be left out when the connection string has it.
        credential: Makes the credential that goes with a namespace, once.
        web_socket: Whether to use AMQP over WebSocket.
        ca_file: PEM file of the authorities to trust, instead of those of the system.
    """

    def __init__(
        self,
        *,
        connection: SecretFile | None = None,
        namespace: str | None = None,
        hub: str | None = None,
        credential: Callable[[], AsyncTokenCredential] | None = None,
        web_socket: bool = False,
        ca_file: Path | None = None,
    ) -> None:
        self._connection = connection
        self._namespace = namespace
        self._hub = hub
        self._make_credential = credential
        self._web_socket = web_socket
        self._ca_file = ca_file
        self._credential: AsyncTokenCredential | None = None

    async def producer(self) -> EventHubProducerClient:
        """A new producer, which connects with its first event."""
        from azure.eventhub import TransportType
        from azure.eventhub.aio import EventHubProducerClient

        transport = TransportType.AmqpOverWebsocket if self._web_socket else TransportType.Amqp
        verify = None if self._ca_file is None else str(self._ca_file)
        # No retries there: trying again is for the relay, which knows the other alerts.
        if self._connection is not None:
            return EventHubProducerClient.from_connection_string(
                await self._connection.read(),
                eventhub_name=self._hub,
                retry_total=0,
                auth_timeout=_AUTH_SECONDS,
                transport_type=transport,
                connection_verify=verify,
            )
        if self._credential is None and self._make_credential is not None:
            self._credential = self._make_credential()
        assert self._namespace is not None
        assert self._hub is not None
        assert self._credential is not None
        return EventHubProducerClient(
            self._namespace,
            self._hub,
            self._credential,
            retry_total=0,
            auth_timeout=_AUTH_SECONDS,
            transport_type=transport,
            connection_verify=verify,
        )

    async def close(self) -> None:
        """Closes the credential."""
        if self._credential is not None:
            credential, self._credential = self._credential, None
            await credential.close()


class EventHubs:
    """Sends alerts in batches, one for each subject.

    The partition key is the subject id, so everything about an agent stays in order; the message id is the alert id,
    by which a reader knows a copy.

    Args:
        name: Name of the sink.
        terms: On which terms alerts go there.
        form: How an event reads.
        place: Makes producers, in the event loop: a new one after every error of the connection.
        total: Seconds in which sending must be over.
    """

    def __init__(
        self,
        name: str,
        terms: Terms,
        form: Format,
        place: Place,
        *,
        total: float = 15.0,
    ) -> None:
        self.name = name
        self.terms = terms
        self._form = form
        self._place = place
        self._total = total
        self._producer: EventHubProducerClient | None = None
        self._transports: set[_Closable] = set()

    async def deliver(self, batch: Sequence[Alert]) -> Outcome:
        """Sends the alerts of each subject together."""
        subjects: dict[tuple[str, ...], list[Alert]] = {}
        for alert in batch:
            subjects.setdefault(subject_of(alert), []).append(alert)
        outcome: dict[str, Fate] = {}
        for alerts in subjects.values():
            await self._send(alerts, outcome)
        return outcome

    async def close(self) -> None:
        """Closes the producer and its credential."""
        await self._give_up()
        await self._place.close()

    async def _send(self, alerts: Sequence[Alert], outcome: dict[str, Fate]) -> None:
        """Sends alerts of one subject in as few batches as they fit in; what fits in none is refused."""
        from azure.eventhub.exceptions import EventHubError

        waiting = list(alerts)
        fate: Fate
        try:
            async with asyncio.timeout(self._total):
                while waiting:
                    sent, too_large = await self._send_some(waiting)
                    outcome |= dict.fromkeys(sent, DELIVERED) | dict.fromkeys(too_large, Refused("too_large"))
                    waiting = [alert for alert in waiting if alert.id not in outcome]
            return
        except SecretUnreadableError:
            fate = Retry("secret_unreadable")
        except TimeoutError:
            fate = Retry("timed_out")
        except EventHubError as error:
            fate = fate_of(error)
        except (OSError, ValueError):
            # ValueError: what the file holds is no connection string.
            fate = Retry("credential_failed" if self._producer is None else "connection_lost")
        outcome |= {alert.id: fate for alert in waiting}
        await self._give_up()

    async def _send_some(self, alerts: Sequence[Alert]) -> tuple[list[str], list[str]]:
        if self._producer is None:
            self._producer = await self._place.producer()
        batch = await self._producer.create_batch(partition_key=alerts[0].subject.id)
        self._transports |= _transports_of(self._producer)
        sent: list[str] = []
        too_large: list[str] = []
        for alert in alerts:
            try:
                batch.add(self._event(alert))
            except ValueError:
                if sent:
                    break
                too_large.append(alert.id)
            else:
                sent.append(alert.id)
        if sent:
            await self._producer.send_batch(batch, timeout=self._total)
        return sent, too_large

    def _event(self, alert: Alert) -> EventData:
        from azure.eventhub import EventData

        event = EventData(self._form.line(alert).rstrip(b"\n"))
        event.message_id = alert.id
        event.content_type = self._form.content_type
        event.properties = {"alert_id": alert.id, "severity": alert.severity, "detector": alert.detector}
        return event

    async def _give_up(self) -> None:
        """Starts over with a new producer: an old one may hold a link that is dead without knowing."""
        if self._producer is None:
            return
        producer, self._producer = self._producer, None
        transports, self._transports = self._transports | _transports_of(producer), set()
        for each in (producer, *transports):
            await _close(each)


class _Closable(Protocol):
    async def close(self) -> None: ...


async def _close(what: _Closable) -> None:
    from azure.eventhub.exceptions import EventHubError

    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await what.close()
    except (EventHubError, OSError):
        pass


def _transports_of(producer: EventHubProducerClient) -> set[_Closable]:
    """The sockets of a producer, as far as private names of the client lead to them.

    The client (5.15.1) loses sight of a socket, without closing it, when opening it was interrupted ("already closed")
    or when it broke while it was being closed (the state is set to END before `_disconnect`, which then does nothing).
    """
    producers = getattr(producer, "_producers", {}).values()
    handlers = (getattr(each, "_handler", None) for each in producers)
    connections = (getattr(handler, "_connection", None) for handler in handlers)
    transports = (getattr(connection, "_transport", None) for connection in connections)
    return {transport for transport in transports if transport is not None}


def fate_of(error: Exception) -> Fate:
    """What an error of azure-eventhub means for the events that were on their way."""
    from azure.eventhub import exceptions

    if isinstance(error, exceptions.AuthenticationError):
        return Retry("unauthorized")
    if isinstance(error, exceptions.OperationTimeoutError):
        return Retry("timed_out")
    if isinstance(error, exceptions.EventHubError) and error.error in _THROTTLED:
        return Retry("throttled")
    if isinstance(error, exceptions.ConnectError):
        return Retry("connect_failed")
    if isinstance(error, exceptions.ConnectionLostError | exceptions.ClientClosedError):
        return Retry("connection_lost")
    if isinstance(error, exceptions.EventDataError):
        return Refused("rejected")
    return Retry("unavailable")
