"""A real HTTP server on loopback that answers as a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from aiohttp import web

from detector.sinks.destination import Guard, Route
from detector.sinks.wire import Fixed, Wire
from tests.sinks.outboxes import NOW

LOOPBACK = (ip_network("127.0.0.0/8"),)


class Receiver:
    """Keeps what it was sent; `answers` are used up one by one, the last one for ever."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.paths: list[str] = []
        self.answers: list[Callable[[web.Request], Awaitable[web.StreamResponse]]] = [answering(200)]
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((dict(request.headers), await request.read()))
        self.paths.append(request.path_qs)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)


def answering(status: int, **headers: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


async def hanging(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(600)
    return web.Response()


async def slow_body(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=200)
    await response.prepare(request)
    for _ in range(300):
        await response.write(b".")
        await asyncio.sleep(0.1)
    return response


async def resetting(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def receiver(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Receiver]:
    kept = Receiver()
    application = web.Application(client_max_size=2**24)
    application.router.add_route("*", "/{tail:.*}", kept.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    kept.url = f"{'http' if tls is None else 'https'}://{host if tls is None else 'localhost'}:{port}/hook"
    try:
        yield kept
    finally:
        await runner.cleanup()


def route(ca_file: Path | None = None, **changes: Any) -> Route:
    """A way to loopback."""
    settings: dict[str, Any] = {"connect": 60.0, "total": 60.0, "ca_file": ca_file, **changes}
    return Route(guard=Guard(LOOPBACK, allow_insecure=ca_file is None), **settings)


@asynccontextmanager
async def wire_to(url: str, way: Route | None = None, *authorizations: Any) -> AsyncIterator[Wire]:
    wire = Wire(Fixed(url), way or route(), lambda: NOW, authorizations)
    try:
        yield wire
    finally:
        await wire.close()
