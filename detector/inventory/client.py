"""Requests to Microsoft Graph: bounded, paced, repeated where that may help, and never led elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import aiohttp
import msgspec
from yarl import URL

from detector.inventory.pace import Pace, World
from detector.inventory.problems import PASSING, RequestFailed, reason_of, refusal
from detector.inventory.shapes import BATCHES, PAGES, BatchAnswer, Page

if TYPE_CHECKING:
    from detector.config.inventory import InventorySettings
    from detector.inventory.facts import InventoryFacts
    from detector.inventory.tokens import Tokens

ATTEMPTS: Final = 6
"""How often a request is made at most."""
MOST_BYTES: Final = 16 * 2**20
"""Longest body that is read: a page has 100 objects."""
MOST_PAGES: Final = 20_000
"""Pages of one list that are read at most: a server that leads in a circle must not keep us for ever."""
BATCH: Final = 20
"""Requests in one `$batch`; https://learn.microsoft.com/graph/json-batching."""
VERSION: Final = "v1.0"

T = TypeVar("T")


class Graph:
    """One tenant's directory over HTTP; used as an asynchronous context manager.

    Args:
        settings: Where and how fast.
        tokens: What proves who asks.
        facts: Told what happens.
        world: Clocks and chance.
    """

    def __init__(self, settings: InventorySettings, tokens: Tokens, facts: InventoryFacts, world: World) -> None:
        self._settings: Final = settings
        self._tokens: Final = tokens
        self._facts: Final = facts
        self._world: Final = world
        self._origin: Final = URL(settings.endpoint).origin()
        self._pace: Final = Pace(settings.requests_per_second, world)
        self._places: Final = asyncio.Semaphore(settings.concurrency)
        self._session: aiohttp.ClientSession | None = None
        self.requests = 0
        """How many were made; those of a `$batch` count one by one."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._settings.concurrency),
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            headers={"User-Agent": "entra-agent-detector", "Accept": "application/json"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()
        await self._tokens.close()

    def url(self, path: str, **query: object) -> URL:
        """The address of something; options of OData get their `$`. Path and query must be fit for a URL."""
        return self.url_of(VERSION, path, query)

    def url_of(self, version: str, path: str, query: Mapping[str, object]) -> URL:
        """The same in one of the versions of Graph, v1.0 or beta."""
        options = "&".join(f"${name}={value}" for name, value in query.items())
        return URL(f"{self._settings.endpoint}/{version}/{path}" + (f"?{options}" if options else ""), encoded=True)

    def link(self, text: str) -> URL:
        """An address that Graph gave us.

        Raises:
            RequestFailed: It leads to another server, which would get our token.
        """
        try:
            url = URL(text, encoded=True)
            stays = url.origin() == self._origin and url.user is None
        except ValueError:
            raise RequestFailed("malformed") from None
        if not stays:
            raise RequestFailed("left_origin")
        return url

    async def read(self, url: URL, decoder: msgspec.json.Decoder[T]) -> T:
        """What is found at an address.

        Raises:
            RequestFailed: It cannot be read, however often it is tried.
        """
        return await self._insist("GET", url, decoder)

    async def pages(self, url: URL) -> AsyncIterator[Page]:
        """The pages of a list, each as it arrives.

        Raises:
            RequestFailed: A page cannot be read; what came before is not all.
        """
        for _ in range(MOST_PAGES):
            page = await self.read(url, PAGES)
            yield page
            if page.next_link is None:
                return
            following = self.link(page.next_link)
            if following == url:
                raise RequestFailed("malformed")
            url = following
        raise RequestFailed("too_many_pages")

    async def batch(self, paths: Sequence[str]) -> Mapping[str, BatchAnswer]:
        """The answers to at most `BATCH` requests in one, by path; those that are missing were not given in the end.

        Raises:
            RequestFailed: The whole came to nothing.
        """
        answers: dict[str, BatchAnswer] = {}
        waiting = list(paths)
        for failures in range(1, ATTEMPTS + 1):
            asked = [{"id": str(number), "method": "GET", "url": f"/{path}"} for number, path in enumerate(waiting)]
            body = msgspec.json.encode({"requests": asked})
            found = await self._insist("POST", self.url("$batch"), BATCHES, body, len(asked))
            given = {answer.id: answer for answer in found.responses}
            rest: list[str] = []
            after = 0.0
            for number, path in enumerate(waiting):
                answer = given.get(str(number))
                failed = RequestFailed("malformed") if answer is None else self._refused(answer)
                if answer is not None and (failed is None or failed.reason not in PASSING):
                    answers[path] = answer
                    continue
                rest.append(path)
                after = max(after, (failed and failed.after) or 0.0)
            if not rest or failures == ATTEMPTS:
                break
            waiting = rest
            await self._rest(RequestFailed("throttled", after or None), failures)
        return answers

    def _refused(self, answer: BatchAnswer) -> RequestFailed | None:
        headers = {name.title(): value for name, value in (answer.headers or {}).items()}
        return refusal(answer.status, headers, self._world.now())

    async def _insist(
        self, method: str, url: URL, decoder: msgspec.json.Decoder[T], body: bytes | None = None, counts: int = 1
    ) -> T:
        """Asks until there is an answer, or no hope of one."""
        failures = 0
        while True:
            try:
                return decoder.decode(await self._once(method, url, body, counts))
            except msgspec.MsgspecError:
                failed = RequestFailed("malformed")
            except RequestFailed as error:
                failed = error
            failures += 1
            if failed.reason not in PASSING or failures >= ATTEMPTS:
                raise failed
            await self._rest(failed, failures)

    async def _rest(self, failed: RequestFailed, failures: int) -> None:
        """Waits before another try; when Graph is overloaded, everybody waits."""
        wait = self._pace.wait(failures)
        if failed.after is not None:
            # Those who were asked to come back at one moment should not all come at that moment.
            wait = failed.after + min(wait, 1.0)
        if failed.reason == "throttled" or failed.after is not None:
            self._pace.rest(wait)
        self._facts.request_retried(failed.reason, wait)
        await self._world.sleep(wait)

    async def _once(self, method: str, url: URL, body: bytes | None, counts: int) -> bytes:
        assert self._session is not None
        async with self._places:
            await self._pace.turn(counts)
            headers = {"Authorization": await self._tokens.header()}
            if body is not None:
                headers["Content-Type"] = "application/json"
            self.requests += counts
            try:
                async with self._session.request(
                    method, url, data=body, headers=headers, allow_redirects=False
                ) as answer:
                    failed = refusal(answer.status, answer.headers, self._world.now())
                    if failed is None:
                        return await _body(answer)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise RequestFailed(reason_of(error)) from None
        if failed.reason == "unauthorized":
            self._tokens.refused()
        raise failed


async def _body(answer: Any) -> bytes:  # noqa: ANN401 -- a response of aiohttp, or one that looks like it
    """The body of an answer, unpacked.

    Raises:
        RequestFailed: It is longer than anything Graph sends.
    """
    pieces: list[bytes] = []
    size = 0
    async for piece in answer.content.iter_any():
        size += len(piece)
        if size > MOST_BYTES:
            raise RequestFailed("too_large")
        pieces.append(piece)
    return b"".join(pieces)
