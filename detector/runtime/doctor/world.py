"""What an examination needs of the world, which tests replace, and how long it may take."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final, ParamSpec, TypeVar

from detector.sources.facts import Silent, SourceFacts

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver
    from azure.core.credentials_async import AsyncTokenCredential

    from detector.config.event_hubs import EventHubsSettings
    from detector.sources.event_hubs.connection import TokenCredential

P = ParamSpec("P")
T = TypeVar("T")

NOBODY: Final[SourceFacts] = Silent()  # type: ignore[abstract]  # its methods are empty, and meant to be
"""Whom the parts of the source tell here what happens: the examination asks them itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds. The longest chain, that of the hub, takes 3.6 times `each`, which is below `total`."""

    each: float = 7.0
    """One check."""
    total: float = 28.0
    """Everything, but for closing what is open."""
    close: float = 1.5
    """Closing what is open."""


def _of_settings(settings: EventHubsSettings) -> TokenCredential:
    from detector.sources.event_hubs.connection import credential_of

    return credential_of(settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Clocks, identities and ways out."""

    now: Callable[[], float]
    """Wall clock, seconds since the epoch."""
    monotonic: Callable[[], float]
    stdout: BinaryIO
    """Where a test alert for the sink `stdout` goes."""
    credential: Callable[[], AsyncTokenCredential]
    """Makes the identity that sinks in Azure are reached with."""
    hub_credential: Callable[[EventHubsSettings], TokenCredential] = _of_settings
    """Makes the identity that the source is read with, where there is no connection string."""
    resolver: AbstractResolver | None = None
    """Resolves names for sinks; `None` for the resolver of the system."""
    limits: Limits = field(default_factory=Limits)


class UnwaitedThreads(ThreadPoolExecutor):
    """Runs each call in a thread that nobody waits for at the end.

    A name server that does not answer holds `getaddrinfo` for half a minute, a dead network disk for ever, and neither
    can be interrupted: the process must be able to end without them.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Starts a call at once."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 -- whoever waits for the future is told
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=run, daemon=True, name="doctor").start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Waits for nobody."""
