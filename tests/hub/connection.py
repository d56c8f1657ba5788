"""One connection: headers, SASL, open, sessions, rights, heartbeat and close (AMQP 1.0, part 2, section 2.4)."""

from __future__ import annotations

import asyncio
import uuid

from tests.hub.amqp import frames
from tests.hub.amqp.performatives import (
    Attach,
    Begin,
    Close,
    End,
    Open,
    Performative,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Terminus,
    failure,
    read,
)
from tests.hub.amqp.types import WireError
from tests.hub.authority import Grant, covers, entity_path
from tests.hub.cbs import NODE as CBS
from tests.hub.line import Line
from tests.hub.links import Link
from tests.hub.management import NODE as MANAGEMENT
from tests.hub.namespace import Namespace, is_node
from tests.hub.nodes import Replies, Requests
from tests.hub.refusal import CONNECTION_FORCED, FRAMING, UNAUTHORISED, RefusedError
from tests.hub.session import Session

MECHANISMS = ("MSSBCBS", "EXTERNAL", "ANONYMOUS")
"""Rights come with tokens at `$cbs`, so nobody is asked for a name here."""

CHANNELS = 4999


class Connection:
    """One connection from its first octet to its last."""

    def __init__(self, line: Line, namespace: Namespace, *, max_frame_size: int, idle_timeout: float | None) -> None:
        """A connection that has been accepted.

        Args:
            line: Its octets.
            namespace: What it may reach.
            max_frame_size: Octets of the largest frame taken; frames sent are no larger either.
            idle_timeout: Seconds of silence after which the connection is closed, if any.
        """
        self.line = line
        self.namespace = namespace
        self.max_frame_size = max_frame_size
        self._largest_taken = max_frame_size
        self._idle_timeout = idle_timeout
        self._sessions: dict[int, Session] = {}
        self._grants: dict[str, Grant] = {}
        self._expiry: asyncio.TimerHandle | None = None
        self._heartbeat: asyncio.TimerHandle | None = None
        self._opened = False

    async def run(self) -> None:
        """Serve until either end closes; never raises for what the other end does."""
        try:
            await self._negotiate()
            await self._serve()
        except WireError as error:
            self.send(0, Close(failure(FRAMING, str(error))))
        except TimeoutError:
            text = f"The connection was inactive for more than the allowed {self._idle_timeout} seconds."
            self.send(0, Close(failure(CONNECTION_FORCED, text)))
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            pass  # the other end is gone
        finally:
            self._forget()
            await self.line.close()

    # ------------------------------------------------------------------------------------ handshake

    async def _negotiate(self) -> None:
        header = await self.line.read(frames.HEAD)
        if header == frames.SASL_HEADER:
            await self._authenticate()
            header = await self.line.read(frames.HEAD)
        if header != frames.AMQP_HEADER:
            self.line.write([frames.AMQP_HEADER])  # what this end speaks, before it hangs up (section 2.2)
            raise ConnectionError(f"protocol header {header!r}")
        self.line.write([frames.AMQP_HEADER])

    async def _authenticate(self) -> None:
        self.line.write([frames.SASL_HEADER, frames.frame(0, SaslMechanisms(MECHANISMS), kind=frames.SASL)])
        _, body = await self._frame()
        init, _ = read(body)
        known = isinstance(init, SaslInit) and init.mechanism in MECHANISMS
        self.line.write([frames.frame(0, SaslOutcome(0 if known else 1), kind=frames.SASL)])
        if not known:
            raise ConnectionError("a SASL mechanism that was not offered")

    # --------------------------------------------------------------------------------------- frames

    async def _serve(self) -> None:
        """Take frames until a close."""
        while True:
            async with asyncio.timeout(self._idle_timeout):
                head, body = await self._frame()
            if not body:
                continue  # a heartbeat
            performative, payload = read(body)
            match performative:
                case Open():
                    self._open(performative)
                case Begin():
                    session = self._sessions[head.channel] = Session(self, head.channel, performative)
                    session.send(session.begin())
                case End():
                    ended = self._sessions.pop(head.channel, None)
                    if ended is not None:
                        self.send(head.channel, ended.end())
                case Close():
                    self.send(0, Close())
                    return
                case _:
                    self._session(head.channel).receive(performative, payload)

    async def _frame(self) -> tuple[frames.Head, memoryview]:
        head = frames.read_head(await self.line.read(frames.HEAD))
        if head.size > self._largest_taken:
            raise WireError(f"a frame of {head.size} octets, {self._largest_taken} are allowed")
        body = await self.line.read(head.size - frames.HEAD) if head.size > frames.HEAD else b""
        return head, memoryview(body)[head.skip :]

    def _open(self, asked: Open) -> None:
        self._opened = True
        if asked.max_frame_size is not None:
            self.max_frame_size = max(frames.MIN_MAX_FRAME_SIZE, min(self.max_frame_size, asked.max_frame_size))
        self.send(
            0,
            Open(
                container_id=uuid.uuid4().hex,
                hostname=asked.hostname,
                max_frame_size=self._largest_taken,
                channel_max=CHANNELS,
                idle_time_out=None if self._idle_timeout is None else round(self._idle_timeout * 1000),
            ),
        )
        if asked.idle_time_out:
            self._beat(asked.idle_time_out / 2000)

    def _beat(self, interval: float) -> None:
        self.line.write([frames.EMPTY])
        self._heartbeat = asyncio.get_running_loop().call_later(interval, self._beat, interval)

    def _session(self, channel: int) -> Session:
        try:
            return self._sessions[channel]
        except KeyError:
            raise WireError(f"channel {channel} has no session") from None

    def send(self, channel: int, performative: Performative) -> None:
        """Write a performative."""
        self.line.write([frames.frame(channel, performative)])

    # ---------------------------------------------------------------------------------------- links

    def links(self) -> list[Link]:
        """Every link that is attached."""
        return [link for session in self._sessions.values() for link in session.links.values() if not link.detached]

    def open_link(self, session: Session, attach: Attach, asked: Terminus) -> Link:
        """The server's end of a new link.

        Raises:
            RefusedError: No such entity, or no right to it, or it is taken.
        """
        path = entity_path(asked.address)
        if not is_node(path, CBS):
            self.require(None if is_node(path, MANAGEMENT) else path)
        return self.namespace.open_link(self, session, attach, asked)

    def require(self, path: str | None) -> None:
        """Is there a right to this entity; to any, if none is given?

        Raises:
            RefusedError: There is none.
        """
        now = self.namespace.authority.now()
        rights = [right.path for right in self._grants.values() if right.expires > now]
        if not any(path is None or covers(granted, path) for granted in rights):
            raise RefusedError(UNAUTHORISED, f"Unauthorized access. A claim is required to perform this on '{path}'.")

    # --------------------------------------------------------------------------------------- rights

    def grant(self, right: Grant) -> None:
        """A token gave a right."""
        lifetime = self.namespace.faults.token_lifetime
        if lifetime is not None:
            right = right._replace(expires=min(right.expires, self.namespace.authority.now() + lifetime))
        self._grants[right.path] = right
        self._watch_expiry()

    def shorten_grants(self, seconds: float) -> None:
        """Let every right end in at most so many seconds."""
        latest = self.namespace.authority.now() + seconds
        self._grants = {
            path: right._replace(expires=min(right.expires, latest)) for path, right in self._grants.items()
        }
        self._watch_expiry()

    def _watch_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        first = min((right.expires for right in self._grants.values()), default=float("inf"))
        if first < float("inf"):
            delay = max(0.0, first - self.namespace.authority.now())
            self._expiry = asyncio.get_running_loop().call_later(delay, self._expire)

    def _expire(self) -> None:
        """Detach what is no longer covered by a right."""
        now = self.namespace.authority.now()
        self._grants = {path: right for path, right in self._grants.items() if right.expires > now}
        for link in self.links():
            path = getattr(link, "path", None)
            if path is not None and not any(covers(granted, path) for granted in self._grants):
                link.detach(RefusedError(UNAUTHORISED, "ExpiredToken: The token is expired."))
        self._watch_expiry()

    # ---------------------------------------------------------------------------------------- the end

    def wake(self) -> None:
        """A hub changed, or a switch was thrown."""
        for session in self._sessions.values():
            for link in session.links.values():
                link.wake()

    def revise(self) -> None:
        """A switch was thrown."""
        self.line.revise()
        self.wake()

    def detach_node(self, node: str, refusal: RefusedError) -> None:
        """Detach the links to a request-response node with an error."""
        for link in self.links():
            if isinstance(link, Replies | Requests) and link.node == node:
                link.detach(refusal)

    def _forget(self) -> None:
        for timer in (self._expiry, self._heartbeat):
            if timer is not None:
                timer.cancel()
        for session in self._sessions.values():
            session.drop()
        self._sessions.clear()
