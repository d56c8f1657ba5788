"""An independent receiver of alerts: a webhook that counts how often each id came."""

from __future__ import annotations

from collections import Counter

from aiohttp import web

from tests.live.listening import Listening


class Referee(Listening):
    """Counts alerts, whatever becomes of the service."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        """Times that each alert id came."""
        self.refusing = False
        """Whether it answers 503."""
        super().__init__("referee", {"/alerts": self._took})

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

    async def _took(self, request: web.Request) -> web.Response:
        if self.refusing:
            return web.Response(status=503)
        key = request.headers["Idempotency-Key"]
        assert key == (await request.json())["id"]
        self.seen[key] += 1
        return web.Response(status=202)
