"""The door for Prometheus and the kubelet: /metrics, /livez, /readyz, /startupz on a port of their own.

It runs on the service's own loop on purpose: when that is frozen nothing answers, and that is what the kubelet must
see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import orjson
from aiohttp import web

from detector.errors import DetectorError
from detector.telemetry.health import Health
from detector.telemetry.metrics import Metrics

_TICK: Final = 1.0
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Server": "agent-detector",
    "X-Content-Type-Options": "nosniff",
}


class TelemetryServer:
    """Serves one service's metrics and probes.

    Args:
        metrics: What /metrics shows.
        health: What the probes ask; its loop ticks while the server runs.
        host: Address to listen on.
        port: Port to listen on; 0 for any free one, see `port`.
        every_tick: Called once a second, for what wants to be looked at now and then.
    """

    def __init__(
        self,
        metrics: Metrics,
        health: Health,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        every_tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._metrics: Final = metrics
        self._health: Final = health
        self._host: Final = host
        self._asked: Final = port
        self._every_tick: Final = every_tick
        self._runner: web.AppRunner | None = None
        self._ticking: asyncio.Task[None] | None = None
        self.port = port
        """The port that is listened on, once started."""

    async def start(self) -> None:
        """Starts to listen and to tick.

        Raises:
            DetectorError: The address cannot be listened on.
        """
        app = web.Application(client_max_size=1024)
        app.on_response_prepare.append(_dressed)
        app.router.add_get("/metrics", self._scraped)
        app.router.add_get("/livez", self._live)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/startupz", self._started)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._asked).start()
        except OSError as error:
            await runner.cleanup()
            raise DetectorError(
                f"The address {self._host}:{self._asked} for metrics cannot be listened on ({error.strerror}). "
                "Choose another telemetry.port."
            ) from None
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        self._ticking = asyncio.create_task(self._tick(), name="telemetry-tick")

    async def stop(self) -> None:
        """Stops both; nothing is left open."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
            self._ticking = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _tick(self) -> None:
        while True:
            self._health.loop_ticked()
            self._every_tick()
            await asyncio.sleep(_TICK)

    async def _scraped(self, request: web.Request) -> web.Response:
        body, kind = self._metrics.exposition(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": kind})

    async def _live(self, _: web.Request) -> web.Response:
        return _answer("alive", self._health.dead())

    async def _ready(self, _: web.Request) -> web.Response:
        return _answer("ready", self._health.not_ready())

    async def _started(self, _: web.Request) -> web.Response:
        return _answer("started", self._health.not_started())


def _answer(what: str, reasons: list[str]) -> web.Response:
    document = {what: not reasons, "reasons": reasons}
    return web.Response(status=503 if reasons else 200, body=orjson.dumps(document), content_type="application/json")


async def _dressed(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
