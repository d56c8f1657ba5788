"""Settings of the live source that follows growing files."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import StringConstraints

from detector.config.blocks import Block


class FollowSettings(Block):
    """Growing files of JSON lines."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=4_096)]
    """A directory, or a directory with a pattern for names, e.g. logs/*.jsonl. Folders below are not read."""
    start: Literal["earliest", "latest"] = "earliest"
    """Where to begin at the very first start with files that are there: at their beginning or behind their end."""
    poll_seconds: Annotated[float, Ge(0.05), Le(300)] = 1.0
    """Time between two looks at the directory."""
    rotate_wait_seconds: Annotated[float, Ge(0), Le(600)] = 5.0
    """How long a rotated file must have been quiet before its successor is begun."""
    chunk_bytes: Annotated[int, Ge(4 * 2**10), Le(16 * 2**20)] = 256 * 2**10
    """About how many bytes are handed over at once."""
    max_files: Annotated[int, Ge(1), Le(100_000)] = 10_000
    """Files of different names that are followed."""
