"""Why a record cannot be used: raised inside this room, turned into `Quarantined` at its door."""

from __future__ import annotations

import hashlib
import re
from typing import Final

import msgspec

from detector.domain.quarantine import MAX_BYTES, Quarantined, Reason

_PATH = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_EXPECTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_IDS = frozenset({"id", "requestId"})
_TIMES = frozenset({"createdDateTime", "activityDateTime", "timeGenerated"})
_LIMIT = re.compile(r"Expected `int` [<>]=")


class Unusable(Exception):  # noqa: N818 -- it names a fate of the record, not a fault of the program
    """This record cannot be used; `detail` says where and why, never with a value of the record."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Final = reason
        self.detail: Final = detail


def quarantine(data: bytes, reason: Reason, detail: str, place: str) -> Quarantined:
    """What is kept of an unusable piece of input: its head, its length and its fingerprint."""
    return Quarantined(
        reason=reason,
        detail=detail,
        data=bytes(data[:MAX_BYTES]),
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        place=place,
    )


def explain(error: msgspec.ValidationError) -> Unusable:
    """Msgspec's complaint as a reason and a sentence with a dotted path.

    msgspec names types and fields in its messages; whatever else it may quote is left out.
    """
    message = str(error)
    found = _PATH.search(message)
    path = found.group(1) if found else ""
    missing = _MISSING.match(message)
    if missing:
        name = missing.group(1)
        where = f"{path}.{name}" if path else name
        if name in _IDS:
            return Unusable("missing_id", f"{where} is missing")
        if name in _TIMES:
            return Unusable("missing_time", f"{where} is missing")
        return Unusable("unsupported_shape", f"{where} is missing")
    where = path or "the record"
    if _LIMIT.match(message) or "out of range" in message:
        return Unusable("number_out_of_range", f"{where} is beyond the range of numbers accepted")
    if "RFC3339" in message:
        return Unusable("bad_time", f"{where} is not a time that exists")
    expected = _EXPECTED.match(message)
    if expected:
        return Unusable("wrong_type", f"{where} should be {expected.group(1)}, not {expected.group(2)}")
    return Unusable("wrong_type", f"{where} does not have the expected form")
