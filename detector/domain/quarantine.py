"""Input that could not be used, and why: nothing is lost, nothing is fatal."""

from __future__ import annotations

from typing import Literal

import msgspec

Reason = Literal[
    "bad_time",
    "decompression_failed",
    "future_time",
    "kills_the_process",
    "malformed_json",
    "missing_id",
    "missing_time",
    "not_an_object",
    "not_utf8",
    "number_out_of_range",
    "too_deep",
    "too_large",
    "truncated",
    "unsupported_shape",
    "wrong_type",
]
"""Why a record was quarantined: a closed set, safe as a metric label."""

FilterReason = Literal[
    "activity_not_read",
    "category_not_read",
    "empty",
    "not_an_agent",
    "not_chosen",
    "out_of_window",
    "too_many_tenants",
    "unknown_category",
]
"""Why a well-formed record was left out without being judged: a closed set, safe as a metric label."""


class Quarantined(msgspec.Struct, frozen=True):
    """One unusable record."""

    reason: Reason
    detail: str
    """A clear sentence: what is wrong and where (dotted path), never the value itself."""
    data: bytes
    """The first `MAX_BYTES` bytes exactly as received."""
    size: int
    """Length of the original in bytes."""
    sha256: str
    """Hex digest over all the original bytes."""
    place: str = ""
    """Where it came from: file and line, or partition and sequence number."""


MAX_BYTES = 16_384
"""How much of a quarantined record is kept."""
