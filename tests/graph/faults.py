"""What can go wrong with one answer of the stand-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """One request as a fault sees it; those in a `$batch` come one by one too."""

    path: str
    query: dict[str, str]
    number: int
    """How many there were before, of all addresses."""
    page: int = 0
    """Which page of a list."""


@dataclass(frozen=True)
class Fault:
    """What happens instead of an answer, or to it."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent with status 200 unless `status` says another."""
    cut: bool = False
    """The connection ends in the middle of the body."""
    hang: bool = False
    """Nothing is ever answered."""
    next_link: str | None = None
    """The page leads here."""
    spoil: bool = False
    """One object of the page cannot be understood."""


Faults = Callable[[Asked], Fault | None]


def none(_: Asked) -> None:
    """Nothing goes wrong."""


UNAVAILABLE = Fault(status=503)
FORBIDDEN = Fault(status=403, body=b'{"error":{"code":"Authorization_RequestDenied"}}')
MALFORMED = (b"", b"[]", b"null", b'{"value":{}}', b'{"value":[', b"<html>", b'{"value":[{}],"@odata.nextLink":7}')
