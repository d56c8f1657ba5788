"""Links: one-way streams of messages within a session, from the server and to it (AMQP 1.0, part 2, section 2.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from tests.hub.amqp.frames import TRANSFER_OVERHEAD, transfer_head
from tests.hub.amqp.performatives import (
    RECEIVER,
    SENDER,
    Attach,
    Detach,
    Disposition,
    Flow,
    Transfer,
    accepted,
    failure,
    rejected,
)
from tests.hub.amqp.types import Value
from tests.hub.line import Buffer
from tests.hub.refusal import TOO_LARGE, RefusedError

if TYPE_CHECKING:
    from tests.hub.session import Session

MAX_MESSAGE_SIZE = 1 << 20
"""Octets of the largest message taken from a producer: 1 MB, the service's limit outside of its dedicated tiers."""

CREDIT = 300
"""Messages that a producer may send before it is granted more."""

_BATCH = 1 << 17
"""Octets of frames gathered for one write."""

_SETTLED_MODE = 1

_SERIAL = 1 << 32
"""Delivery counts and transfer numbers wrap there (serial numbers of RFC 1982)."""


class Payload(NamedTuple):
    """An encoded message in pieces."""

    chunks: tuple[Buffer, ...]
    size: int


class Link:
    """What the two directions share."""

    offers: tuple[str, ...] = ()
    """Capabilities that the link answers with."""

    def __init__(self, session: Session, attach: Attach) -> None:
        self.session = session
        self.name = attach.name
        self.handle = attach.handle
        self.attach = attach
        self.detached = False

    def opened(self) -> None:
        """The link is attached."""

    def flowed(self, flow: Flow) -> None:
        """The other end sent the state of the link."""

    def transferred(self, transfer: Transfer, payload: memoryview) -> None:
        """The other end sent a message or a part of one."""

    def wake(self) -> None:
        """Something may be there to be sent, or a switch was thrown."""

    def closed(self) -> None:
        """The link is gone: detached by an end, or its session or connection ended."""

    def detach(self, refusal: RefusedError | None = None) -> None:
        """Detach from this end, for good."""
        if self.detached:
            return
        self.drop()
        error = None if refusal is None else failure(refusal.condition, refusal.description)
        self.session.send(Detach(handle=self.handle, closed=True, error=error))

    def drop(self) -> None:
        """The link has ended without a word from this end."""
        if not self.detached:
            self.detached = True
            self.closed()


class SendingLink(Link):
    """A link from the server: sends while there is credit, window and something to send."""

    def __init__(self, session: Session, attach: Attach) -> None:
        super().__init__(session, attach)
        self._settled = attach.snd_settle_mode == _SETTLED_MODE
        self._credit = 0
        self._drain = False
        self._count = 0
        """Deliveries sent on this link."""
        self._woken = asyncio.Event()
        self._gathered: list[Buffer] = []
        self._gathered_size = 0
        self._task: asyncio.Task[None] | None = None

    def next_payload(self) -> Payload | None:
        """The next message to send, if there is one."""
        raise NotImplementedError

    def opened(self) -> None:
        self._task = asyncio.create_task(self._run())

    def flowed(self, flow: Flow) -> None:
        count = 0 if flow.delivery_count is None else flow.delivery_count
        self._credit = (count + (flow.link_credit or 0) - self._count) % _SERIAL
        if self._credit >= _SERIAL // 2:
            self._credit = 0
        self._drain = bool(flow.drain)
        self.wake()
        if flow.echo:
            self._say_state()

    def wake(self) -> None:
        self._woken.set()

    def closed(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while True:
                await self._send_all()
                await self._wait()
        except ConnectionError:
            pass  # the reader of the connection sees it too, and cleans up

    async def _send_all(self) -> None:
        """Send until there is no credit or nothing more; tell the other end if it wanted its credit used up."""
        while self._credit > 0 and (payload := self.next_payload()) is not None:
            await self._send(payload)
            if self._gathered_size >= _BATCH:
                await self._flush()
        if self._gathered:
            await self._flush()
        if self._drain and self._credit > 0:
            self._count = (self._count + self._credit) % _SERIAL
            self._credit = 0
            self._say_state()

    async def _send(self, payload: Payload) -> None:
        delivery = self.session.next_delivery()
        room = self.session.max_frame_size - TRANSFER_OVERHEAD
        left = payload.size
        for piece in _pieces(payload, room):
            size = min(room, left)
            left -= size
            while not self.session.may_transfer():
                await self._flush()
                await self._wait()
            self.session.transferring()
            head = transfer_head(
                self.session.channel, self.handle, delivery, size, settled=self._settled, more=left > 0
            )
            self._gathered.append(head)
            self._gathered.extend(piece)
            self._gathered_size += TRANSFER_OVERHEAD + size
        self._count = (self._count + 1) % _SERIAL
        self._credit -= 1

    async def _flush(self) -> None:
        line = self.session.line
        gathered, self._gathered, self._gathered_size = self._gathered, [], 0
        line.write(gathered)
        await line.drain()
        await asyncio.sleep(0)  # a reader that always keeps up must not starve the other connections

    async def _wait(self) -> None:
        await self._woken.wait()
        self._woken.clear()

    def _say_state(self) -> None:
        self.session.send_flow(self.handle, delivery_count=self._count, link_credit=self._credit, drain=self._drain)


class ReceivingLink(Link):
    """A link to the server: puts the parts of messages together and settles them."""

    def __init__(self, session: Session, attach: Attach) -> None:
        super().__init__(session, attach)
        self._count = attach.initial_delivery_count or 0
        self._since_grant = 0
        self._parts = bytearray()
        self._first: Transfer | None = None

    def take(self, message_format: int, payload: bytes) -> None:
        """A whole message came.

        Raises:
            RefusedError: It is not accepted.
        """
        raise NotImplementedError

    def opened(self) -> None:
        self._grant()

    def transferred(self, transfer: Transfer, payload: memoryview) -> None:
        first = self._first = self._first or transfer
        if transfer.aborted:
            self._finish()
            return
        self._parts += payload
        if len(self._parts) > MAX_MESSAGE_SIZE:
            self.detach(RefusedError(TOO_LARGE, f"The message is larger than the {MAX_MESSAGE_SIZE} bytes allowed."))
            return
        if transfer.more:
            return
        message = bytes(self._parts)
        self._finish()
        self._settle(first, message)

    def _settle(self, first: Transfer, message: bytes) -> None:
        state: Value = accepted()
        try:
            self.take(first.message_format or 0, message)
        except RefusedError as refusal:
            state = rejected(failure(refusal.condition, refusal.description))
        if not first.settled and first.delivery_id is not None:
            self.session.send(
                Disposition(RECEIVER, first.delivery_id, first.delivery_id, settled=True, state=state, batchable=False)
            )

    def _finish(self) -> None:
        self._first = None
        self._parts = bytearray()
        self._count = (self._count + 1) % _SERIAL
        self._since_grant += 1
        if self._since_grant * 2 >= CREDIT:
            self._grant()

    def _grant(self) -> None:
        self._since_grant = 0
        self.session.send_flow(self.handle, delivery_count=self._count, link_credit=CREDIT, drain=False)


def answer(link: Link) -> Attach:
    """The attach that accepts a link: the other role, the same termini."""
    asked = link.attach
    sending = isinstance(link, SendingLink)
    return asked._replace(
        role=SENDER if sending else RECEIVER,
        initial_delivery_count=0 if sending else None,
        max_message_size=MAX_MESSAGE_SIZE,
        unsettled=None,
        incomplete_unsettled=False,
        offered_capabilities=link.offers,
        desired_capabilities=None,
    )


def refuse(session: Session, attach: Attach, refusal: RefusedError) -> None:
    """Answer an attach that is refused: without the terminus that was asked for, and detached at once (2.6.3)."""
    sending = attach.role == RECEIVER
    session.send(
        attach._replace(
            role=SENDER if sending else RECEIVER,
            source=None if sending else attach.source,
            target=attach.target if sending else None,
            initial_delivery_count=0 if sending else None,
            max_message_size=0,
            unsettled=None,
            incomplete_unsettled=False,
            offered_capabilities=(),
            desired_capabilities=None,
        )
    )
    session.send(Detach(handle=attach.handle, closed=True, error=failure(refusal.condition, refusal.description)))


def _pieces(payload: Payload, room: int) -> Iterator[list[Buffer]]:
    """Cut a message into payloads of at most so many octets; one that fits is not cut."""
    if payload.size <= room:
        yield list(payload.chunks)
        return
    piece: list[Buffer] = []
    free = room
    for chunk in payload.chunks:
        view = memoryview(chunk)
        while len(view) >= free:
            piece.append(view[:free])
            yield piece
            view, piece, free = view[free:], [], room
        if view:
            piece.append(view)
            free -= len(view)
    if piece:
        yield piece
