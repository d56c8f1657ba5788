"""The octets of one connection, with the faults of a network applied to them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Iterable

from tests.hub.faults import Faults

Buffer = bytes | memoryview

_TICK = 0.05
"""Seconds between two helpings on a slow line."""

_SWALLOW = 1 << 16

_NO_LINGER = struct.pack("ii", 1, 0)


def reset(transport: asyncio.WriteTransport) -> None:
    """Abort, and have the kernel send a reset rather than an end."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0 and connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


class Line:
    """Reads and writes of one connection. Used inside the event loop of the server only."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, faults: Faults) -> None:
        self._reader = reader
        self._writer = writer
        self._faults = faults
        self._held: deque[Buffer] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._revised = asyncio.Event()
        self._dead = False
        """Lost something to a black hole: nothing is answered any more."""
        self._ended = False

    # -------------------------------------------------------------------------------------- reading

    async def read(self, count: int) -> bytes:
        """Exactly so many octets.

        Raises:
            asyncio.IncompleteReadError: The other end closed.
            ConnectionError: The connection broke.
        """
        octets = await self._reader.readexactly(count)
        while self._faults.frozen and not self._ended:
            await self._revision()
        if self._dead or self._faults.dark:
            self._dead = True
            while await self._reader.read(_SWALLOW):
                pass
            raise asyncio.IncompleteReadError(b"", count)
        return octets

    # -------------------------------------------------------------------------------------- writing

    def write(self, chunks: Iterable[Buffer]) -> None:
        """Send in the order of the calls; never blocks. `drain` says when to send more."""
        if self._dead or self._faults.dark:
            self._dead = True
        elif self._held or self._faults.frozen or self._faults.bytes_per_second is not None:
            self._held.extend(chunks)
            if self._pump is None:
                self._pump = asyncio.create_task(self._release())
        else:
            self._writer.writelines(chunks)

    async def drain(self) -> None:
        """Wait until the other end has taken enough for more to be sent."""
        while self._held and self._pump is not None and not self._pump.done():
            await asyncio.wait({self._pump})
        await self._writer.drain()

    async def _release(self) -> None:
        """Let go of what was held, at the pace that the faults allow."""
        try:
            while self._held:
                if self._faults.frozen:
                    await self._revision()
                    continue
                if self._dead:
                    self._held.clear()
                    continue
                rate = self._faults.bytes_per_second
                if rate is None:
                    self._writer.write(self._held.popleft())
                    await self._writer.drain()
                else:
                    await self._trickle(rate)
        except ConnectionError:
            self._held.clear()
        finally:
            self._pump = None

    async def _trickle(self, rate: float) -> None:
        """One helping: at least an octet, then as long a pause as the octets are worth."""
        helping = max(1, int(rate * _TICK))
        first = memoryview(self._held.popleft())
        self._writer.write(first[:helping])
        if len(first) > helping:
            self._held.appendleft(first[helping:])
        await self._revision(timeout=min(len(first), helping) / rate)

    # --------------------------------------------------------------------------------------- faults

    def revise(self) -> None:
        """The switches were thrown."""
        self._dead = self._dead or self._faults.dark
        self._revised.set()

    async def _revision(self, timeout: float | None = None) -> None:
        self._revised.clear()
        try:
            await asyncio.wait_for(self._revised.wait(), timeout)
        except TimeoutError:
            pass

    # ---------------------------------------------------------------------------------------- the end

    def abort(self) -> None:
        """Reset the connection: what was not sent is lost."""
        self._end()
        reset(self._writer.transport)

    def hang_up(self) -> None:
        """End the connection at once without a reset, as a process that dies does."""
        self._end()
        self._writer.transport.abort()

    def _end(self) -> None:
        self._ended = True
        self._held.clear()
        self._revised.set()  # a frozen reader finds out

    async def close(self) -> None:
        """End the connection after what was written."""
        if self._pump is not None:
            self._pump.cancel()
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except (ConnectionError, OSError):
            pass
