"""The door for evidence: a small HTTP server that answers 202 only once a record is in the store.

One request a connection, and a connection has a time within which it must be over. What cannot be taken now is
answered with 503 and when to try again, which senders understand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

import orjson
from aiohttp import web

from detector.errors import DetectorError
from detector.inventory.evidence import azure_devops, github
from detector.inventory.evidence.facts import STATUS, EvidenceFacts, Ignored, Refused, Sender
from detector.inventory.evidence.proofs import Proof
from detector.inventory.evidence.records import Clerk

RETRY_AFTER: Final = 30
"""Seconds after which a sender that could not be served may try again."""
_SLACK: Final = 5.0
"""Seconds that a connection may last beyond what receiving and committing may take."""
_SWEEP: Final = 1.0
_PAGE: Final = 64 * 2**10
_HEADERS: Final = {"Cache-Control": "no-store", "Server": "agent-detector", "X-Content-Type-Options": "nosniff"}

PATHS: Final[dict[Sender, str]] = {"github": "github", "azure_devops": "azure-devops", "records": "records"}


class Deposit(Protocol):
    """Where records go; see `detector.runtime.live.producing.Producer`."""

    def room(self) -> bool:
        """Whether there is room for a message."""
        ...

    async def put(self, lines: bytes) -> int:
        """Takes JSON lines; their number.

        Raises:
            OSError: They cannot be written down.
        """
        ...

    async def committed(self, number: int) -> bool:
        """Waits until they are in the store; false when that will not happen."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Where the endpoint listens and how much it takes; times in seconds."""

    host: str = "127.0.0.1"
    port: int = 0
    path: str = "/evidence"
    max_body_bytes: int = 2**20
    max_requests: int = 64
    receive_seconds: float = 10.0
    commit_seconds: float = 8.0


class Endpoint:
    """Takes deliveries of senders that prove who they are.

    Args:
        terms: See there.
        proofs: By sender; there is no address for a sender that is not here.
        clerk: Makes records.
        deposit: Takes them.
        now: Wall clock, seconds since the epoch.
        facts: Told what happens.
    """

    def __init__(
        self,
        terms: Terms,
        proofs: dict[Sender, Proof],
        clerk: Clerk,
        deposit: Deposit,
        *,
        now: Callable[[], float],
        facts: EvidenceFacts,
    ) -> None:
        self.clerk: Final = clerk
        self._terms: Final = terms
        self._proofs: Final = proofs
        self._deposit: Final = deposit
        self._now: Final = now
        self._facts: Final = facts
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._busy = 0
        self._stopping = False
        self.port = terms.port
        """The port that is listened on, once started."""

    async def start(self) -> None:
        """Starts to listen.

        Raises:
            DetectorError: The address cannot be listened on.
        """
        terms = self._terms
        app = web.Application(client_max_size=terms.max_body_bytes, middlewares=[_once])
        for sender, proof in self._proofs.items():
            app.router.add_post(f"{terms.path.rstrip('/')}/{PATHS[sender]}", self._answering(sender, proof))
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1.0,
            auto_decompress=False,
            lingering_time=1.0,
        )
        await runner.setup()
        server = runner.server
        assert server is not None

        def connected() -> asyncio.BaseProtocol:
            # Twice as many as are handled at once, so that those beyond are told so, and only a flood is not.
            return server() if len(server.connections) < 2 * terms.max_requests else _Closed()

        try:
            self._listening = await asyncio.get_running_loop().create_server(connected, terms.host, terms.port)
        except OSError as error:
            await runner.cleanup()
            raise DetectorError(
                f"The address {terms.host}:{terms.port} for evidence cannot be listened on ({error.strerror}). "
                "Choose another evidence.port."
            ) from None
        self._runner = runner
        self.port = int(self._listening.sockets[0].getsockname()[1])
        self._sweeping = asyncio.create_task(self._sweep(server), name="evidence-sweep")
        self._facts.evidence_opened(self.port)

    def refuse(self) -> None:
        """Takes nothing from now on; what is at hand is answered."""
        self._stopping = True

    async def stop(self) -> None:
        """Stops to listen; nothing is left open."""
        self.refuse()
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
            self._sweeping = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _sweep(self, server: web.Server) -> None:
        """Ends connections that last too long, whatever they wait for."""
        terms, loop = self._terms, asyncio.get_running_loop()
        longest = terms.receive_seconds + terms.commit_seconds + _SLACK
        since: dict[web.RequestHandler, float] = {}
        while True:
            now = loop.time()
            since = {each: since.get(each, now) for each in server.connections}
            for connection, begun in since.items():
                if now - begun > longest:
                    connection.force_close()
            await asyncio.sleep(_SWEEP)

    # One delivery

    def _answering(self, sender: Sender, proof: Proof) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            try:
                if self._stopping:
                    raise Refused("stopping", "The service is stopping.")
                if self._busy >= self._terms.max_requests:
                    raise Refused("busy", "Too many deliveries at once.")
                self._busy += 1
                try:
                    records = await self._taken(sender, proof, request)
                finally:
                    self._busy -= 1
            except Ignored as ignored:
                self._facts.evidence_ignored(sender, ignored.reason)
                return web.Response(status=204)
            except Refused as refused:
                self._facts.evidence_refused(sender, refused.reason)
                return _refusal(refused)
            self._facts.evidence_accepted(sender, records)
            return _answer(202, {"records": records})

        return answer

    async def _taken(self, sender: Sender, proof: Proof, request: web.Request) -> int:
        """How many records a delivery became, all of them in the store."""
        if not proof.needs_body:
            await proof.check(request.headers, b"")
        body = await self._body(request)
        if proof.needs_body:
            await proof.check(request.headers, body)
        lines, records = self._records(sender, request, body)
        if not self._deposit.room():
            raise Refused("full", "The service has no room for more now.")
        try:
            async with asyncio.timeout(self._terms.commit_seconds):
                done = await self._deposit.committed(await self._deposit.put(lines))
        except TimeoutError:
            raise Refused("not_committed", "It is not in the store yet; sent again, it counts once.") from None
        except OSError:
            raise Refused("not_kept", "The archive cannot be written now.") from None
        if not done:
            raise Refused("stopping", "The service is stopping.")
        return records

    async def _body(self, request: web.Request) -> bytes:
        limit = self._terms.max_body_bytes
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refused("encoded", "The body must not be compressed.")
        if (request.content_length or 0) > limit:
            raise Refused("too_large", f"The body is longer than {limit} bytes.")
        body = bytearray()
        try:
            async with asyncio.timeout(self._terms.receive_seconds):
                async for chunk in request.content.iter_chunked(_PAGE):
                    body += chunk
                    if len(body) > limit:
                        raise Refused("too_large", f"The body is longer than {limit} bytes.")
        except TimeoutError:
            raise Refused("too_slow", "The body took too long.") from None
        except (ConnectionError, web.RequestPayloadError):
            raise Refused("broken_off", "The body broke off.") from None
        return bytes(body)

    def _records(self, sender: Sender, request: web.Request, body: bytes) -> tuple[bytes, int]:
        now = self._now()
        if sender == "github":
            return self.clerk.of_run(github.told(request.headers.get(github.EVENT, ""), body), now), 1
        if sender == "azure_devops":
            return self.clerk.of_run(azure_devops.told(body), now), 1
        return self.clerk.of_body(body, now)


class _Closed(asyncio.Protocol):
    """Who comes when there are too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hangs up."""
        transport.close()


def _refusal(refused: Refused) -> web.Response:
    response = _answer(STATUS[refused.reason], {"reason": refused.reason, "message": str(refused)})
    if response.status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    if refused.reason == "unproved":
        response.headers["WWW-Authenticate"] = 'Basic realm="evidence"'
    return response


def _answer(status: int, document: dict[str, object]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")


@web.middleware
async def _once(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """One request a connection: an answer is the end of it, whatever it is."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(_HEADERS)
        error.force_close()
        raise
    response.headers.update(_HEADERS)
    response.force_close()
    return response
