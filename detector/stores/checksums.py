"""The checksum of a row: SQLite's own checks do not see a changed value."""

from __future__ import annotations

from zlib import crc32

Value = str | int | float | bytes | None


def checksum(*values: Value) -> int:
    """CRC-32 over all columns of a row but the checksum itself, in their order.

    Text, numbers and the lengths of blobs go in as ASCII literals (which, unlike `repr`, do not depend on the
    release of Unicode), then the blobs; so no two different rows read the same.
    """
    blobs = [value for value in values if isinstance(value, bytes)]
    head = ascii(tuple(len(value) if isinstance(value, bytes) else value for value in values))
    crc = crc32(head.encode("ascii"))
    for blob in blobs:
        crc = crc32(blob, crc)
    return crc


def checked(*values: Value) -> tuple[Value, ...]:
    """The columns of a row with their checksum behind them."""
    return (*values, checksum(*values))


def checked_state(kind: str, tenant: str, identifier: str, version: int, payload: bytes) -> tuple[Value, ...]:
    """`checked` for a row of state, of which a batch has thousands."""
    head = ascii((kind, tenant, identifier, version, len(payload)))
    return kind, tenant, identifier, version, payload, crc32(payload, crc32(head.encode("ascii")))
