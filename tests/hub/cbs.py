"""The node `$cbs`: a client puts the token that gives it rights on this connection (AMQP CBS, working draft 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hub.amqp.sections import Message
from tests.hub.authority import Authority, DeniedError, Grant
from tests.hub.faults import SILENT, Faults
from tests.hub.nodes import Answer
from tests.hub.stats import Stats

if TYPE_CHECKING:
    from tests.hub.connection import Connection

NODE = "$cbs"


def put_token(
    connection: Connection, authority: Authority, faults: Faults, stats: Stats, request: Message
) -> Answer | None:
    """Answer a `put-token` request, and give its right to the connection if the token is good."""
    fault = faults.next_cbs()
    if fault == SILENT:
        return None
    if fault is not None:
        stats.denied += 1
        return Answer(int(fault), f"The token was answered with {fault} by the test.")
    try:
        grant = _grant(authority, request)
    except DeniedError as error:
        stats.denied += 1
        stats.notify()
        return Answer(401, str(error))
    connection.grant(grant)
    stats.tokens += 1
    stats.notify()
    return Answer(202, "Accepted")


def _grant(authority: Authority, request: Message) -> Grant:
    application = request.application or {}
    operation, kind, audience = (application.get(name) for name in ("operation", "type", "name"))
    if operation != "put-token" or not isinstance(kind, str) or not isinstance(audience, str):
        raise DeniedError("InvalidRequest: put-token wants the application properties operation, type and name")
    token = request.value
    if isinstance(token, bytes):
        token = token.decode(errors="replace")
    if not isinstance(token, str) or not token:
        raise DeniedError("InvalidRequest: the body of put-token is the token")
    expiration = application.get("expiration")
    seconds = expiration / 1000 if isinstance(expiration, int) else None
    return authority.grant(token, kind, audience, seconds)
