"""What `scanning.pyx` offers."""

from typing import Any

from detector.domain.events import Access, Origin

Read = tuple[
    str,
    list[str | None],
    list[float | None],
    list[Access | None],
    list[Origin | None],
    list[str | None] | None,
    list[str | None] | None,
    float,
    float,
    str,
    list[int],
    bool,
]

class Scanner:
    def __init__(self, key: bytes) -> None: ...
    def scan(self, body: bytes, accesses: dict[int, Access], origins: dict[int, Origin]) -> Read | None: ...
    def missing(self, accesses: list[Access | None], origins: list[Origin | None]) -> list[int]: ...
    def record(self, body: bytes, number: int) -> bytes: ...
    def fields(self, body: bytes, number: int) -> tuple[Any, ...] | None: ...
    def access_key(self, number: int) -> int: ...
    def origin_key(self, number: int) -> int: ...

def line_ends(piece: bytes) -> int: ...
