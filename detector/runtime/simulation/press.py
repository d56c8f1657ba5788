"""Writing many sign-ins quickly: what recurs in them is set once, the rest is filled in.

A record is written by `SignIn.render` once for each kind (caller, resource, address, outcome, credential, user); the
others of the kind are that one with its clocks and identifiers exchanged. The bytes are the same as those of `render`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from detector.runtime.simulation.chance import token_of
from detector.runtime.simulation.clock import SECOND, envelope_text, property_text
from detector.runtime.simulation.records import Draft, SignIn

_ID: Final = "11111111-1111-4111-8111-111111111111"
_CORRELATION: Final = "22222222-2222-4222-8222-222222222222"
_TICKS: Final = 3 * SECOND + 1
_RECEIVED: Final = 5 * SECOND + 1
_PROCESSING: Final = 987_654_321
_VARIABLE: Final = {
    envelope_text(_RECEIVED): "received",
    property_text(_TICKS): "created",
    _ID: "id",
    _CORRELATION: "correlation",
    token_of(_ID): "token",
    _CORRELATION[:24] + _ID[24:]: "session",
    str(_PROCESSING): "processing",
}
_PATTERN: Final = re.compile("|".join(map(re.escape, _VARIABLE)).encode())


class Press:
    """Writes the records of one tenant. It keeps one form for each kind of sign-in."""

    __slots__ = ("_forms", "_tenant_id")

    def __init__(self, tenant_id: str) -> None:
        """Write records of a tenant."""
        self._tenant_id = tenant_id
        self._forms: dict[tuple[Any, ...], tuple[bytes, SignIn]] = {}

    def write(self, draft: Draft, received: int) -> bytes:
        """Write a record; `received` is when the exporter saw it (ticks)."""
        if type(draft) is not SignIn:
            return draft.render(self._tenant_id, received)
        origin = draft.origin
        place = (origin.address, id(origin.network)) if origin is not None else ()
        # Identities are good keys while the form holds on to one sign-in that has them.
        kind = (
            id(draft.caller),
            id(draft.resource),
            place,
            draft.error,
            draft.credential,
            id(draft.user),
            draft.protocol,
            draft.methods,
        )
        known = self._forms.get(kind)
        if known is None:
            known = self._forms[kind] = (self._form(draft), draft)
        own, correlation = draft.id, draft.correlation_id
        return known[0] % {
            b"received": envelope_text(received).encode(),
            b"created": property_text(draft.ticks).encode(),
            b"id": own.encode(),
            b"correlation": correlation.encode(),
            b"token": token_of(own).encode(),
            b"session": (correlation[:24] + own[24:]).encode(),
            b"processing": b"%d" % draft.processing,
        }

    def _form(self, draft: SignIn) -> bytes:
        """Write one record with marks in the places of what varies."""
        specimen = replace(draft, ticks=_TICKS, id=_ID, correlation_id=_CORRELATION, processing=_PROCESSING)
        raw = specimen.render(self._tenant_id, _RECEIVED).replace(b"%", b"%%")
        return _PATTERN.sub(lambda found: b"%%(%s)s" % _VARIABLE[found[0].decode()].encode(), raw)
