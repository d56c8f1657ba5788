"""A server leaves nothing behind: no socket, no thread, no task, whatever its clients did."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading

import pytest

from tests.hub import Hub, Server
from tests.hub_tests.peer import peer


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def _use(server: Server) -> None:
    """One client that says good-bye, one that hangs up, one that says nothing, one that never reads."""
    async with peer(server) as polite, peer(server) as open_one:
        await polite.open()
        await open_one.open()
        await open_one.authorise()
        for _ in range(3):
            plain = socket.create_connection(("127.0.0.1", server.port))
            plain.sendall(b"AMQP")
            plain.close()
        server.faults.half_open()
        open_one.writer.write(b"\x00" * 100)
        server.faults.slow(1)
        server.faults.clear()


@pytest.mark.parametrize("websocket", [False, True])
def test_starting_and_stopping_leaves_no_descriptor_and_no_thread(websocket: bool) -> None:
    hub = Hub("agents", partitions=1)

    def round_trip() -> None:
        with Server(hub, websocket=websocket) as server:
            asyncio.run(_use(server))

    round_trip()
    gc.collect()
    before, threads = _descriptors(), threading.active_count()
    for _ in range(5):
        round_trip()
    gc.collect()
    assert _descriptors() == before
    assert threading.active_count() == threads


def test_a_server_forgets_the_links_of_clients_that_are_gone() -> None:
    hub = Hub("agents", partitions=1)
    with Server(hub) as server:
        asyncio.run(_use(server))
        assert server.stats.wait_for(lambda stats: stats.open_connections == 0)
        assert server.stats.receivers["0"] == 0
        hub.put(0, b"nobody listens")
