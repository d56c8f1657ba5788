"""Where notifications of Alertmanager arrive: as a webhook has them, and as Slack gets them."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Self

from aiohttp import web


class Inbox:
    """Listens on a loopback port in a thread of its own."""

    def __init__(self) -> None:
        self.webhooks: list[dict[str, Any]] = []
        self.slack: list[dict[str, Any]] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="inbox", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def told(self, status: str, **labels: str) -> list[dict[str, Any]]:
        """Alerts that came by webhook in a state, with these labels."""
        return [
            alert
            for notification in list(self.webhooks)
            for alert in notification["alerts"]
            if alert["status"] == status and labels.items() <= alert["labels"].items()
        ]

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._open())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _open(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/webhook", self._webhook)
        app.router.add_post("/slack", self._slack)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = int(runner.addresses[0][1])
        return runner

    async def _webhook(self, request: web.Request) -> web.Response:
        self.webhooks.append(await request.json())
        return web.Response()

    async def _slack(self, request: web.Request) -> web.Response:
        self.slack.append(await request.json())
        return web.Response(text="ok")
