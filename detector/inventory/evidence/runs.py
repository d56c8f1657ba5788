"""What a webhook says of one run, whichever CI system sent it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec

from detector.decode.problems import explain
from detector.decode.texts import text
from detector.decode.times import NotATime, parse, rfc3339
from detector.features.pipelines import Run
from detector.inventory.evidence.facts import Refused

Status = Literal["queued", "inProgress", "succeeded", "failed", "cancelled"]

Payload = TypeVar("Payload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One run at one moment."""

    record_id: str
    """The same whenever this is told again."""
    recorded: str
    """When the provider says that it was so, RFC 3339."""
    run_id: str
    status: Status
    run: Run
    """By which its pipeline is found."""
    started: str | None = None
    finished: str | None = None
    commit: str | None = None


def read(decoder: msgspec.json.Decoder[Payload], body: bytes) -> Payload:
    """The payload that a body holds.

    Raises:
        Refused: It is not JSON, or not of the documented shape.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        detail = explain(error).detail
        raise Refused("unsupported_shape", f"The payload has not the documented shape: {detail}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("not_json", "The body is not JSON.") from None


def moment(*values: str | None) -> str:
    """The first of some times that is there, as RFC 3339.

    Raises:
        Refused: There is none, or it is not a time.
    """
    found = next((value for value in values if value), None)
    if found is None:
        raise Refused("unsupported_shape", "The payload says no time.")
    try:
        parse(found)
        return rfc3339(found)
    except NotATime as error:
        raise Refused("unsupported_shape", f"A time in the payload {error}.") from None


def moment_or_none(value: str | None) -> str | None:
    """The same where a time may be missing."""
    return moment(value) if value else None


def branch_of(ref: str | None) -> str | None:
    """The branch of a Git reference; a tag or a bare commit is as it is written."""
    return text((ref or "").removeprefix("refs/heads/"))


def named(*names: str | int | None) -> tuple[str, ...]:
    """The names that are there."""
    return tuple(known for name in names if name is not None and (known := text(str(name))) is not None)
