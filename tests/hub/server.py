"""The server: a listening socket and an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Self, TypeVar

from tests.hub import clock
from tests.hub.authority import Authorise, Authority
from tests.hub.cbs import NODE as CBS
from tests.hub.connection import Connection
from tests.hub.faults import Faults, Idle
from tests.hub.line import Line, reset
from tests.hub.model import Hub
from tests.hub.namespace import Namespace
from tests.hub.refusal import INTERNAL, RefusedError
from tests.hub.stats import Stats

FRAME_SIZE = 1 << 16
"""Octets of the largest frame: larger messages travel in several."""

DEFAULT_POLICY, DEFAULT_KEY = "RootManageSharedAccessKey", "any-key-will-do"

_TIMEOUT = 60.0
_READ_AHEAD = 1 << 20

_Thing = TypeVar("_Thing")


class Server:
    """Serves hubs on a loopback port, for clients in any thread, loop or process."""

    def __init__(
        self,
        hubs: Hub | Iterable[Hub],
        *,
        keys: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        authorise: Authorise | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        websocket: bool = False,
        max_frame_size: int = FRAME_SIZE,
        idle_timeout: float | None = 240.0,
        now: Callable[[], float] = clock.wall,
    ) -> None:
        """A server that is not started yet.

        Args:
            hubs: One hub or several.
            keys: Shared access keys by policy; without them every shared access signature is taken.
            tls: Server context; without it the port speaks plain AMQP, as the emulator does.
            authorise: Judges JSON web tokens by token and audience; without it they are taken unless there are keys.
            host: Address to listen at.
            port: Port to listen at, 0 for a free one.
            websocket: Also serve AMQP over WebSocket, on `websocket_port`.
            max_frame_size: Octets of the largest frame in either direction.
            idle_timeout: Seconds of silence after which a connection is closed, None for never.
            now: Wall clock, seconds since the epoch.
        """
        self.stats = Stats()
        self.faults = Faults(time.monotonic)
        self.port = port
        self.websocket_port = 0
        self._host = host
        self._tls = tls
        self._keys = None if keys is None else dict(keys)
        self._namespace = Namespace(
            (hubs,) if isinstance(hubs, Hub) else hubs, Authority(keys, authorise, now=now), self.faults, self.stats
        )
        self._websocket = websocket
        self._max_frame_size = max_frame_size
        self._idle_timeout = idle_timeout
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None
        self._notice = threading.Lock()
        self._noticed = False

    # ---------------------------------------------------------------------------------- what tests do

    def start(self) -> Self:
        """Listen; returns when clients can connect.

        Raises:
            OSError: The port is taken.
        """
        ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._main, args=(ready,), name="test-hub", daemon=True)
        self._thread.start()
        try:
            ready.result(_TIMEOUT)
        except BaseException:
            self._thread.join(_TIMEOUT)
            self._thread = None
            raise
        for hub in self._namespace.hubs:
            hub.listen(self._hub_changed)
        return self

    def stop(self) -> None:
        """Close everything; returns when the thread is gone. Stopping twice is no error."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        for hub in self._namespace.hubs:
            hub.ignore(self._hub_changed)
        self.faults.commands = Idle()
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = self._loop = self._stopping = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """For the client's `custom_endpoint_address`: by name, so that a certificate for localhost fits."""
        return f"sb://localhost:{self.port}"

    @property
    def websocket_address(self) -> str:
        """The same for AMQP over WebSocket."""
        return f"sb://localhost:{self.websocket_port}"

    def connection_string(self, hub: str | None = None, *, namespace: str | None = None) -> str:
        """A connection string with the first key.

        Args:
            hub: Entity path; by default the first hub.
            namespace: Name of a namespace for TLS, where the client ignores the port and takes no emulator flag;
                pass `address` as `custom_endpoint_address` then. By default host and port with the emulator flag.
        """
        policy, key = next(iter((self._keys or {DEFAULT_POLICY: DEFAULT_KEY}).items()))
        name = hub or self._namespace.hubs[0].name
        access = f"SharedAccessKeyName={policy};SharedAccessKey={key}"
        if namespace is not None:
            return f"Endpoint=sb://{namespace}/;{access};EntityPath={name}"
        return f"Endpoint=sb://{self._host}:{self.port};{access};UseDevelopmentEmulator=true;EntityPath={name}"

    # ------------------------------------------------------------------------------ commands of faults

    def abort_connections(self, *, reset: bool) -> None:
        """End every connection at once, with a reset or without."""
        act = Line.abort if reset else Line.hang_up

        async def run() -> None:
            ending = dict(self._connections)
            for connection in ending.values():
                act(connection.line)
            if ending:
                await asyncio.wait(ending)

        self._run(run())

    def detach_receivers(self, refusal: RefusedError, partition: str | None) -> None:
        """Detach receivers with an error, of one partition or all."""
        self._command(lambda: _each(self._namespace.outlets(partition), lambda outlet: outlet.detach(refusal)))

    def rewind(self, partition: str, events: int) -> None:
        """Have the receivers of a partition get their last events again."""
        self._command(lambda: _each(self._namespace.outlets(partition), lambda outlet: outlet.rewind(events)))

    def write_raw(self, octets: bytes) -> None:
        """Write octets on every connection between two frames."""
        self._command(lambda: _each(self._open(), lambda connection: connection.line.write([octets])))

    def detach_cbs(self) -> None:
        """Detach the links of the token node with an error."""
        refusal = RefusedError(INTERNAL, "The token link was detached by the test.")
        self._command(lambda: _each(self._open(), lambda connection: connection.detach_node(CBS, refusal)))

    def shorten_grants(self, seconds: float) -> None:
        """Have every right end in so many seconds."""
        self._command(lambda: _each(self._open(), lambda connection: connection.shorten_grants(seconds)))

    def revise(self) -> None:
        """Look at the switches again."""
        self._command(lambda: _each(self._open(), Connection.revise))

    def _open(self) -> list[Connection]:
        return list(self._connections.values())

    def _command(self, act: Callable[[], None]) -> None:
        """Do it in the loop, and wait until it is done."""

        async def run() -> None:
            act()

        self._run(run())

    def _run(self, command: Coroutine[None, None, None]) -> None:
        if self._loop is None:
            command.close()
        else:
            asyncio.run_coroutine_threadsafe(command, self._loop).result(_TIMEOUT)

    # --------------------------------------------------------------------------------- inside the loop

    def _main(self, ready: concurrent.futures.Future[None]) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: concurrent.futures.Future[None]) -> None:
        self._stopping = asyncio.Event()
        try:
            listener = await asyncio.start_server(
                self.serve_connection,
                self._host,
                self.port,
                ssl=self._tls,
                limit=_READ_AHEAD,
                ssl_shutdown_timeout=1.0 if self._tls else None,
            )
        except OSError as error:
            ready.set_exception(error)
            return
        self.port = listener.sockets[0].getsockname()[1]
        bridge = None
        if self._websocket:
            from tests.hub.websocket import Bridge

            bridge = Bridge(self.serve_connection, self.faults)
            self.websocket_port = await bridge.start(self._host, self._tls)
        self._loop = asyncio.get_running_loop()
        self.faults.commands = self
        ready.set_result(None)
        try:
            await self._stopping.wait()
        finally:
            listener.close()
            await self._hang_up()
            if bridge is not None:
                await bridge.stop()
            await listener.wait_closed()

    async def serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        if self.faults.refusing_connections:
            reset(writer.transport)
            return
        line = Line(reader, writer, self.faults)
        connection = Connection(
            line, self._namespace, max_frame_size=self._max_frame_size, idle_timeout=self._idle_timeout
        )
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = connection
        self.stats.connections += 1
        self.stats.open_connections += 1
        self.stats.notify()
        try:
            await connection.run()
        except asyncio.CancelledError:
            pass  # the server stops; a cancelled handler would be reported as an error by the stream protocol
        finally:
            del self._connections[task]
            self.stats.open_connections -= 1
            self.stats.notify()

    async def _hang_up(self) -> None:
        tasks = list(self._connections)
        for task, connection in self._connections.items():
            connection.line.abort()
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_TIMEOUT)

    def _hub_changed(self) -> None:
        """In the thread of whoever changed a hub: wake the links once, however many changes come together."""
        with self._notice:
            if self._noticed or self._loop is None:
                return
            self._noticed = True
        self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        with self._notice:
            self._noticed = False
        for connection in self._connections.values():
            connection.wake()


def _each(things: Iterable[_Thing], act: Callable[[_Thing], None]) -> None:
    for thing in things:
        act(thing)
