"""Where alerts go: one list of blocks for each kind of sink.

Secrets are never in this file, only the paths of files that hold them, as Kubernetes mounts them. The address of a
Slack or Teams webhook is a secret by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal, Self, get_args
from urllib.parse import urlsplit

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator, BeforeValidator, PlainValidator, StringConstraints, WithJsonSchema, model_validator

from detector.config.blocks import Block
from detector.config.fields import nearest, wrong
from detector.domain.findings import SEVERITIES
from detector.domain.findings import Severity as EngineSeverity

Encoding = Literal["native", "cloudevents", "ocsf"]
"""Forms in which an alert can be written."""

_WIDEST: Final = {4: 8, 6: 7}
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+", re.IGNORECASE)


def _choice(message: str, known: tuple[str, ...]) -> BeforeValidator:
    def check(value: object) -> object:
        if value not in known:
            raise wrong(message, nearest(value, known) if isinstance(value, str) else nearest("", known))
        return value

    return BeforeValidator(check)


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong("Not a URL.", "Write it like https://example.com/path.") from None
    if parts.scheme not in {"https", "http"} or not host or port == 0 or any(char.isspace() for char in value):
        raise wrong("Not a URL of https or http.", "Write it like https://example.com/path.")
    if parts.username is not None or parts.password is not None:
        raise wrong("The URL holds a user or password.", "Put the password into a file and name it in password_file.")
    if parts.fragment:
        raise wrong("The URL has a fragment (#), which is never sent.")
    return value


def _allowed_network(value: object) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(str(value))
    except ValueError:
        raise wrong("Not a network in CIDR notation.", "Write it like 10.20.0.0/16, or 10.20.0.7/32.") from None
    widest = _WIDEST[network.version]
    if network.prefixlen < widest:
        raise wrong(f"The network is wider than /{widest}.", "List the networks that the sink is really in.")
    return network


def _namespace(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise wrong("Not a host name.", "Write it like my-namespace.servicebus.windows.net.")
    return value


SinkName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""Short and plain: it is a metric label."""
Url = Annotated[str, AfterValidator(_url)]
AllowedNetwork = Annotated[
    IPv4Network | IPv6Network, PlainValidator(_allowed_network), WithJsonSchema({"type": "string"})
]
Severity = Annotated[EngineSeverity, _choice("Not a severity.", SEVERITIES)]
Form = Annotated[Encoding, _choice("Not an encoding.", get_args(Encoding))]
Namespace = Annotated[str, AfterValidator(_namespace)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Seconds = Annotated[float, Gt(0), Le(120)]


class SinkBlock(Block):
    """What every sink has."""

    name: SinkName
    """What metrics, logs and the outbox call it; changing it sends what is pending to nobody."""
    min_severity: Severity = "info"
    """Alerts below this severity do not go there."""
    max_per_hour: Annotated[int, Ge(0), Le(10_000)] = 0
    """Alerts that one agent may send there in an hour before the rest is held back behind one roll-up; 0: no limit."""
    max_per_day: Annotated[int, Ge(0), Le(100_000)] = 0
    """The same in a day of event time, the span of an incident. What is critical is never held back."""
    max_per_detector: Annotated[int, Ge(0), Le(100_000)] = 0
    """The same in a day of event time, of alerts of one detector."""


class HttpSinkBlock(SinkBlock):
    """What every sink behind HTTP has."""

    max_per_hour: Annotated[int, Ge(0), Le(10_000)] = 20
    max_per_day: Annotated[int, Ge(0), Le(100_000)] = 50
    max_per_detector: Annotated[int, Ge(0), Le(100_000)] = 10
    allow_insecure: bool = False
    """true: plain http is allowed, for instance inside a cluster."""
    allow_networks: tuple[AllowedNetwork, ...] = ()
    """Networks in CIDR notation where the sink may be although they are private, loopback or reserved."""
    ca_file: Path | None = None
    """PEM file of the authorities to trust, instead of those of the system."""
    connect_timeout: Seconds = 3.0
    """Seconds in which a connection must stand."""
    total_timeout: Seconds = 10.0
    """Seconds in which a request must be answered."""


class StdoutBlock(SinkBlock):
    """JSON lines on standard output."""

    name: SinkName = "stdout"
    encoding: Form = "native"
    """How an alert is written: native, cloudevents or ocsf."""


class FileBlock(SinkBlock):
    """JSON lines in a file."""

    path: Path
    """File to append to; each alert is there once."""
    encoding: Form = "native"
    """How an alert is written: native, cloudevents or ocsf."""


class AlertmanagerBlock(HttpSinkBlock):
    """Prometheus Alertmanager, API v2."""

    url: Url
    """Base URL, without api/v2/alerts."""
    resolve_after: Annotated[float, Ge(60), Le(7 * 86_400)] = 14_400.0
    """Seconds until Alertmanager takes an alert for over."""
    runbooks: Url | None = None
    """Base URL under which docs/detectors lies, for links."""
    bearer_token_file: Path | None = None
    """File with a bearer token."""
    username: Text | None = None
    """User for basic authentication; needs `password_file`."""
    password_file: Path | None = None
    """File with the password of `username`."""

    @model_validator(mode="after")
    def _authenticated(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise wrong("Of username and password_file there is only one.", "Basic authentication needs both.")
        if self.username is not None and self.bearer_token_file is not None:
            raise wrong("There is a user and a bearer token.", "A request carries one of them.")
        return self


class WebhookBlock(HttpSinkBlock):
    """A webhook of any kind, one alert a request."""

    url: Url | None = None
    """Where to post; or `url_file`."""
    url_file: Path | None = None
    """File with the URL, when that is a secret."""
    encoding: Form = "cloudevents"
    """How an alert is written: cloudevents, native or ocsf."""
    bearer_token_file: Path | None = None
    """File with a bearer token."""
    hmac_secret_file: Path | None = None
    """File with the secret of an HMAC-SHA256 signature in the manner of Standard Webhooks."""
    parallel: Annotated[int, Ge(1), Le(64)] = 8
    """Most requests under way at once."""

    @model_validator(mode="after")
    def _addressed(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise wrong("There must be one of url and url_file.")
        return self


class ChatBlock(HttpSinkBlock):
    """A chat program."""

    url_file: Path
    """File with the URL of the webhook, which is a secret."""
    runbooks: Url | None = None
    """Base URL under which docs/detectors lies, for links."""


class SlackBlock(ChatBlock):
    """A Slack channel, by an incoming webhook."""


class TeamsBlock(ChatBlock):
    """A Teams channel or chat, by a workflow webhook."""


class LogAnalyticsBlock(HttpSinkBlock):
    """A Log Analytics (Sentinel) table, by the Logs Ingestion API."""

    max_per_hour: Annotated[int, Ge(0), Le(10_000)] = 0
    max_per_day: Annotated[int, Ge(0), Le(100_000)] = 0
    max_per_detector: Annotated[int, Ge(0), Le(100_000)] = 0
    endpoint: Url
    """URL of the data collection endpoint, or the logs ingestion endpoint of the rule."""
    rule_id: Annotated[str, StringConstraints(pattern=r"^dcr-[0-9a-zA-Z-]{1,64}$")]
    """Immutable id of the data collection rule."""
    stream: Annotated[str, StringConstraints(pattern=r"^Custom-[0-9A-Za-z_-]{1,120}$")]
    """Name of its stream."""


class EventHubsBlock(SinkBlock):
    """An event hub, one event an alert."""

    namespace: Namespace | None = None
    """Host name of the namespace, reached with the identity of the process; or `connection_string_file`."""
    hub: Text | None = None
    """Name of the event hub; may be left out when the connection string has an EntityPath."""
    connection_string_file: Path | None = None
    """File with a connection string."""
    encoding: Form = "native"
    """How an alert is written: native, cloudevents or ocsf."""
    web_socket: bool = False
    """true: AMQP over WebSocket, port 443, for networks that block port 5671."""
    ca_file: Path | None = None
    """PEM file of the authorities to trust, instead of those of the system."""

    @model_validator(mode="after")
    def _addressed(self) -> Self:
        if (self.namespace is None) == (self.connection_string_file is None):
            raise wrong("There must be one of namespace and connection_string_file.")
        if self.namespace is not None and self.hub is None:
            raise wrong("The namespace is given but not the hub.", "Name the event hub in `hub`.")
        return self


class SinksSettings(Block):
    """Where alerts go."""

    stdout: tuple[StdoutBlock, ...] = ()
    """JSON lines on standard output; one at most."""
    files: tuple[FileBlock, ...] = ()
    """JSON lines in files."""
    alertmanagers: tuple[AlertmanagerBlock, ...] = ()
    """Prometheus Alertmanagers."""
    webhooks: tuple[WebhookBlock, ...] = ()
    """Webhooks of any kind."""
    slack: tuple[SlackBlock, ...] = ()
    """Slack channels."""
    teams: tuple[TeamsBlock, ...] = ()
    """Teams channels."""
    log_analytics: tuple[LogAnalyticsBlock, ...] = ()
    """Log Analytics (Sentinel) tables."""
    event_hubs: tuple[EventHubsBlock, ...] = ()
    """Event hubs."""

    def blocks(self) -> Iterator[SinkBlock]:
        """Every sink, in the order of the fields."""
        for name in type(self).model_fields:
            yield from getattr(self, name)

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        names = [block.name for block in self.blocks()]
        if len(set(names)) < len(names):
            raise wrong("Two sinks have the same name, so the outbox could not tell them apart.")
        if len(self.stdout) > 1:
            raise wrong("There is more than one block for standard output.")
        paths = [block.path for block in self.files]
        if len(set(paths)) < len(paths):
            raise wrong("Two sinks write the same file.")
        return self

    @model_validator(mode="after")
    def _secure(self) -> Self:
        for block in self.blocks():
            url = getattr(block, "url", None) or getattr(block, "endpoint", None)
            if url is not None and url.lower().startswith("http:") and not getattr(block, "allow_insecure", False):
                raise wrong(f'The URL of the sink "{block.name}" is plain http.', "Use https, or set allow_insecure.")
        return self
