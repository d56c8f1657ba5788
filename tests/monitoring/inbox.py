"""Where notifications of Alertmanager arrive: as a webhook has them, and as Slack gets them."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.live.listening import Listening


class Inbox(Listening):
    """Keeps what came."""

    def __init__(self) -> None:
        self.webhooks: list[dict[str, Any]] = []
        self.slack: list[dict[str, Any]] = []
        super().__init__("inbox", {"/webhook": self._webhook, "/slack": self._slack})

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

    async def _webhook(self, request: web.Request) -> web.Response:
        self.webhooks.append(await request.json())
        return web.Response()

    async def _slack(self, request: web.Request) -> web.Response:
        self.slack.append(await request.json())
        return web.Response(text="ok")
