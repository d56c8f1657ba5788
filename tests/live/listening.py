"""A web server of a test: on a loopback port, in a thread of its own, whatever becomes of what is tested."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.Response]]


class Listening:
    """Listens while it is entered.

    Args:
        name: Of the thread.
        posts: Who answers what is posted, by path.
    """

    def __init__(self, name: str, posts: Mapping[str, Answer]) -> None:
        self.port = 0
        self._posts = posts
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._open())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _open(self) -> web.AppRunner:
        app = web.Application()
        for path, answer in self._posts.items():
            app.router.add_post(path, answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = int(runner.addresses[0][1])
        return runner
