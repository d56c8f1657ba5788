"""A bare AMQP peer: says exactly what a test wants it to, and shows every frame that the server says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from tests.hub import Server
from tests.hub.amqp import frames
from tests.hub.amqp.performatives import RECEIVER, SENDER, Attach, Begin, Flow, Open, Performative, Transfer, read
from tests.hub.amqp.sections import APPLICATION, PROPERTIES, VALUE, section
from tests.hub.amqp.types import Described, Symbol, ULong

_Kind = TypeVar("_Kind")


class Peer:
    """The client's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, performative: Performative, payload: bytes = b"", channel: int = 0) -> None:
        self.writer.write(frames.frame(channel, performative, payload))

    async def frame(self) -> tuple[frames.Head, bytes]:
        async with asyncio.timeout(60):
            head = frames.read_head(await self.reader.readexactly(frames.HEAD))
            return head, await self.reader.readexactly(head.size - frames.HEAD)

    async def receive(self, kind: type[_Kind]) -> tuple[_Kind, bytes]:
        """The next frame but heartbeats, which must be of this kind; and its payload."""
        while True:
            _, body = await self.frame()
            if body:
                performative, payload = read(body)
                assert isinstance(performative, kind), performative
                return performative, bytes(payload)

    async def ended(self) -> bool:
        """Has the server closed the connection?"""
        async with asyncio.timeout(60):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True

    async def open(self, **fields: Any) -> Open:
        """Open a connection without SASL, and one session."""
        self.writer.write(frames.AMQP_HEADER)
        assert await self.reader.readexactly(8) == frames.AMQP_HEADER
        self.send(Open("peer", **fields))
        answer, _ = await self.receive(Open)
        self.send(Begin(None, 0, 1000, 1000))
        await self.receive(Begin)
        return answer

    async def authorise(self) -> None:
        """Put a token that the server takes."""
        self.send(Attach("cbs-out", 100, SENDER, target=target("$cbs"), source=source("me"), initial_delivery_count=0))
        await self.receive(Attach)
        await self.receive(Flow)
        self.send(Attach("cbs-in", 101, RECEIVER, source=source("$cbs"), target=target("me")))
        await self.receive(Attach)
        self.send(Flow(0, 1000, 0, 1000, handle=101, delivery_count=0, link_credit=10))
        properties = [1, None, None, None, "me", *[None] * 8]
        application = {"operation": "put-token", "type": "jwt", "name": "sb://x/agents"}
        request = section(PROPERTIES, properties) + section(APPLICATION, application) + section(VALUE, "token")
        self.send(Transfer(100, 0, b"\x00", 0, settled=True), request)
        await self.receive(Transfer)


def source(address: str, selector: str | None = None) -> Described:
    """A source with a selector, if any."""
    name = Symbol("apache.org:selector-filter:string")
    filters = None if selector is None else {name: Described(name, selector)}
    return Described(ULong(0x28), [address, None, None, None, None, None, None, filters])


def target(address: str) -> Described:
    """A target."""
    return Described(ULong(0x29), [address])


@asynccontextmanager
async def peer(server: Server) -> AsyncIterator[Peer]:
    """A peer that is connected."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
