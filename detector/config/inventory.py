"""Settings of the poller that reads the directory through Microsoft Graph.

Times are seconds, or text such as 20m.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Self

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator, StringConstraints, model_validator

from detector.config.blocks import Block
from detector.config.event_hubs import Duration, FilePath, Identity
from detector.config.fields import Guid, Name, wrong

_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]{1,253}|\[[0-9a-f:]+\])(?P<port>:[0-9]{1,5})?")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
AUTHORITIES: Final = {
    "https://graph.microsoft.com": "https://login.microsoftonline.com",
    "https://graph.microsoft.us": "https://login.microsoftonline.us",
    "https://dod-graph.microsoft.us": "https://login.microsoftonline.us",
    "https://microsoftgraph.chinacloudapi.cn": "https://login.partner.microsoftonline.cn",
}
"""Root endpoints of Microsoft Graph and who issues tokens for them; https://learn.microsoft.com/graph/deployments."""


def _origin(value: str) -> str:
    folded = value.casefold().rstrip("/")
    found = _ORIGIN.fullmatch(folded)
    if found is None:
        raise wrong("Not the address of a server.", "Write it like https://graph.microsoft.com, without a path.")
    if found["scheme"] == "http" and found["host"] not in _LOOPBACK:
        raise wrong("Plain http would show the token to the network.", "Use https; http is for this machine only.")
    return folded


Origin = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(_origin)]
"""Scheme, host and port."""


class ReadSettings(Block):
    """What is read besides agents, blueprints and their principals. What is not read is not known, never none."""

    agent_users: bool = True
    """Users that belong to agents; needs User.Read.All."""
    people: bool = True
    """Whether owners and sponsors are enabled; needs User.Read.All."""
    grants: bool = True
    """App roles and delegated permissions; needs Directory.Read.All."""
    attributes: bool = False
    """Custom security attributes; needs CustomSecAttributeAssignment.Read.All."""


class InventorySettings(Block):
    """The directory, as Microsoft Graph shows it, and how it is read."""

    tenant_id: Guid
    """Id of the tenant; records carry it."""
    endpoint: Origin = "https://graph.microsoft.com"
    """Root of Microsoft Graph; another one in national clouds, like https://graph.microsoft.us."""
    authority: Origin | None = None
    """Who issues tokens, like https://login.microsoftonline.com; null for the one that belongs to the endpoint."""
    identity: Identity = "workload"
    """Who asks for tokens: workload (identity of the pod), managed (identity of the machine), cli (you)."""
    client_id: Name | None = None
    """Client id of the identity when there are several; needed with client_secret_file."""
    client_secret_file: FilePath | None = None
    """Mounted file with a client secret, instead of an identity; for trying things out."""
    full_every: Annotated[Duration, Ge(300)] = 6 * 3600.0
    """How often everything is read."""
    every: Annotated[Duration, Ge(30)] = 300.0
    """How often changes since then are asked for; also the shortest wait after a reading that failed."""
    page_size: Annotated[int, Ge(1), Le(100)] = 100
    """Objects of a page; Graph gives 100 of these at most."""
    requests_per_second: Annotated[float, Gt(0), Le(200)] = 10.0
    """Requests begun in a second at most, whatever Graph would allow: other applications share its limits."""
    concurrency: Annotated[int, Ge(1), Le(32)] = 6
    """Requests under way at once at most."""
    timeout: Annotated[Duration, Le(300)] = 30.0
    """Longest wait for an answer."""
    read: ReadSettings = ReadSettings.model_construct()
    """What is read besides agents, blueprints and their principals."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.client_secret_file is not None and self.client_id is None:
            raise wrong("A client secret is named but not whose it is.", "Set client_id.")
        if self.full_every < self.every:
            raise wrong("full_every is shorter than every.", "Everything is read less often than what has changed.")
        return self

    @property
    def token_authority(self) -> str:
        """Who issues tokens."""
        return self.authority or AUTHORITIES.get(self.endpoint, AUTHORITIES["https://graph.microsoft.com"])
