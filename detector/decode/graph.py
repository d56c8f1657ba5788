"""MicrosoftGraphActivityLogs: the API requests themselves."""

from __future__ import annotations

import re

import msgspec

from detector.decode.fields import NO_TENANT, Envelope, Id, Integer
from detector.decode.flyweights import Flyweights
from detector.decode.texts import MAX_CHARS, ident, text
from detector.decode.times import Instant, moment
from detector.domain.events import GraphActivity

_QUOTED = re.compile(r"\((?:[^()']|'[^']*')*\)")
_LONGEST_NAME = 64


class GraphProperties(msgspec.Struct, gc=False, rename="camel"):
    """What is read of a request."""

    request_id: Id
    time_generated: Instant
    app_id: str | None = None
    service_principal_id: str | None = None
    user_id: str | None = None
    request_method: str | None = None
    request_uri: str | None = None
    response_status_code: Integer | None = None
    ip_address: str | None = None
    sign_in_activity_id: str | None = None


class GraphRequest(Envelope, kw_only=True, tag="MicrosoftGraphActivityLogs"):
    """One request to Microsoft Graph."""

    properties: GraphProperties


def graph_activity(record: GraphRequest, received: float | None, flyweights: Flyweights) -> GraphActivity:
    """The event of one request."""
    said = record.properties
    method = text(said.request_method)
    return GraphActivity(
        record_id=said.request_id,
        time=moment(said.time_generated),
        received=received,
        tenant_id=ident(record.tenant_id) or NO_TENANT,
        app_id=ident(said.app_id),
        service_principal_id=ident(said.service_principal_id),
        user_id=ident(said.user_id),
        method=None if method is None else method.upper()[:MAX_CHARS],
        path=fold_path(said.request_uri),
        status=said.response_status_code,
        origin=flyweights.origin((said.ip_address or record.caller_ip_address, None, None)),
        token_id=text(said.sign_in_activity_id),
    )


def fold_path(uri: str | None) -> str | None:
    """The path of a request with ids folded, so that the same call on another object is the same path.

    >>> fold_path("https://graph.microsoft.com/v1.0/users/adele@contoso.example/messages?$top=5")
    '/v1.0/users/{id}/messages'
    """
    kept = text(uri)
    if kept is None:
        return None
    path = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*", "", kept)
    path = re.split(r"[?#]", path, maxsplit=1)[0]
    path = _QUOTED.sub("/{id}", path)
    parts = [_fold(part) for part in path.split("/") if part]
    return text("/" + "/".join(parts))


def _fold(part: str) -> str:
    """`{id}` for a segment that names an object and not a kind of object: a number, a GUID, a mailbox, a token."""
    if part == "{id}" or part.startswith("$"):
        return part
    digits = sum(char.isdigit() for char in part)
    named = part.isascii() and part.replace(".", "").replace("-", "").replace("_", "").isalnum()
    if not named or len(part) > _LONGEST_NAME or digits == len(part) or (digits and len(part) >= 16):
        return "{id}"
    return part
