"""AMQP over WebSocket: a bridge to the same connection code (AMQP WebSocket binding, working draft 7).

The only module of the test hub that needs more than the standard library; imported when asked for.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

from aiohttp import WSMsgType, web

from tests.hub.faults import Faults
from tests.hub.line import reset

ROUTE = "/$servicebus/websocket"
SUBPROTOCOL = "AMQPWSB10"

_CHUNK = 1 << 17

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Bridge:
    """Listens for WebSockets and hands the octets of each to the server as if they came over TCP."""

    def __init__(self, serve: Serve, faults: Faults) -> None:
        self._serve = serve
        self._faults = faults
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, tls: ssl.SSLContext | None) -> int:
        """Listen on a free port; the port."""
        application = web.Application()
        application.router.add_get(ROUTE, self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, 0, ssl_context=tls).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close everything."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.WebSocketResponse:
        upgraded = web.WebSocketResponse(protocols=(SUBPROTOCOL,), autoping=False, max_msg_size=0)
        await upgraded.prepare(request)
        near, far = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=near, limit=_CHUNK)
        serving = asyncio.ensure_future(self._serve(*await asyncio.open_connection(sock=far, limit=_CHUNK)))
        taking = asyncio.create_task(self._take(upgraded, writer))
        try:
            await _give(reader, upgraded)
        finally:
            taking.cancel()
            writer.close()
            if not upgraded.closed and request.transport is not None:
                reset(request.transport)  # as behind a gateway: without a close frame
            await asyncio.wait({serving, taking})
        return upgraded

    async def _take(self, upgraded: web.WebSocketResponse, writer: asyncio.StreamWriter) -> None:
        """From the client to the server, until the client ends; a ping is answered unless the network is dead."""
        async for message in upgraded:
            if message.type is WSMsgType.BINARY:
                writer.write(message.data)
                await writer.drain()
            elif message.type is WSMsgType.PING and not self._faults.dark and not self._faults.frozen:
                await upgraded.pong(message.data)
        writer.close()


async def _give(reader: asyncio.StreamReader, upgraded: web.WebSocketResponse) -> None:
    """From the server to the client, until the server ends."""
    try:
        while octets := await reader.read(_CHUNK):
            await upgraded.send_bytes(octets)
    except ConnectionError:
        pass
