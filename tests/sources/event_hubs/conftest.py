"""A hub on loopback with a source that reads it."""

from __future__ import annotations

import gc
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.hub import Hub, Server
from tests.sources.event_hubs.live import Live, quick


@pytest.fixture(autouse=True)
def forgotten(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Collects the sockets that the SDK forgets when a connection breaks, before another test is blamed for them.

    pytest would keep them alive: in every log record is the exception, in that its frames, in those the socket.
    """
    for name in ("azure.eventhub", "asyncio"):
        caplog.set_level(logging.CRITICAL, logger=name)
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """Makes a hub, a server and the settings of a source that reads it."""
    with ExitStack() as stack:

        def make(*, partitions: int = 2, **changes: Any) -> Live:
            hub = Hub("agents", partitions=partitions)
            server = stack.enter_context(Server(hub))
            file = tmp_path / f"connection-{server.port}"
            file.write_text(server.connection_string(), encoding="utf-8")
            return Live(hub, server, quick(file, **changes))

        yield make
