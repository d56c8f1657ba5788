"""An independent receiver of alerts: a webhook that counts how often each id came."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Self

from aiohttp import web


class Referee:
    """Listens on a loopback port in a thread of its own, whatever becomes of the service."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        """Times that each alert id came."""
        self.port = 0
        self.refusing = False
        """Whether it answers 503."""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="referee", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    def sink(self) -> dict[str, object]:
        """The block of the configuration that sends alerts here."""
        return {
            "name": "referee",
            "url": self.url,
            "allow_insecure": True,
            "allow_networks": ["127.0.0.0/8"],
            "max_per_hour": 0,
            "max_per_day": 0,
            "max_per_detector": 0,
        }

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._open())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _open(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/alerts", self._took)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = int(runner.addresses[0][1])
        return runner

    async def _took(self, request: web.Request) -> web.Response:
        if self.refusing:
            return web.Response(status=503)
        key = request.headers["Idempotency-Key"]
        assert key == (await request.json())["id"]
        self.seen[key] += 1
        return web.Response(status=202)
