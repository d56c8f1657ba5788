"""What can go wrong with a hub, in the few words that the rest of the source knows."""

from __future__ import annotations

from typing import Final

from azure.eventhub.exceptions import AuthenticationError, ConnectError, ConnectionLostError, OperationTimeoutError

from detector.errors import SourceError
from detector.sources.facts import Ending

_CONDITIONS: Final[dict[str, Ending]] = {
    "link:stolen": "stolen",
    "server-busy": "throttled",
    "resource-limit-exceeded": "throttled",
    "unauthorized-access": "unauthorized",
    "auth-failed": "unauthorized",
    "not-found": "not_found",
    "resource-deleted": "not_found",
    "timeout": "timeout",
    "link:detach-forced": "detached",
    "connection:forced": "connection",
    "socket-error": "connection",
}
"""AMQP error conditions without their first word, as `EventHubError.error` holds them (AMQP 1.0, 2.8.15 to 2.8.18,
and https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot)."""
_CLASSES: Final[tuple[tuple[type[BaseException], Ending], ...]] = (
    (AuthenticationError, "unauthorized"),
    (OperationTimeoutError, "timeout"),
    (TimeoutError, "timeout"),
    (ConnectionLostError, "detached"),
    (ConnectError, "connection"),
    (OSError, "connection"),
)
_HTTP: Final[dict[str, Ending]] = {
    "401": "unauthorized",
    "403": "unauthorized",
    "404": "not_found",
    "408": "timeout",
    "429": "throttled",
    "503": "throttled",
}
"""Status codes of the management endpoint, which the SDK keeps only in the text of its error."""


class Stalled(SourceError):  # noqa: N818 -- a state of the source, named as in its runbook
    """A partition stays stalled after its receiver and the whole client were replaced: only a restart may help.

    The process should end with exit code 75, so that whatever runs it starts it again.
    """


class HubRecreated(SourceError):  # noqa: N818 -- as above
    """The hub is not the one whose positions are stored, so reading on would skip messages or read others."""


class Unavailable(Exception):  # noqa: N818 -- as above
    """The management endpoint gave no answer; `ending` says why. It is asked again, so this never leaves the source."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending: Final = ending


def ending_of(error: BaseException) -> Ending:
    """The kind of an error of the SDK. Total: it judges any exception, and its text leaves in no form."""
    text = str(error)
    if "supplied offset" in text.casefold():
        return "offset"
    condition = getattr(error, "error", None)
    if isinstance(condition, str) and condition in _CONDITIONS:
        return _CONDITIONS[condition]
    _, found, status = text.partition("Status code: ")
    if found and status[:3] in _HTTP:
        return _HTTP[status[:3]]
    return next((ending for kind, ending in _CLASSES if isinstance(error, kind)), "other")
