"""From the configuration to sinks."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from detector.config.sinks import (
    AlertmanagerBlock,
    EventHubsBlock,
    HttpSinkBlock,
    LogAnalyticsBlock,
    SinkBlock,
    SinksSettings,
    SlackBlock,
    WebhookBlock,
)
from detector.errors import ConfigurationError, Problem
from detector.sinks.addresses import AddressRefusedError
from detector.sinks.alertmanager import PATH, Alertmanager
from detector.sinks.appended_file import AppendedFile
from detector.sinks.authorization import Authorization, Basic, Bearer, Signature
from detector.sinks.destination import Guard, Route
from detector.sinks.event_hubs import EventHubs, Hub
from detector.sinks.formats import FORMATS
from detector.sinks.log_analytics import LogAnalytics, Rule
from detector.sinks.secret_files import SecretFile
from detector.sinks.sink import Sink, Terms
from detector.sinks.slack import SlackMessage
from detector.sinks.standard_output import StandardOutput
from detector.sinks.teams import TeamsCard
from detector.sinks.webhook import DocumentMessage, Webhook
from detector.sinks.wire import Address, Fixed, Wire

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver
    from azure.core.credentials_async import AsyncTokenCredential

_ROWS = 200
_EVENTS = 100
_LINES = 100
_POSTABLE = 20


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What sinks need and the configuration does not hold."""

    now: Callable[[], float]
    """Seconds since the epoch."""
    stdout: BinaryIO
    credential: Callable[[], AsyncTokenCredential]
    """Makes a credential for Azure; called in the event loop, once a sink, which closes it."""
    resolver: AbstractResolver | None = None
    """Resolves names; `None` for the resolver of the system."""


def build(settings: SinksSettings, surroundings: Surroundings) -> tuple[Sink, ...]:
    """The sinks of the configuration, in its order. Nothing is opened or connected to yet.

    Raises:
        ConfigurationError: With every URL that spells out a forbidden address and every file of authorities that
            cannot be used.
    """
    problems: list[Problem] = []
    for field in type(settings).model_fields:
        for place, block in enumerate(getattr(settings, field)):
            problems += (
                Problem(path=f"sinks.{field}[{place}].{name}", message=message, hint=hint)
                for name, message, hint in _problems(block)
            )
    if problems:
        raise ConfigurationError(tuple(problems))
    return tuple(_sinks(settings, surroundings))


def _sinks(settings: SinksSettings, around: Surroundings) -> Iterator[Sink]:
    for output in settings.stdout:
        yield StandardOutput(output.name, _terms(output, _LINES), FORMATS[output.encoding], around.stdout)
    for file in settings.files:
        yield AppendedFile(file.name, _terms(file, _LINES), FORMATS[file.encoding], file.path)
    for manager in settings.alertmanagers:
        yield _alertmanager(manager, around)
    for webhook in settings.webhooks:
        yield _webhook(webhook, around)
    for chat in (*settings.slack, *settings.teams):
        message = SlackMessage(chat.runbooks) if isinstance(chat, SlackBlock) else TeamsCard(chat.runbooks)
        wire = Wire(SecretFile(chat.url_file), _route(chat, around), around.now)
        yield Webhook(chat.name, _terms(chat, 1), wire, message)
    for table in settings.log_analytics:
        yield _log_analytics(table, around)
    for hub in settings.event_hubs:
        yield _event_hubs(hub, around)


def _terms(block: SinkBlock, batch: int) -> Terms:
    return Terms(
        batch=batch,
        floor=block.min_severity,
        per_hour=block.max_per_hour,
        per_day=block.max_per_day,
        per_detector=block.max_per_detector,
    )


def _guard(block: HttpSinkBlock) -> Guard:
    return Guard(block.allow_networks, allow_insecure=block.allow_insecure)


def _route(block: HttpSinkBlock, around: Surroundings) -> Route:
    return Route(
        guard=_guard(block),
        ca_file=block.ca_file,
        resolver=around.resolver,
        connect=block.connect_timeout,
        total=block.total_timeout,
    )


def _secret(path: Path | None) -> SecretFile | None:
    return None if path is None else SecretFile(path)


def _alertmanager(block: AlertmanagerBlock, around: Surroundings) -> Alertmanager:
    proofs: list[Authorization] = []
    if block.bearer_token_file is not None:
        proofs.append(Bearer(SecretFile(block.bearer_token_file)))
    if block.username is not None and block.password_file is not None:
        proofs.append(Basic(block.username, SecretFile(block.password_file)))
    return Alertmanager(
        block.name,
        _terms(block, _POSTABLE),
        Wire(Fixed(f"{block.url.rstrip('/')}/{PATH}"), _route(block, around), around.now, proofs),
        around.now,
        resolve_after=block.resolve_after,
        runbooks=block.runbooks,
    )


def _webhook(block: WebhookBlock, around: Surroundings) -> Webhook:
    address: Address | None = _secret(block.url_file) if block.url is None else Fixed(block.url)
    assert address is not None, "the block has one of the two"
    proofs: list[Authorization] = []
    if block.bearer_token_file is not None:
        proofs.append(Bearer(SecretFile(block.bearer_token_file)))
    if block.hmac_secret_file is not None:
        proofs.append(Signature(SecretFile(block.hmac_secret_file), around.now))
    message = DocumentMessage(FORMATS[block.encoding])
    return Webhook(
        block.name, _terms(block, block.parallel), Wire(address, _route(block, around), around.now, proofs), message
    )


def _log_analytics(block: LogAnalyticsBlock, around: Surroundings) -> LogAnalytics:
    return LogAnalytics(
        block.name,
        _terms(block, _ROWS),
        Rule(block.endpoint, block.rule_id, block.stream),
        around.credential,
        _route(block, around),
        around.now,
    )


def _event_hubs(block: EventHubsBlock, around: Surroundings) -> EventHubs:
    place = Hub(
        connection=_secret(block.connection_string_file),
        namespace=block.namespace,
        hub=block.hub,
        credential=around.credential,
        web_socket=block.web_socket,
        ca_file=block.ca_file,
    )
    return EventHubs(block.name, _terms(block, _EVENTS), FORMATS[block.encoding], place)


def _problems(block: SinkBlock) -> Iterator[tuple[str, str, str]]:
    """Name of the setting, what is wrong with it, and what to do."""
    if not isinstance(block, HttpSinkBlock):
        return
    if block.ca_file is not None:
        try:
            ssl.create_default_context(cafile=str(block.ca_file))
        except OSError:
            yield "ca_file", "The file cannot be read, or holds no certificate in PEM form.", "Check the mount."
    for name in ("url", "endpoint"):
        url = getattr(block, name, None)
        if url is not None:
            try:
                _guard(block).checked(url)
            except AddressRefusedError as error:
                yield name, str(error), "List its network in allow_networks if it is meant."
