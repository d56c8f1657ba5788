"""The stand-in itself: HTTP on a free port of this machine."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from aiohttp import web

from tests.graph import faults
from tests.graph.directory import Directory
from tests.graph.faults import Asked, Fault

TOKEN = "good"
EXPANDABLE = {"owners", "sponsors", "appRoleAssignments"}
MOST_EXPANDED = 20


@dataclass
class Options:
    """How strict it is."""

    per_second: int | None = None
    """Requests in any second beyond which it answers 429; those of a `$batch` count one by one."""
    retry_after: str | None = "1"
    faults: faults.Faults = faults.none
    oldest_token: int = 0
    """Delta tokens before this one are too old."""
    no_expand: frozenset[str] = frozenset()
    attributes_shown: bool = True


class Refused(Exception):  # noqa: N818
    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers or {}


@dataclass
class GraphServer:
    """A directory that can be asked."""

    directory: Directory
    options: Options = field(default_factory=Options)
    origin: str = ""
    asked: list[Asked] = field(default_factory=list)
    answered: Counter[int] = field(default_factory=Counter)
    busiest: int = 0
    """Most requests in any second."""
    _window: deque[float] = field(default_factory=deque)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[GraphServer]:
        """Serves until left."""
        app = web.Application()
        app.router.add_route("*", "/v1.0/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.origin = f"http://{host}:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    # ------------------------------------------------------------------------------------------ answers

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {})
        path, query = request.match_info["path"], dict(request.query.items())
        if path == "$batch":
            return await self._batch(request)
        if self._throttled(1):
            return self._answer(429, self._throttle_headers())
        asked = self._noted(path, query)
        fault = self.options.faults(asked)
        if fault is not None and fault.hang:
            await asyncio.sleep(3600)
        if fault is not None and (fault.status is not None or fault.body is not None):
            return self._answer(fault.status or 200, fault.headers, fault.body)
        try:
            document = self.answer(path, query)
        except Refused as refused:
            return self._answer(refused.status, refused.headers)
        body = json.dumps(_touched(document, fault)).encode()
        if fault is not None and fault.cut:
            return await self._cut(request, body)
        return self._answer(200, {}, body)

    def _answer(self, status: int, headers: dict[str, str], body: bytes | None = None) -> web.Response:
        self.answered[status] += 1
        content = body if body is not None else b'{"error":{"code":"made up"}}'
        return web.Response(status=status, headers=headers, body=content, content_type="application/json")

    async def _cut(self, request: web.Request, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        assert request.transport is not None
        request.transport.close()
        return response

    async def _batch(self, request: web.Request) -> web.Response:
        asked = json.loads(await request.read())["requests"]
        if self._throttled(len(asked)):
            return self._answer(429, self._throttle_headers())
        answers = []
        for each in asked:
            path, _, options = each["url"].lstrip("/").partition("?")
            query = dict(option.split("=", 1) for option in options.split("&") if option)
            noted = self._noted(path, query)
            fault = self.options.faults(noted)
            if fault is not None:
                if fault.cut:
                    continue  # left out of the answer
                headers, status = fault.headers, fault.status or 200
                answers.append({"id": each["id"], "status": status, "headers": headers, "body": {"error": {}}})
                continue
            try:
                answers.append({"id": each["id"], "status": 200, "headers": {}, "body": self.answer(path, query)})
            except Refused as refused:
                answers.append({"id": each["id"], "status": refused.status, "body": {"error": {"code": "made up"}}})
        return self._answer(200, {}, json.dumps({"responses": answers[::-1]}).encode())

    def _noted(self, path: str, query: dict[str, str]) -> Asked:
        asked = Asked(path, query, len(self.asked), int(query.get("$skiptoken", "0").rpartition("-")[2] or 0))
        self.asked.append(asked)
        return asked

    def _throttled(self, requests: int) -> bool:
        now, window = asyncio.get_running_loop().time(), self._window
        while window and window[0] <= now - 1.0:
            window.popleft()
        window.extend([now] * requests)
        self.busiest = max(self.busiest, len(window))
        return self.options.per_second is not None and len(window) > self.options.per_second

    def _throttle_headers(self) -> dict[str, str]:
        return {} if self.options.retry_after is None else {"Retry-After": self.options.retry_after}

    # --------------------------------------------------------------------------------------- directory

    def answer(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        """What Graph would say."""
        parts = path.split("/")
        expanded = [each for each in query.get("$expand", "").split(",") if each]
        if len(expanded) > 1 or not set(expanded) <= EXPANDABLE - self.options.no_expand:
            raise Refused(400)
        if not 1 <= int(query.get("$top", "100")) <= 100:
            raise Refused(400)
        match parts:
            case ["oauth2PermissionGrants"]:
                return self._page(path, query, self.directory.grants)
            case [collection, "delta"]:
                return self._delta(collection, query)
            case [_, cast] if cast in self.directory.objects:
                return self._listed(path, cast, query)
            case [collection, identifier]:
                among = self.directory.people if collection == "users" else self.directory.resources
                return self._found(among, identifier)
            case [_, identifier, cast] if cast in self.directory.objects:
                return self._shown(self._found(self.directory.objects[cast], identifier), query)
        return self._page(path, query, self._list_of_one(parts[1:]))

    def _list_of_one(self, parts: list[str]) -> list[dict[str, Any]]:
        """A list of one object: some need a cast in their address, some must not have one."""
        match parts:
            case [identifier, "oauth2PermissionGrants"]:
                return [grant for grant in self.directory.grants if grant["clientId"] == identifier]
            case [identifier, ("appRoleAssignments" | "federatedIdentityCredentials") as relation]:
                return self.directory.relations.get((identifier, relation), [])
            case [identifier, cast, relation] if identifier in self.directory.objects.get(cast, ()):
                return self.directory.relations.get((identifier, relation), [])
        raise Refused(404)

    def _found(self, among: dict[str, dict[str, Any]], identifier: str) -> dict[str, Any]:
        if identifier not in among:
            raise Refused(404)
        return among[identifier]

    def _listed(self, path: str, cast: str, query: dict[str, str]) -> dict[str, Any]:
        objects = self.directory.objects[cast]
        size, number = _place(query)
        page = islice(objects.values(), number * size, (number + 1) * size)
        return self._paged(path, query, [self._shown(each, query) for each in page], len(objects))

    def _shown(self, seen: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        identifier = seen["id"]
        if query.get("$select") == "id,customSecurityAttributes":
            attributes = self.directory.attributes.get(identifier) if self.options.attributes_shown else None
            return {"id": identifier, "customSecurityAttributes": attributes}
        shown = dict(seen)
        if "$select" in query:
            shown = {name: value for name, value in shown.items() if name in query["$select"].split(",")}
        if "$expand" in query:
            relation = query["$expand"]
            shown[relation] = self.directory.relations.get((identifier, relation), [])[:MOST_EXPANDED]
        return shown

    def _page(self, path: str, query: dict[str, str], listed: list[dict[str, Any]]) -> dict[str, Any]:
        size, number = _place(query)
        return self._paged(path, query, listed[number * size : (number + 1) * size], len(listed))

    def _paged(self, path: str, query: dict[str, str], value: list[dict[str, Any]], total: int) -> dict[str, Any]:
        size, number = _place(query)
        page: dict[str, Any] = {"@odata.context": "made up", "value": value}
        if (number + 1) * size < total:
            kept = "".join(f"&{name}={text}" for name, text in query.items() if name != "$skiptoken")
            page["@odata.nextLink"] = f"{self.origin}/v1.0/{path}?$skiptoken=p-{number + 1}{kept}"
        return page

    def _delta(self, collection: str, query: dict[str, str]) -> dict[str, Any]:
        log = self.directory.log
        link = f"{self.origin}/v1.0/{collection}/delta?$deltatoken="
        token = query.get("$deltatoken", query.get("$skiptoken", ""))
        if token == "latest":
            return {"value": [], "@odata.deltaLink": f"{link}{len(log)}"}
        since = int(token)
        if since < self.options.oldest_token:
            raise Refused(410)
        # Two changes a page, so that even short stories have several.
        page = [change for where, change in log[since : since + 2] if where == collection]
        if since + 2 < len(log):
            return {"value": page, "@odata.nextLink": f"{self.origin}/v1.0/{collection}/delta?$skiptoken={since + 2}"}
        return {"value": page, "@odata.deltaLink": f"{link}{len(log)}"}


def _place(query: dict[str, str]) -> tuple[int, int]:
    """Size of a page, and its number."""
    return int(query.get("$top", "100")), int(query.get("$skiptoken", "p-0").rpartition("-")[2])


def _touched(document: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
    if fault is None:
        return document
    touched = dict(document)
    if fault.next_link is not None:
        touched["@odata.nextLink"] = fault.next_link
    if fault.spoil and touched.get("value"):
        touched["value"] = [{**touched["value"][0], "id": 7}, *touched["value"][1:]]
    return touched
