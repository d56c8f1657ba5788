"""Sessions: windows of transfers, and the links on them (AMQP 1.0, part 2, section 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hub.amqp.performatives import (
    RECEIVER,
    Attach,
    Begin,
    Detach,
    Disposition,
    End,
    Flow,
    Performative,
    Transfer,
    terminus,
)
from tests.hub.amqp.types import WireError
from tests.hub.line import Line
from tests.hub.links import Link, answer, refuse
from tests.hub.refusal import NOT_FOUND, RefusedError

if TYPE_CHECKING:
    from tests.hub.connection import Connection

WINDOW = 5000
"""Transfer frames that the other end may send before it hears from this one again."""

HANDLES = 4999

_SERIAL = 1 << 32


class Session:
    """One session, on the same channel number in both directions."""

    def __init__(self, connection: Connection, channel: int, begin: Begin) -> None:
        self.connection = connection
        self.channel = channel
        self.line: Line = connection.line
        self.links: dict[int, Link] = {}
        self._next_incoming = begin.next_outgoing_id
        self._next_outgoing = 0
        self._next_delivery = 0
        self._window = begin.incoming_window
        self._taken = 0

    def begin(self) -> Begin:
        """The answer to the begin of the other end."""
        return Begin(
            remote_channel=self.channel,
            next_outgoing_id=self._next_outgoing,
            incoming_window=WINDOW,
            outgoing_window=WINDOW,
            handle_max=HANDLES,
        )

    # ------------------------------------------------------------------------------------- incoming

    def receive(self, performative: Performative, payload: memoryview) -> None:
        """Take what came on the channel.

        Raises:
            WireError: It belongs to no link of this session.
        """
        match performative:
            case Transfer():
                self._transferred(performative, payload)
            case Flow():
                self._flowed(performative)
            case Attach():
                self._attached(performative)
            case Detach():
                self._detached(performative)
            case Disposition():
                pass  # events are read from a log: what becomes of a delivery changes nothing here
            case _:
                raise WireError(f"{type(performative).__name__} within a session")

    def _transferred(self, transfer: Transfer, payload: memoryview) -> None:
        self._next_incoming = (self._next_incoming + 1) % _SERIAL
        self._taken += 1
        link = self._link(transfer.handle)
        if not link.detached:
            link.transferred(transfer, payload)
        if self._taken * 2 >= WINDOW:
            self.send_flow()

    def _flowed(self, flow: Flow) -> None:
        reached = 0 if flow.next_incoming_id is None else flow.next_incoming_id
        window = (reached + flow.incoming_window - self._next_outgoing) % _SERIAL
        self._window = 0 if window >= _SERIAL // 2 else window
        if flow.handle is not None:
            link = self._link(flow.handle)
            if not link.detached:
                link.flowed(flow)
        elif flow.echo:
            self.send_flow()
        for waiting in self.links.values():
            waiting.wake()

    def _attached(self, attach: Attach) -> None:
        asked = terminus(attach.source if attach.role == RECEIVER else attach.target)
        try:
            if asked is None:
                raise RefusedError(NOT_FOUND, "The link names no entity.")
            link = self.connection.open_link(self, attach, asked)
        except RefusedError as refusal:
            self.connection.namespace.count_refusal(refusal)
            refuse(self, attach, refusal)
            refused = self.links[attach.handle] = Link(self, attach)  # until the other end says it is detached too
            refused.detached = True
            return
        self.links[attach.handle] = link
        self.send(answer(link))
        link.opened()

    def _detached(self, detach: Detach) -> None:
        link = self.links.pop(detach.handle, None)
        if link is None or link.detached:
            return  # the other end's answer to a detach, or a refusal, of this one
        link.drop()
        self.send(Detach(handle=detach.handle, closed=detach.closed))

    def _link(self, handle: int) -> Link:
        try:
            return self.links[handle]
        except KeyError:
            raise WireError(f"handle {handle} is not attached") from None

    # ------------------------------------------------------------------------------------- outgoing

    @property
    def max_frame_size(self) -> int:
        """Octets of the largest frame that may be sent."""
        return self.connection.max_frame_size

    def send(self, performative: Performative) -> None:
        """Write a performative on the channel."""
        self.connection.send(self.channel, performative)

    def send_flow(
        self,
        handle: int | None = None,
        *,
        delivery_count: int | None = None,
        link_credit: int | None = None,
        drain: bool | None = None,
    ) -> None:
        """Tell the state of the session, and of a link."""
        self._taken = 0
        self.send(
            Flow(
                next_incoming_id=self._next_incoming,
                incoming_window=WINDOW,
                next_outgoing_id=self._next_outgoing,
                outgoing_window=WINDOW,
                handle=handle,
                delivery_count=delivery_count,
                link_credit=link_credit,
                drain=drain,
                echo=False,
            )
        )

    def next_delivery(self) -> int:
        """Number of a new delivery."""
        number = self._next_delivery
        self._next_delivery = (number + 1) % _SERIAL
        return number

    def may_transfer(self) -> bool:
        """Is the window of the other end open?"""
        return self._window > 0

    def transferring(self) -> None:
        """A transfer frame is about to be written."""
        self._window -= 1
        self._next_outgoing = (self._next_outgoing + 1) % _SERIAL

    # ---------------------------------------------------------------------------------------- the end

    def end(self) -> End:
        """The session is over; the answer to the end of the other side."""
        self.drop()
        return End()

    def drop(self) -> None:
        """The session is over without a word."""
        for link in self.links.values():
            link.drop()
        self.links.clear()
