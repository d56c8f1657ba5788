"""An endpoint on a free port, with everything around it, and ways to send something there."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from detector.decode.decoder import Decoder
from detector.domain.events import Deployment
from detector.features.pipelines import Pipeline, RunRule
from detector.inventory.evidence.endpoint import Endpoint, Terms
from detector.inventory.evidence.facts import Sender
from detector.inventory.evidence.proofs import AnyOf, Password, Proof, Signature, Token
from detector.inventory.evidence.records import Clerk
from tests.inventory.evidence.payloads import DEPLOYER, NOW, TENANT

SECRET = "It's a Secret to Everybody"
PASSWORD = "p\u00e4ssword"
PIPELINES = (
    Pipeline(
        "agents-prod",
        frozenset({DEPLOYER}),
        runs=(
            RunRule(provider="github", repository="Example/Agents", workflow="Deploy agents", branch="main"),
            RunRule(provider="azure_devops", repository="fabrikam/agents", workflow="deploy-agents"),
            RunRule(provider="azure_devops", workflow="Agents", environment="production"),
        ),
    ),
    Pipeline("two-hands", frozenset({DEPLOYER, TENANT}), runs=(RunRule(provider="github", branch="release/*"),)),
)


class Facts:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.opened: list[int] = []
        self.accepted: list[tuple[Sender, int]] = []
        self.ignored: list[tuple[Sender, str]] = []
        self.refused: list[tuple[Sender, str]] = []

    def evidence_opened(self, port: int) -> None:
        self.opened.append(port)

    def evidence_accepted(self, sender: Sender, records: int) -> None:
        self.accepted.append((sender, records))

    def evidence_ignored(self, sender: Sender, reason: str) -> None:
        self.ignored.append((sender, reason))

    def evidence_refused(self, sender: Sender, reason: str) -> None:
        self.refused.append((sender, reason))


class Tray:
    """A deposit that is committed when a test wants."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.free = True
        self.stored = asyncio.Event()
        self.stored.set()
        self.ends_well = True

    def room(self) -> bool:
        return self.free

    async def put(self, lines: bytes) -> int:
        self.lines.append(lines)
        return len(self.lines)

    async def committed(self, number: int) -> bool:
        assert number <= len(self.lines)
        await self.stored.wait()
        return self.ends_well


class Desk:
    """What a test talks to."""

    def __init__(self, endpoint: Endpoint, tray: Tray, facts: Facts, session: aiohttp.ClientSession) -> None:
        self.endpoint = endpoint
        self.tray = tray
        self.facts = facts
        self.session = session
        self.secrets: list[str] = [SECRET]

    def events(self) -> list[Deployment]:
        decoded = Decoder(not_after=NOW).lines(b"".join(self.tray.lines))
        assert not decoded.quarantined
        events = [event for event in decoded.events if isinstance(event, Deployment)]
        assert len(events) == len(decoded.events)
        return events

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.endpoint.port}/evidence/{path}"

    async def post(self, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        async with self.session.post(self.url(path), data=body, headers=headers) as response:
            answer = await response.json() if response.content_type == "application/json" else await response.text()
            return response.status, answer, dict(response.headers)

    async def github(self, body: bytes, event: str = "workflow_run", **headers: str) -> tuple[int, Any, dict[str, str]]:
        return await self.post(
            "github",
            body,
            {
                "X-GitHub-Event": event,
                "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
                "X-Hub-Signature-256": signature(body),
                **headers,
            },
        )

    async def azure(self, body: bytes, **headers: str) -> tuple[int, Any, dict[str, str]]:
        return await self.post("azure-devops", body, headers or basic("hook", PASSWORD))

    async def records(self, body: bytes, **headers: str) -> tuple[int, Any, dict[str, str]]:
        return await self.post("records", body, {"X-Signature-256": signature(body), **headers})


def signature(body: bytes, secret: str = SECRET, algorithm: str = "sha256") -> str:
    return f"{algorithm}={hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()}"


def basic(username: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"}


@asynccontextmanager
async def opened(**terms: Any) -> AsyncIterator[Desk]:
    """A desk of a service whose clock stands at `NOW`."""
    tray, facts, secrets = Tray(), Facts(), [SECRET]

    async def known() -> list[str]:
        return secrets

    async def passwords() -> list[str]:
        return ["old one", PASSWORD]

    proofs: dict[Sender, Proof] = {
        "github": Signature("X-Hub-Signature-256", known),
        "azure_devops": AnyOf([Password("hook", passwords), Token("X-Evidence-Secret", known)]),
        "records": Signature("X-Signature-256", known),
    }
    chosen: dict[str, Any] = {"receive_seconds": 5.0, "commit_seconds": 5.0, "max_body_bytes": 64 * 1024, **terms}
    endpoint = Endpoint(Terms(**chosen), proofs, Clerk(TENANT, {}, PIPELINES), tray, now=lambda: NOW, facts=facts)
    await endpoint.start()
    try:
        async with aiohttp.ClientSession() as session:
            desk = Desk(endpoint, tray, facts, session)
            desk.secrets = secrets
            yield desk
    finally:
        await endpoint.stop()
