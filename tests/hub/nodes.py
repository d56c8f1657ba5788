"""Request-response nodes: a pair of links over which a client asks and is answered (AMQP management, draft 9)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tests.hub.amqp.performatives import Attach, terminus
from tests.hub.amqp.sections import MESSAGE_ID, REPLY_TO, Message, decode_message, encode_reply
from tests.hub.amqp.types import Int, Value, WireError
from tests.hub.links import Payload, ReceivingLink, SendingLink
from tests.hub.refusal import ARGUMENT, NOT_FOUND, RefusedError

if TYPE_CHECKING:
    from tests.hub.session import Session


class Answer(NamedTuple):
    """What a node says to a request."""

    status: int
    """As in HTTP."""
    description: str
    value: Value = None


Respond = Callable[[Message], Answer | None]
"""Answers a request; nothing means silence."""


class Replies(SendingLink):
    """Sends the answers of a node."""

    def __init__(self, session: Session, attach: Attach, *, node: str) -> None:
        super().__init__(session, attach)
        self.node = node
        target = terminus(attach.target)
        self.address = "" if target is None else target.address
        self._waiting: deque[bytes] = deque()

    def put(self, reply: bytes) -> None:
        """Send an encoded answer as soon as there is credit."""
        self._waiting.append(reply)
        self.wake()

    def next_payload(self) -> Payload | None:
        if not self._waiting:
            return None
        reply = self._waiting.popleft()
        return Payload((reply,), len(reply))


class Requests(ReceivingLink):
    """Takes the requests to a node."""

    def __init__(self, session: Session, attach: Attach, *, node: str, respond: Respond) -> None:
        super().__init__(session, attach)
        self.node = node
        self._respond = respond

    def take(self, message_format: int, payload: bytes) -> None:  # noqa: ARG002  # requests have one format
        try:
            request = decode_message(payload)
        except WireError as error:
            raise RefusedError(ARGUMENT, f"The request cannot be decoded: {error}") from error
        replies = self._replies(request.property(REPLY_TO))
        answer = self._respond(request)
        if answer is None:
            return
        status: dict[str, Value] = {"status-code": Int(answer.status), "status-description": answer.description}
        replies.put(encode_reply(request.property(MESSAGE_ID), status, answer.value))

    def _replies(self, reply_to: Value) -> Replies:
        """Where the answer goes: the link whose target was named, else the one to the same node."""
        links = [
            link
            for link in self.session.links.values()
            if isinstance(link, Replies) and link.node == self.node and not link.detached
        ]
        named = [link for link in links if isinstance(reply_to, str) and link.address == reply_to]
        try:
            return (named or links)[-1]
        except IndexError:
            raise RefusedError(NOT_FOUND, f"No link receives the answers of '{self.node}'.") from None
